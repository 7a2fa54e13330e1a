import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { YizhanError } from '@yizhan/kernel'
import { seededRandom } from './random.js'
import type { TextSet } from './text-set.js'
import { type LinearSettings, type LinearWeights, trainLinear } from './train-linear.js'
import { type AfterExample, type MemberSettings, type MemberWeights, trainMember } from './train-member.js'
import type { JobMessage } from './training-job-worker.js'

/** One network to train; what comes out depends on nothing else. */
export type TrainingJob =
  | { readonly kind: 'member'; readonly settings: MemberSettings; readonly seed: number }
  | { readonly kind: 'linear'; readonly settings: LinearSettings; readonly seed: number }

export type JobResult =
  | { readonly kind: 'member'; readonly weights: MemberWeights }
  | { readonly kind: 'linear'; readonly weights: LinearWeights }

export interface JobOptions {
  readonly signal: AbortSignal
  /** How many threads may train beside each other; with 1 this one does it all. */
  readonly threads: number
  /** Below so many steps in all a thread costs more than it brings; default 100,000. */
  readonly stepsForThreads?: number
  /** Share of all work that is done, 0..1. */
  readonly onProgress: (done: number) => void
}

const WORTH_A_THREAD = 100_000

/** Trains what the jobs say, in their order; the threads do not change what comes out. */
export async function runJobs(
  set: TextSet,
  jobs: readonly TrainingJob[],
  { signal, threads, stepsForThreads = WORTH_A_THREAD, onProgress }: JobOptions,
): Promise<JobResult[]> {
  const done = jobs.map(() => 0)
  const report = (job: number) => (share: number) => {
    done[job] = share
    onProgress(done.reduce((sum, one) => sum + one, 0) / jobs.length)
  }
  const steps = jobs.reduce((sum, { settings }) => sum + settings.epochs * set.labels.length, 0)
  if (threads < 2 || jobs.length < 2 || steps < stepsForThreads) {
    const results: JobResult[] = []
    for (const [index, job] of jobs.entries()) {
      results.push(await runJob(set, job, paced(signal, report(index))))
    }
    return results
  }
  const results = new Array<JobResult>(jobs.length)
  const waiting = [...jobs.entries()].values()
  const work = async () => {
    for (const [index, job] of waiting) results[index] = await runInThread(set, job, signal, report(index))
  }
  await Promise.all(Array.from({ length: threads }, work))
  return results
}

export async function runJob(set: TextSet, job: TrainingJob, after: AfterExample): Promise<JobResult> {
  const random = seededRandom(job.seed)
  switch (job.kind) {
    case 'member':
      return { kind: 'member', weights: await trainMember(set, job.settings, random, after) }
    case 'linear':
      return { kind: 'linear', weights: await trainLinear(set, job.settings, random, after) }
    default:
      return job satisfies never
  }
}

function runInThread(
  set: TextSet,
  job: TrainingJob,
  signal: AbortSignal,
  report: (share: number) => void,
): Promise<JobResult> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const worker = new Worker(new URL('./training-job-worker.js', import.meta.url), {
      workerData: { set, job },
      name: 'intent-training-member',
    })
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', onAbort)
      worker.removeAllListeners()
      // A terminated worker may still report an error, which nobody waits for any more.
      worker.on('error', () => {})
      void worker.terminate()
      settle()
    }
    const onAbort = () => end(() => reject(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    worker.on('message', (message: JobMessage) => {
      if (message.kind === 'progress') report(message.done)
      else end(() => resolve(message.result))
    })
    worker.on('error', (cause) =>
      end(() => reject(new YizhanError('internal', 'the training failed', { cause }))),
    )
    worker.on('exit', () =>
      end(() => reject(new YizhanError('internal', 'the training ended without a network'))),
    )
  })
}

const SLICE_MS = 10
const EXAMPLES_PER_LOOK = 32

/** What a trainer calls after every example: now and then lets others run, reports, and throws when aborted. */
function paced(signal: AbortSignal, report: (done: number) => void): AfterExample {
  let since = performance.now()
  return (done, total) => {
    if (done % EXAMPLES_PER_LOOK !== 0 && done !== total) return undefined
    if (performance.now() - since < SLICE_MS && done !== total) return undefined
    return (async () => {
      report(done / total)
      await nextTurn()
      signal.throwIfAborted()
      since = performance.now()
    })()
  }
}
