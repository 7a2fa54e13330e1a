import type { Clock } from '@yizhan/kernel'

export type Woken = 'woken' | 'expired' | 'stopped'

/**
 * The deliveries of one conversation, one after the other in the order of `add`. A job that finds nobody waits in front
 * of the others until the lane is woken.
 */
export class Lane {
  readonly #jobs: (() => Promise<void>)[] = []
  readonly #onEmpty: () => void
  #running = false
  #wakes = 0
  #sleeper: (() => void) | undefined

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty
  }

  /** `job` must not reject. */
  add(job: () => Promise<void>): void {
    this.#jobs.push(job)
    if (!this.#running) void this.#run()
  }

  /** Somebody may be there now. */
  wake(): void {
    this.#wakes++
    this.#sleeper?.()
  }

  /** Counts `wake` calls; what `slept` compares with, so that one that came during a delivery is not missed. */
  get wakes(): number {
    return this.#wakes
  }

  /** Waits for a `wake` after `since`, for `ms`, or for the end. */
  sleep(clock: Clock, since: number, ms: number, signal: AbortSignal): Promise<Woken> {
    if (signal.aborted) return Promise.resolve('stopped')
    if (this.#wakes !== since) return Promise.resolve('woken')
    return new Promise((resolve) => {
      const end = (woken: Woken) => {
        cancel()
        signal.removeEventListener('abort', onAbort)
        this.#sleeper = undefined
        resolve(woken)
      }
      const onAbort = () => end('stopped')
      const cancel = clock.after(ms, () => end('expired'))
      signal.addEventListener('abort', onAbort, { once: true })
      this.#sleeper = () => end('woken')
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) await job()
    this.#running = false
    this.#onEmpty()
  }
}
