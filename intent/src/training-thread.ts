import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { YizhanError } from '@yizhan/kernel'
import type { TrainedModel } from './model.js'
import type { TrainingMessage } from './train-worker.js'
import type { TrainingInput, TrainingOptions } from './trainer.js'

const MAX_HEAP_MB = 1024
const MAX_THREADS = 4

/**
 * `trainIntentModel` in a thread of its own; the same result. An abort ends the thread at once and rejects with the
 * signal's reason; a thread that dies rejects with `internal`.
 */
export function trainInWorker(options: TrainingOptions): Promise<TrainedModel> {
  const { signal, onProgress, ...input } = options
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const worker = new Worker(new URL('./train-worker.js', import.meta.url), {
      workerData: {
        threads: Math.min(MAX_THREADS, availableParallelism()),
        ...input,
      } satisfies TrainingInput,
      name: 'intent-training',
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
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
    worker.on('message', (message: TrainingMessage) => {
      switch (message.kind) {
        case 'progress':
          return onProgress?.(message.progress)
        case 'trained':
          return end(() => resolve(message.model))
        case 'failed':
          return end(() => reject(new YizhanError(message.code, message.message)))
      }
    })
    worker.on('error', (cause) =>
      end(() => reject(new YizhanError('internal', 'the training failed', { cause }))),
    )
    worker.on('exit', () =>
      end(() => reject(new YizhanError('internal', 'the training ended without a model'))),
    )
  })
}
