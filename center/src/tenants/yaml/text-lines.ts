import { LineCounter } from 'yaml'

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

  /** What follows on the line of `offset`. */
  restOfLine(offset: number): string {
    const end = this.text.indexOf('\n', offset)
    return this.text.slice(offset, end === -1 ? undefined : end)
  }

  /** The line without its end; empty if there is none. */
  lineAt(line: number): string {
    const start = this.startOf(line)
    const end = this.text.indexOf('\n', start)
    return this.text.slice(start, end === -1 ? undefined : end)
  }
}
