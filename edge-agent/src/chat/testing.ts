import { PassThrough } from 'node:stream'
import type { ReadStream, WriteStream } from 'node:tty'
import type { ChatIo } from './io.js'
import { columnsOf, graphemes } from './text-width.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal is written is control sequences and text.
const TOKENS = /\u001b\[([?\d;]*)([A-Za-z])|\r|\n|[^\u001b\r\n]+/g

/** A terminal of which a test sees what a person would: rows of characters, at a size that may change. */
export class FakeTerminal {
  readonly stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(mode: boolean) {
      this.isRaw = mode
      return this
    },
  })
  readonly stdout: PassThrough & { isTTY: boolean; columns: number; rows: number }
  /** Everything as it was written. */
  raw = ''
  #rows: string[][] = [[]]
  #row = 0
  #column = 0
  readonly #waiting = new Set<() => void>()

  constructor(columns = 60, rows = 20) {
    this.stdout = Object.assign(new PassThrough(), { isTTY: true, columns, rows })
    this.stdout.setEncoding('utf8').on('data', (data: string) => {
      this.raw += data
      this.#take(data)
      for (const look of this.#waiting) look()
    })
  }

  io(env: ChatIo['env'] = {}): ChatIo {
    return {
      stdin: this.stdin as unknown as ReadStream,
      stdout: this.stdout as unknown as WriteStream,
      stderr: new PassThrough(),
      isTty: true,
      env,
    }
  }

  press(text: string): void {
    this.stdin.write(text)
  }

  /** As most terminals do it: rows that are too long go on in the next one. */
  resize(columns: number): void {
    const rows: string[][] = []
    let cursor = 0
    for (const [at, row] of this.#rows.entries()) {
      if (at === this.#row) cursor = rows.length + Math.floor(this.#column / columns)
      do rows.push(row.splice(0, columns))
      while (row.length > 0)
    }
    this.#rows = rows
    this.#goTo(cursor)
    this.#column %= columns
    this.stdout.columns = columns
    this.stdout.emit('resize')
  }

  /** Rows, without spaces at their ends, up to the last that holds anything. */
  get text(): string {
    return this.#rows
      .map((row) => row.join('').trimEnd())
      .join('\n')
      .trimEnd()
  }

  /** Where the cursor stands: the text to the left of it. */
  get beforeCursor(): string {
    return (this.#rows[this.#row] ?? []).slice(0, this.#column).join('')
  }

  /** Resolves when the terminal shows it. */
  shows(what: string | RegExp): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!(typeof what === 'string' ? this.text.includes(what) : what.test(this.text))) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  #take(data: string): void {
    for (const [token, parameters = '', final] of data.matchAll(TOKENS)) {
      if (token === '\r') this.#column = 0
      else if (token === '\n') this.#goTo(this.#row + 1)
      else if (final === undefined) this.#put(token)
      else this.#control(final, parameters)
    }
  }

  #control(final: string, parameters: string): void {
    const count = Number(parameters) || 1
    if (final === 'A') this.#row = Math.max(0, this.#row - count)
    else if (final === 'C') this.#column += count
    else if (final === 'H') this.#goTo(0)
    else if (final === 'J') {
      this.#rows.length = this.#row + 1
      this.#rows[this.#row]?.splice(parameters === '2' ? 0 : this.#column)
    } else if (final !== 'm' && !parameters.startsWith('?')) throw new Error(`not expected: ESC [ ${final}`)
  }

  #goTo(row: number): void {
    this.#row = row
    while (this.#rows.length <= row) this.#rows.push([])
  }

  /** A wide character takes its cell and an empty one. */
  #put(text: string): void {
    const row = this.#rows[this.#row] ?? []
    for (const cluster of graphemes(text)) {
      const width = columnsOf(cluster)
      if (this.#column + width > this.stdout.columns) throw new Error(`too wide: ${row.join('')}${cluster}`)
      while (row.length < this.#column) row.push(' ')
      row[this.#column] = cluster
      if (width === 2) row[this.#column + 1] = ''
      this.#column += width
    }
  }
}
