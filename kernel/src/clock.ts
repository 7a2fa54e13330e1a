import { performance } from 'node:perf_hooks'

/** Time as the process sees it. `wall` may jump; deadlines and waits use `monotonic`. Both in milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  wall(): number
  /** Milliseconds from an arbitrary start; never goes back, does not survive a restart. */
  monotonic(): number
  /** Calls `fn` once after `ms`; the returned function cancels it. */
  after(ms: number, fn: () => void): () => void
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

const MAX_TIMER_MS = 2_147_483_647

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    // setTimeout fires at once past 24.8 days, so a longer wait is made of several.
    let left = Math.max(0, ms)
    let timer: NodeJS.Timeout
    const arm = () => {
      const part = Math.min(left, MAX_TIMER_MS)
      left -= part
      timer = setTimeout(left > 0 ? arm : fn, part)
    }
    arm()
    return () => clearTimeout(timer)
  },
  sleep(ms, signal) {
    return sleepOn(systemClock, ms, signal)
  },
}

function sleepOn(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** A clock that stands still until `advance` is called; timers fire in due order. For tests. */
export class ManualClock implements Clock {
  #now: number
  #wallOffset: number
  #timers: { due: number; order: number; fn: () => void }[] = []
  #order = 0

  constructor(wallMs = 1_800_000_000_000) {
    this.#now = 0
    this.#wallOffset = wallMs
  }

  wall(): number {
    return this.#now + this.#wallOffset
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { due: this.#now + Math.max(0, ms), order: this.#order++, fn }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer)
    }
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  /** Moves monotonic and wall time on by `ms` and fires what falls due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = this.#timers
        .filter((t) => t.due <= end)
        .sort((a, b) => a.due - b.due || a.order - b.order)[0]
      if (!next) break
      this.#timers = this.#timers.filter((t) => t !== next)
      this.#now = next.due
      next.fn()
    }
    this.#now = end
  }

  /** Jumps the wall clock by `ms` without touching monotonic time or timers. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms
  }

  /** Number of timers that wait. */
  get pending(): number {
    return this.#timers.length
  }
}
