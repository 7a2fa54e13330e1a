import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorCode, toYizhanError } from '@yizhan/kernel'
import type { TrainedModel } from './model.js'
import { type TrainingInput, type TrainingProgress, trainIntentModel } from './trainer.js'

/** What this thread sends to `trainInWorker`. */
export type TrainingMessage =
  | { readonly kind: 'progress'; readonly progress: TrainingProgress }
  | { readonly kind: 'trained'; readonly model: TrainedModel }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

const send = (message: TrainingMessage) => parentPort?.postMessage(message)

// `trainInWorker` alone starts this file, with its input as workerData; it aborts by ending the thread.
const input: TrainingInput = workerData
trainIntentModel({
  ...input,
  signal: new AbortController().signal,
  onProgress: (progress) => send({ kind: 'progress', progress }),
}).then(
  (model) => send({ kind: 'trained', model }),
  (thrown: unknown) => {
    const { code, message } = toYizhanError(thrown)
    send({ kind: 'failed', code, message })
  },
)
