import { LineCounter } from 'yaml'

const LONGEST_LINE = 500

export interface Place {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
}

/** A text by its lines; the parser tells where they start. */
export class TextLines {
  readonly text: string
  readonly #counter = new LineCounter()

  constructor(text: string) {
    this.text = text
  }

  /** For the parser, once for each line. */
  readonly addLine = (offset: number): void => {
    this.#counter.addNewLine(offset)
  }

  placeOf(offset: number): Place {
    const { line, col } = this.#counter.linePos(offset)
    // Nothing was counted in an empty file.
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }

  /** The offset of a line's first character; past the last line, that of the end. */
  startOf(line: number): number {
    return this.#counter.lineStarts[line - 1] ?? this.text.length
  }

  /** What a sticky expression finds at `offset`; nothing before or after is looked at. */
  matchAt(offset: number, sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = offset
    return sticky.exec(this.text)
  }

  /** The first 500 characters of the line without its end: a file may be one line, and a line is looked at often. */
  lineAt(line: number): string {
    const start = this.startOf(line)
    const text = this.text.slice(start, start + LONGEST_LINE)
    const end = text.indexOf('\n')
    return end === -1 ? text : text.slice(0, end)
  }
}
