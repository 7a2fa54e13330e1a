import { Worker } from 'node:worker_threads'
import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { FromWorker, ToWorker } from './worker-protocol.js'

type ThreadState =
  | { readonly s: 'down' }
  | { readonly s: 'starting' | 'up' | 'ending'; readonly worker: Worker }
  | { readonly s: 'backing-off'; readonly cancel: () => void }
  | { readonly s: 'stopped' }

export interface ThreadEvents {
  /** The thread runs, for the first time or again. */
  onUp(): void
  /** The thread died: nothing that was sent to it will be answered. */
  onDown(): void
  onMessage(message: Exclude<FromWorker, { kind: 'ready' }>): void
}

export interface ThreadConfig {
  /** Before a dead thread is started again: a random part of this, doubled with every death up to the maximum. */
  readonly backoffMs: number
  readonly maxBackoffMs: number
}

const HEAP = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 }
export const CLOSE_MS = 5_000
const STEADY_MS = 60_000

export function spawnIntentWorker(): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), {
    name: 'intent',
    // The JavaScript heap only; the sessions' memory is bounded by the size of the models.
    resourceLimits: HEAP,
  })
}

/** Keeps one worker thread alive, for ever, with backoff between deaths. */
export class IntentThread {
  readonly #log: Logger
  readonly #clock: Clock
  readonly #spawn: () => Worker
  readonly #events: ThreadEvents
  readonly #config: ThreadConfig
  #state: ThreadState = { s: 'down' }
  #deaths = 0
  #upSince = 0

  constructor(
    deps: { readonly log: Logger; readonly clock: Clock; readonly spawn: () => Worker },
    events: ThreadEvents,
    config: ThreadConfig,
  ) {
    this.#log = deps.log
    this.#clock = deps.clock
    this.#spawn = deps.spawn
    this.#events = events
    this.#config = config
  }

  get isUp(): boolean {
    return this.#state.s === 'up'
  }

  /** Resolves when the thread runs; rejects with `unavailable` if it dies before, and does not try again then. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => this.#launch(resolve, reject))
  }

  /** Sends to a thread that is up, handing over the buffers in `transfer`; false if there is none. */
  send(message: ToWorker, transfer: readonly ArrayBuffer[] = []): boolean {
    if (this.#state.s !== 'up') return false
    this.#state.worker.postMessage(message, transfer)
    return true
  }

  /**
   * Gives the thread up, as if it had died: another one is started once it is gone. It may end by itself what it is at,
   * and is ended only if it does not: `terminate` in the middle of a run can abort the whole process (measured).
   */
  replace(why: string): void {
    if (this.#state.s !== 'up') return
    this.#log.warn({ why }, 'the intent thread is replaced')
    const { worker } = this.#state
    this.#state = { s: 'ending', worker }
    this.#events.onDown()
    this.#close(worker)
  }

  /** Lets the thread free its models and end; after 5 s it is ended. Never starts again. */
  async stop(): Promise<void> {
    const state = this.#state
    this.#state = { s: 'stopped' }
    if (state.s === 'backing-off') state.cancel()
    if (state.s !== 'up' && state.s !== 'starting' && state.s !== 'ending') return
    const gone = new Promise<void>((resolve) => state.worker.once('exit', () => resolve()))
    this.#close(state.worker)
    await gone
  }

  #close(worker: Worker): void {
    const cancel = this.#clock.after(CLOSE_MS, () => void worker.terminate())
    worker.once('exit', cancel)
    const message: ToWorker = { kind: 'close' }
    worker.postMessage(message)
  }

  #launch(onUp?: () => void, onFailed?: (error: unknown) => void): void {
    const worker = this.#spawn()
    this.#state = { s: 'starting', worker }
    let cause: unknown
    worker.on('message', (message: FromWorker) => {
      if (message.kind !== 'ready') return this.#events.onMessage(message)
      if (this.#state.s !== 'starting') return
      this.#state = { s: 'up', worker }
      this.#upSince = this.#clock.monotonic()
      this.#events.onUp()
      onUp?.()
    })
    worker.on('error', (thrown) => {
      cause = thrown
    })
    worker.on('exit', (code) => {
      const first = this.#state.s === 'starting' && onFailed !== undefined
      if (this.#state.s === 'stopped') return
      const error = new YizhanError('unavailable', `the intent thread ended with code ${code}`, { cause })
      this.#log.error({ err: error, cause: cause && toYizhanError(cause) }, 'the intent thread died')
      if (this.#state.s !== 'ending') this.#events.onDown()
      if (first) {
        this.#state = { s: 'down' }
        onFailed(error)
      } else this.#backOff()
    })
  }

  #backOff(): void {
    if (this.#clock.monotonic() - this.#upSince > STEADY_MS) this.#deaths = 0
    const ceiling = Math.min(this.#config.maxBackoffMs, this.#config.backoffMs * 2 ** this.#deaths)
    this.#deaths++
    const cancel = this.#clock.after(Math.random() * ceiling, () => this.#launch())
    this.#state = { s: 'backing-off', cancel }
  }
}
