import { emitKeypressEvents } from 'node:readline'
import { complete } from './completion.js'
import { type Key, LineEditor } from './editor.js'
import type { History } from './history.js'
import type { TerminalIo } from './io.js'
import { MarkdownLines } from './markdown.js'
import { type Paint, printable } from './paint.js'
import { type LivePart, rowsOf, Screen } from './screen.js'
import type { View } from './view.js'
import { wrap } from './wrap.js'

export interface TerminalHandlers {
  line(text: string): void
  /** Ctrl-C, with nothing written. */
  interrupt(): void
  /** Ctrl-D, or the terminal is gone. */
  end(): void
}

const PROMPT = '› '
const PASTE_ON = '\u001b[?2004h'
const PASTE_OFF = '\u001b[?2004l'

/** A person's terminal: the conversation scrolls above, the line that is being written stays below it. */
export class TerminalView implements View {
  readonly #io: TerminalIo
  readonly #paint: Paint
  readonly #history: History
  readonly #commands: Readonly<Record<string, string>>
  readonly #handlers: TerminalHandlers
  readonly #screen: Screen
  readonly #editor = new LineEditor()
  #markdown: MarkdownLines
  #tail = ''
  #isInText = false
  #status: readonly string[] = []
  #pasted: string | undefined

  constructor(
    io: TerminalIo,
    deps: {
      readonly paint: Paint
      readonly history: History
      readonly commands: Readonly<Record<string, string>>
    },
    handlers: TerminalHandlers,
  ) {
    this.#io = io
    this.#paint = deps.paint
    this.#history = deps.history
    this.#commands = deps.commands
    this.#handlers = handlers
    this.#markdown = new MarkdownLines(deps.paint)
    this.#screen = new Screen(
      (text) => io.stdout.write(text),
      () => ({ columns: io.stdout.columns, rows: io.stdout.rows }),
    )
  }

  get columns(): number {
    return this.#screen.columns
  }

  /** Takes the keyboard. */
  open(): void {
    const { stdin, stdout } = this.#io
    emitKeypressEvents(stdin)
    stdin.setRawMode(true)
    stdin.resume()
    stdin.on('keypress', this.#onKey)
    stdin.once('end', this.#handlers.end)
    stdout.on('resize', this.#onResize)
    stdout.write(PASTE_ON)
    this.#draw()
  }

  /** Gives the keyboard and the last row back. */
  close(): void {
    const { stdin, stdout } = this.#io
    this.endText()
    this.#screen.leave()
    stdout.write(PASTE_OFF)
    stdout.off('resize', this.#onResize)
    stdin.off('keypress', this.#onKey)
    stdin.off('end', this.#handlers.end)
    stdin.setRawMode(false)
    stdin.pause()
  }

  print(lines: readonly string[]): void {
    this.#draw(rowsOf(lines, this.columns))
  }

  append(text: string): void {
    this.#isInText = true
    const lines = (this.#tail + printable(text)).split('\n')
    this.#tail = lines.pop() ?? ''
    this.#draw(lines.flatMap((line) => this.#rowsOfLine(line)))
  }

  endText(): void {
    if (!this.#isInText) return
    const rows = this.#tail === '' ? [] : this.#rowsOfLine(this.#tail)
    this.#tail = ''
    this.#isInText = false
    this.#markdown = new MarkdownLines(this.#paint)
    this.#draw(rows)
  }

  setStatus(lines: readonly string[]): void {
    this.#status = lines
    this.#draw()
  }

  #rowsOfLine(line: string): string[] {
    const { text, indent } = this.#markdown.line(line)
    return wrap(text, this.columns, indent)
  }

  #draw(above: readonly string[] = []): void {
    this.#screen.draw(this.#live(), above)
  }

  readonly #onResize = (): void => this.#draw()

  #live(): LivePart {
    const { text, indent } = this.#markdown.preview(this.#tail)
    const tail = this.#tail === '' ? [] : wrap(text, this.columns, indent)
    const status = rowsOf(this.#status, this.columns).map(this.#paint.dim)
    const { text: input, before } = this.#editor
    return { rows: [...tail, ...status], prompt: this.#paint.bold(PROMPT), input, before }
  }

  readonly #onKey = (str: string | undefined, key: Key): void => {
    if (key.name === 'paste-start') this.#pasted = ''
    else if (key.name === 'paste-end') this.#paste()
    else if (this.#pasted !== undefined) this.#pasted += str ?? key.sequence ?? ''
    else this.#press(str, key)
  }

  /** What was pasted is one text, whatever line ends are in it; it is sent with Enter. */
  #paste(): void {
    const text = (this.#pasted ?? '').replace(/\r\n?/g, '\n')
    this.#pasted = undefined
    this.#editor.insert(printable(text).replace(/\n+$/, ''))
    this.#draw()
  }

  #press(str: string | undefined, key: Key): void {
    const event = this.#editor.press(str, key)
    switch (event.e) {
      case 'none':
        break
      case 'changed':
        this.#draw()
        break
      case 'submit':
        this.#submit(event.text)
        break
      case 'complete':
        this.#complete()
        break
      case 'older':
      case 'newer': {
        const entry = event.e === 'older' ? this.#history.older(this.#editor.text) : this.#history.newer()
        if (entry !== undefined) this.#editor.set(printable(entry))
        this.#draw()
        break
      }
      case 'interrupt':
        if (this.#editor.text === '') this.#handlers.interrupt()
        else this.#editor.set('')
        this.#draw()
        break
      case 'end':
        this.#handlers.end()
        break
      case 'clear-screen':
        this.#screen.clear(this.#live())
        break
      default:
        event satisfies never
    }
  }

  #submit(text: string): void {
    const line = text.trim()
    if (line === '') {
      this.#draw()
      return
    }
    this.#history.add(line)
    // What was asked stands where it was written, also between two rows of an answer.
    this.endText()
    const [first = '', ...more] = line.split('\n')
    const shown = [`${this.#paint.bold(PROMPT)}${first}`, ...more.map((row) => `  ${row}`)]
    this.#draw(rowsOf(shown, this.columns, 2))
    this.#handlers.line(line)
  }

  #complete(): void {
    const { text, candidates } = complete(this.#editor.text, Object.keys(this.#commands))
    this.#editor.set(text)
    const width = Math.max(0, ...candidates.map(({ length }) => length))
    const help = candidates.map((name) =>
      this.#paint.dim(`  ${name.padEnd(width)}  ${this.#commands[name] ?? ''}`),
    )
    this.#draw(rowsOf(help, this.columns, width + 4))
  }
}
