import { YizhanError } from '@yizhan/kernel'

interface Job<I, O> {
  readonly inputs: readonly I[]
  readonly outputs: O[]
  next: number
  readonly resolve: (outputs: O[]) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Runs at once, and puts together what comes while a run is under way. Jobs take turns, a batch at a time, so that a long
 * one does not hold up the short.
 */
export class Batcher<I, O> {
  readonly #run: (inputs: readonly I[]) => Promise<readonly O[]>
  readonly #limits: { readonly batch: number; readonly maxWaiting: number }
  #jobs: Job<I, O>[] = []
  #running = false

  constructor(
    run: (inputs: readonly I[]) => Promise<readonly O[]>,
    limits: { readonly batch: number; readonly maxWaiting: number },
  ) {
    this.#run = run
    this.#limits = limits
  }

  /** One output for each input, in order. Throws `overloaded`, the signal's reason, what the run threw. */
  add(inputs: readonly I[], signal: AbortSignal): Promise<readonly O[]> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (inputs.length === 0) return Promise.resolve([])
    const waiting = this.#jobs.reduce((sum, job) => sum + job.inputs.length - job.next, 0)
    if (this.#jobs.length > 0 && waiting + inputs.length > this.#limits.maxWaiting) {
      return Promise.reject(new YizhanError('overloaded', 'too many texts wait for the model'))
    }
    return new Promise<O[]>((resolve, reject) => {
      const over = () => signal.removeEventListener('abort', onAbort)
      const job: Job<I, O> = {
        inputs,
        outputs: [],
        next: 0,
        resolve(outputs) {
          over()
          resolve(outputs)
        },
        reject(reason) {
          over()
          reject(reason)
        },
      }
      const onAbort = () => {
        this.#jobs = this.#jobs.filter((other) => other !== job)
        job.reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#jobs.push(job)
      void this.#work()
    })
  }

  async #work(): Promise<void> {
    if (this.#running) return
    this.#running = true
    while (this.#jobs.length > 0) await this.#step()
    this.#running = false
  }

  async #step(): Promise<void> {
    const taken: { readonly job: Job<I, O>; readonly from: number; readonly count: number }[] = []
    let room = this.#limits.batch
    for (const job of this.#jobs) {
      const count = Math.min(room, job.inputs.length - job.next)
      if (count === 0) break
      taken.push({ job, from: job.next, count })
      job.next += count
      room -= count
    }
    const jobs = new Set(taken.map(({ job }) => job))
    try {
      const inputs = taken.flatMap(({ job, from, count }) => job.inputs.slice(from, from + count))
      const outputs = (await this.#run(inputs)).values()
      for (const { job, count } of taken) {
        for (let i = 0; i < count; i++) {
          const { value } = outputs.next()
          if (value !== undefined) job.outputs.push(value)
        }
      }
      for (const job of jobs) if (job.outputs.length === job.inputs.length) job.resolve(job.outputs)
    } catch (thrown) {
      for (const job of jobs) job.reject(thrown)
      this.#jobs = this.#jobs.filter((job) => !jobs.has(job))
      return
    }
    // Those that are not done go behind the others.
    const left = this.#jobs.filter((job) => job.next < job.inputs.length)
    this.#jobs = [...left.filter((job) => !jobs.has(job)), ...left.filter((job) => jobs.has(job))]
  }
}
