import type { YizhanError } from '@yizhan/kernel'
import type { InferenceResult, InferenceSink } from '../port.js'

export type SinkEnd = { readonly result: InferenceResult } | { readonly error: YizhanError }

/** For tests: keeps what a request was told; `text` is what a reader has on the screen. */
export class TestSink implements InferenceSink {
  readonly starts: number[] = []
  /** `attempt/seq` of every piece, to see doubles. */
  readonly pieces: string[] = []
  text = ''
  ends = 0
  readonly ended: Promise<SinkEnd>
  readonly #end: (end: SinkEnd) => void
  #waiting: { count: number; resolve: () => void }[] = []

  constructor() {
    let end: (end: SinkEnd) => void = () => undefined
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    this.#end = end
  }

  started(attempt: number): void {
    const last = this.starts.at(-1)
    if (last !== undefined && attempt > last) this.text = ''
    this.starts.push(attempt)
  }

  tokens(attempt: number, seq: number, text: string): void {
    this.pieces.push(`${attempt}/${seq}`)
    this.text += text
    for (const waiting of this.#waiting) if (this.pieces.length >= waiting.count) waiting.resolve()
  }

  final(result: InferenceResult): void {
    this.ends += 1
    this.#end({ result })
  }

  failed(error: YizhanError): void {
    this.ends += 1
    this.#end({ error })
  }

  /** Resolves once this many pieces were told. */
  has(count: number): Promise<void> {
    if (this.pieces.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ count, resolve }))
  }
}
