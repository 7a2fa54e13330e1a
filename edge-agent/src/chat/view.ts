import { printable } from './paint.js'

/** Where a conversation is shown. */
export interface View {
  /** Of a terminal; how wide what is printed may be. */
  readonly columns: number
  /** Whole lines that are printable already. */
  print(lines: readonly string[]): void
  /** More of the answer that has the line, as it came. */
  append(text: string): void
  /** The answer that had the line is over, or something else comes between. */
  endText(): void
  /** What stands below the conversation: the link, what waits, that an answer is on its way. */
  setStatus(lines: readonly string[]): void
}

/** A pipe or a file: text as it comes, nothing is drawn over. */
export class PlainView implements View {
  readonly columns = 80
  readonly #write: (text: string) => void
  #isInLine = false

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  print(lines: readonly string[]): void {
    if (lines.length > 0) this.#write(`${lines.join('\n')}\n`)
  }

  append(text: string): void {
    this.#isInLine = true
    this.#write(printable(text))
  }

  endText(): void {
    if (this.#isInLine) this.#write('\n')
    this.#isInLine = false
  }

  setStatus(): void {
    // A file has no place that could be drawn anew.
  }
}
