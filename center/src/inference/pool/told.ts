import type { Piece } from '../port.js'
import { estimateTokens } from '../token-estimate.js'

/** What the reader of an answer was told of it. */
export class Told {
  #text = ''
  #calls = false
  #prefix = ''

  get empty(): boolean {
    return this.#text === '' && !this.#calls
  }

  /** Of the arguments of a tool call nobody knows where to go on. */
  get canGoOn(): boolean {
    return !this.#calls
  }

  /** The text for the next engine to go on after. */
  goOn(): string {
    this.#prefix = this.#text
    return this.#prefix
  }

  /** About what of the text other engines wrote. */
  get prefixTokens(): number {
    return estimateTokens(this.#prefix)
  }

  take(piece: Piece): void {
    if (piece.type === 'text') this.#text += piece.text
    if (piece.type === 'tool-calls') this.#calls = true
  }

  clear(): void {
    this.#text = ''
    this.#calls = false
  }
}
