import { Worker } from 'node:worker_threads'
import { YizhanError } from '../errors.js'
import { runSealJob, type SealJob } from './seal-job.js'

/** Values of this size and more are sealed and opened in the other thread. */
export const OFFLOAD_BYTES = 16_384
const MAX_BYTES_AWAY = 32 * 1_024 * 1_024

/** A thread for large values, which would hold the event loop for 0.3 ms and more each. */
export interface SealOffload {
  /**
   * Runs the job; what it answers is the job's. At most 32 MiB (or one larger job) are away at a time: `job` is asked for
   * when there is room. Rejects with `internal` if the thread ended; the next one starts another.
   */
  run(bytes: number, job: () => SealJob): Promise<Uint8Array | undefined>
  /** Waits for the jobs that are away, then ends the thread. What comes later is done on the calling thread. */
  stop(): Promise<void>
}

/** The thread starts with the first job, and keeps the process alive only while it has one. */
export function startSealOffload(): SealOffload {
  return new ThreadOffload()
}

interface Away {
  readonly bytes: number
  readonly resolve: (bytes: Uint8Array | undefined) => void
  readonly reject: (thrown: unknown) => void
}

class ThreadOffload implements SealOffload {
  /** In the order in which the thread answers. */
  readonly #away: Away[] = []
  #bytesAway = 0
  /** The end of the queue for room. */
  #admitted: Promise<void> = Promise.resolve()
  #onRoom: (() => void) | undefined
  #last: Promise<unknown> = Promise.resolve()
  #thread: Worker | undefined
  #stopped: Promise<void> | undefined

  async run(bytes: number, job: () => SealJob): Promise<Uint8Array | undefined> {
    const admitted = this.#admitted.then(() => this.#admit(bytes))
    this.#admitted = admitted
    await admitted
    return this.#stopped ? runSealJob(job()) : this.#send(bytes, job())
  }

  async #admit(bytes: number): Promise<void> {
    while (!this.#stopped && this.#bytesAway > 0 && this.#bytesAway + bytes > MAX_BYTES_AWAY) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve
      })
    }
  }

  #send(bytes: number, job: SealJob): Promise<Uint8Array | undefined> {
    this.#thread ??= this.#start()
    const thread = this.#thread
    const answer = new Promise<Uint8Array | undefined>((resolve, reject) => {
      thread.postMessage(job, [job.bytes.buffer])
      thread.ref()
      this.#away.push({ bytes, resolve, reject })
      this.#bytesAway += bytes
    })
    this.#last = answer.catch(() => undefined)
    return answer
  }

  #start(): Worker {
    // Flags of the process, such as --input-type, are not for this file.
    const thread = new Worker(new URL('./seal-worker.js', import.meta.url), { execArgv: [] })
    thread.on('message', (answer: Uint8Array | undefined) => {
      this.#home()?.resolve(answer)
      if (this.#away.length === 0) thread.unref()
    })
    let cause: unknown
    thread.on('error', (thrown) => {
      cause = thrown
    })
    thread.on('exit', () => {
      this.#thread = undefined
      const ended = new YizhanError('internal', 'the thread that seals large values ended', {
        cause,
        retryable: true,
      })
      for (let away = this.#home(); away; away = this.#home()) away.reject(ended)
    })
    return thread
  }

  #home(): Away | undefined {
    const away = this.#away.shift()
    this.#bytesAway -= away?.bytes ?? 0
    this.#onRoom?.()
    return away
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end()
    return this.#stopped
  }

  async #end(): Promise<void> {
    this.#onRoom?.()
    await this.#last
    await this.#thread?.terminate()
  }
}
