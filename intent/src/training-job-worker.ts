import { parentPort, workerData } from 'node:worker_threads'
import type { TextSet } from './text-set.js'
import { type JobResult, runJob, type TrainingJob } from './training-jobs.js'

/** What this thread sends to `runJobs`. */
export type JobMessage =
  | { readonly kind: 'progress'; readonly done: number }
  | { readonly kind: 'trained'; readonly result: JobResult }

const send = (message: JobMessage) => parentPort?.postMessage(message)
const EXAMPLES_PER_REPORT = 1000

// `runJobs` alone starts this file; it aborts by ending the thread, and an error ends it too.
const { set, job }: { set: TextSet; job: TrainingJob } = workerData
const result = await runJob(set, job, (done, total) => {
  if (done % EXAMPLES_PER_REPORT === 0) send({ kind: 'progress', done: done / total })
  return undefined
})
send({ kind: 'trained', result })
