import type { YizhanError } from '@yizhan/kernel'
import type { Backend, GenerateRequest, Piece } from '../port.js'

/** One run of a `HeldBackend`: the test says piece by piece what comes. */
export class HeldRun {
  readonly request: GenerateRequest
  readonly signal: AbortSignal
  #queue: (Piece | YizhanError)[] = []
  #wake: () => void = () => undefined

  constructor(request: GenerateRequest, signal: AbortSignal) {
    this.request = request
    this.signal = signal
  }

  /** What was given and not taken yet. */
  get waiting(): number {
    return this.#queue.length
  }

  /** The run goes on with this. */
  give(...steps: (Piece | YizhanError | string)[]): void {
    for (const step of steps) this.#queue.push(typeof step === 'string' ? { type: 'text', text: step } : step)
    this.#wake()
  }

  end(finish: 'stop' | 'length' | 'no-answer' = 'stop'): void {
    this.give({ type: 'end', finish, inputTokens: 7, outputTokens: 9 })
  }

  async *pieces(): AsyncGenerator<Piece> {
    for (;;) {
      const step = this.#queue.shift()
      if (step instanceof Error) throw step
      if (step) yield step
      else {
        // It ignores an abort: what reads it has to stand that.
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}

/** A backend whose runs are in the test's hands. */
export class HeldBackend implements Backend {
  readonly name: string
  readonly model: string
  readonly runs: HeldRun[] = []
  readonly #awaited: ((run: HeldRun) => void)[] = []

  constructor(name = 'held') {
    this.name = name
    this.model = `${name}-1`
  }

  get last(): HeldRun {
    const run = this.runs.at(-1)
    if (!run) throw new Error('the backend was not asked')
    return run
  }

  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<Piece> {
    const run = new HeldRun(request, signal)
    this.runs.push(run)
    this.#awaited.shift()?.(run)
    return run.pieces()
  }

  /** The next run, as soon as it begins. */
  next(): Promise<HeldRun> {
    return new Promise((resolve) => this.#awaited.push(resolve))
  }

  async probe(): Promise<void> {}
}
