import { columnsOf, graphemes } from './text-width.js'
import { wrap } from './wrap.js'

const ESC = '\u001b['
// biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours are what it looks for.
const SGR = /\u001b\[[\d;]*m/g

/** What stands below the lines that are printed for good, and is drawn anew at each change. */
export interface LivePart {
  /** Rows above the prompt: the line that an answer has come to, the state of the link. */
  readonly rows: readonly string[]
  readonly prompt: string
  readonly input: string
  /** The part of the input that is left of the cursor. */
  readonly before: string
}

interface Drawn {
  readonly rows: readonly string[]
  readonly cursorRow: number
  readonly cursorColumn: number
  readonly columns: number
}

/** The terminal: lines above that scroll away, and a live part below them. Each change is one write. */
export class Screen {
  readonly #write: (text: string) => void
  readonly #size: () => { readonly columns: number; readonly rows: number }
  #drawn: Drawn | undefined

  constructor(write: (text: string) => void, size: () => { columns: number; rows: number }) {
    this.#write = write
    this.#size = size
  }

  /** How wide a row may be. The last column stays free: a cursor behind it would be in the next row on some terminals. */
  get columns(): number {
    return this.#terminalColumns - 1
  }

  get #terminalColumns(): number {
    return Math.max(20, this.#size().columns)
  }

  /** Rows, of no more than the terminal's columns, go above; the live part is drawn anew below. */
  draw(live: LivePart, above: readonly string[] = []): void {
    const lines = above.map((row) => `${row}\r\n`).join('')
    this.#write(`${this.#erase()}${lines}${this.#live(live)}`)
  }

  /** Empties the terminal, and draws the live part at its top. */
  clear(live: LivePart): void {
    this.#drawn = undefined
    this.#write(`${ESC}2J${ESC}H${this.#live(live)}`)
  }

  /** Takes the live part away; what is written next stands in its place. */
  leave(): void {
    this.#write(this.#erase())
  }

  /** To the begin of the live part, and all of it away. A terminal that was resized since has wrapped it anew. */
  #erase(): string {
    const drawn = this.#drawn
    this.#drawn = undefined
    if (!drawn) return ''
    const columns = this.#terminalColumns
    const height = (row: string) => Math.max(1, Math.ceil(columnsOf(row.replace(SGR, '')) / columns))
    const above = drawn.rows.slice(0, drawn.cursorRow)
    const rowsAbove = above.reduce((sum, row) => sum + height(row), 0)
    const wrapped = rowsAbove + Math.floor(drawn.cursorColumn / columns)
    const up = columns >= drawn.columns ? drawn.cursorRow : wrapped
    return `${up > 0 ? `${ESC}${up}A` : ''}\r${ESC}J`
  }

  #live({ rows, prompt, input, before }: LivePart): string {
    const width = this.columns
    const indent = columnsOf(prompt.replace(SGR, ''))
    const inputRows = layout(input, width, indent)
    const cursor = position(before, width, indent)
    const height = Math.max(1, this.#size().rows - 1)
    const [from, to] = windowOf(inputRows.length, cursor.row, Math.max(1, Math.floor(height / 2)))
    const shownInput = inputRows.slice(from, to).map((row, at) => {
      return (from + at === 0 ? prompt : ' '.repeat(indent)) + row
    })
    const room = Math.max(0, height - shownInput.length)
    const shown = [...(room > 0 ? rows.slice(-room) : []), ...shownInput]
    const cursorRow = shown.length - shownInput.length + cursor.row - from
    const cursorColumn = indent + cursor.column
    this.#drawn = { rows: shown, cursorRow, cursorColumn, columns: this.#terminalColumns }
    const up = shown.length - 1 - cursorRow
    return `${shown.join('\r\n')}${up > 0 ? `${ESC}${up}A` : ''}\r${
      cursorColumn > 0 ? `${ESC}${cursorColumn}C` : ''
    }`
  }
}

/** The input as rows below each other, all beginning behind the prompt. */
function layout(input: string, width: number, indent: number): string[] {
  return input.split('\n').flatMap((line) => hardWrap(line, width - indent))
}

/** Broken where the row is full, so that the cursor's place can be told from the text before it. */
function hardWrap(line: string, columns: number): string[] {
  const rows: string[] = []
  let row = ''
  let used = 0
  for (const char of graphemes(line.replaceAll('\t', '  '))) {
    const size = columnsOf(char)
    if (used + size > columns) {
      rows.push(row)
      row = ''
      used = 0
    }
    row += char
    used += size
  }
  return [...rows, row]
}

function position(before: string, width: number, indent: number): { row: number; column: number } {
  const rows = layout(before, width, indent)
  const column = columnsOf(rows.at(-1) ?? '')
  return { row: rows.length - 1, column }
}

/** A window of at most `size` rows around the cursor's. */
function windowOf(rows: number, cursor: number, size: number): [from: number, to: number] {
  const from = Math.max(0, Math.min(cursor - Math.floor(size / 2), rows - size))
  return [from, Math.min(rows, from + size)]
}

/** Lines as rows of the screen; by default further rows begin where the first one does. */
export function rowsOf(lines: readonly string[], columns: number, indent?: number): string[] {
  return lines.flatMap((line) => wrap(line, columns, indent ?? indentOf(line)))
}

function indentOf(line: string): number {
  const text = line.replace(SGR, '')
  return text.length - text.trimStart().length
}
