import { toYizhanError } from './errors.js'

/**
 * What every started part is. `done` settles when the part has ended by itself (rejects if it failed);
 * `stop` is idempotent, and its own doc says what is drained when it resolves.
 */
export interface Running {
  readonly done: Promise<void>
  stop(reason: string): Promise<void>
}

export interface Started {
  readonly name: string
  readonly stop: (reason: string) => Promise<void>
  /** How long `stop` may take before the next part is closed anyway, in milliseconds. */
  readonly deadlineMs: number
}

export interface StopReport {
  readonly name: string
  readonly ok: boolean
  readonly error?: string
}

/**
 * Collects parts while they start, in message order. If a later start throws, `undo` stops what was started, last
 * first; after a whole start, `stop` does the same once.
 */
export class Lifecycle {
  readonly #started: Started[] = []
  readonly #warn: (report: StopReport) => void
  #stopping: Promise<StopReport[]> | undefined

  constructor(warn: (report: StopReport) => void = () => undefined) {
    this.#warn = warn
  }

  /** Registers a started part; returns it, so that a composition root reads as one assignment a line. */
  add<T extends { stop(reason: string): Promise<void> }>(name: string, part: T, deadlineMs = 5_000): T {
    this.#started.push({ name, stop: (reason) => part.stop(reason), deadlineMs })
    return part
  }

  /** Registers something that closes without being a Running, such as a database. */
  onStop(name: string, stop: (reason: string) => Promise<void>, deadlineMs = 5_000): void {
    this.#started.push({ name, stop, deadlineMs })
  }

  /** Names in the order in which they will be closed. */
  closeOrder(): string[] {
    return this.#started.map((part) => part.name).reverse()
  }

  /** Stops everything, last started first, each within its deadline; a failed stop does not keep the others open. */
  stop(reason: string): Promise<StopReport[]> {
    this.#stopping ??= this.#stopAll(reason)
    return this.#stopping
  }

  /**
   * The whole as one Running: `done` resolves once `stop` has closed everything; if a part fails (one of `parts`
   * rejects), everything is stopped and `done` rejects with its error.
   */
  running(parts: readonly Promise<void>[]): Running {
    let settle: { resolve(): void; reject(error: unknown): void } | undefined
    const done = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject }
    })
    // Whoever starts the whole may not be waiting yet when a part fails.
    done.catch(() => undefined)
    const stop = async (reason: string) => {
      await this.stop(reason)
      settle?.resolve()
    }
    for (const part of parts) {
      part.catch(async (error: unknown) => {
        await this.stop('a part failed')
        settle?.reject(error)
      })
    }
    return { done, stop }
  }

  async #stopAll(reason: string): Promise<StopReport[]> {
    const reports: StopReport[] = []
    for (const part of [...this.#started].reverse()) {
      try {
        await withDeadline(part.stop(reason), part.deadlineMs, part.name)
        reports.push({ name: part.name, ok: true })
      } catch (thrown) {
        const report = { name: part.name, ok: false, error: toYizhanError(thrown).message }
        reports.push(report)
        this.#warn(report)
      }
    }
    return reports
  }
}

/**
 * Runs `start` with a fresh Lifecycle; if it throws, what it had started is stopped before the error goes on. `warn`
 * hears of every part that did not stop as it should.
 */
export async function startWithUndo<T>(
  start: (life: Lifecycle) => Promise<T>,
  warn: (report: StopReport) => void = () => undefined,
): Promise<T> {
  const life = new Lifecycle(warn)
  try {
    return await start(life)
  } catch (thrown) {
    await life.stop('start failed')
    throw thrown
  }
}

function withDeadline(work: Promise<void>, ms: number, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} did not stop within ${ms} ms`)), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
