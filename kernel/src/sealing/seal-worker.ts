import { parentPort } from 'node:worker_threads'
import { runSealJob, type SealJob } from './seal-job.js'

/** The thread of `startSealOffload`: a job comes in, its bytes go back, their memory with them. */
parentPort?.on('message', (job: SealJob) => {
  const bytes = runSealJob(job)
  const whole = bytes?.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
  parentPort?.postMessage(bytes, whole ? [bytes.buffer as ArrayBuffer] : [])
})
