import { CAGE_DEFAULTS, type Cage, type CageConfig, openCage, type ServableModel } from '@yizhan/intent'
import { type Clock, YizhanError } from '@yizhan/kernel'
import type { ModelKey } from './worker-protocol.js'

/** Of a process that may live for months; one that uses it up is opened anew. */
const CPU_SECONDS = 86_400
const MAX_BATCH = 16

interface Waiting {
  readonly text: string
  resolve(row: Float32Array): void
  reject(error: unknown): void
}

interface Open {
  readonly cage: Cage
  readonly waiting: Waiting[]
  running: boolean
}

/**
 * The encoders that this edge serves, each in a process of its own for as long as it serves: a trial cannot show what a
 * graph does with the one text that its maker had in mind. Runs at once and takes together what arrives meanwhile.
 */
export class CagedModels {
  readonly #clock: Clock
  readonly #config: CageConfig
  readonly #onLost: (key: ModelKey) => void
  readonly #ends = new AbortController()
  readonly #open = new Map<ModelKey, Open>()

  /** `onLost` is called when a model's process has ended by itself. */
  constructor(
    { clock }: { readonly clock: Clock },
    { runMs, onLost }: { readonly runMs: number; onLost(key: ModelKey): void },
  ) {
    this.#clock = clock
    this.#config = { ...CAGE_DEFAULTS, cpuSeconds: CPU_SECONDS, runMs }
    this.#onLost = onLost
  }

  /** Texts that wait or run. */
  get pending(): number {
    let sum = 0
    for (const { waiting, running } of this.#open.values()) sum += waiting.length + (running ? 1 : 0)
    return sum
  }

  /** Opens a model beside those that are open; rejects as `openCage` does. */
  async open(key: ModelKey, { network, onnx }: ServableModel): Promise<void> {
    const cage = await openCage({ clock: this.#clock }, { network, onnx }, this.#config, this.#ends.signal)
    await this.close(key)
    this.#open.set(key, { cage, waiting: [], running: false })
  }

  /** The probabilities for a text; rejects with `backend_failed`, `unavailable`, and with the signal's reason. */
  run(key: ModelKey, text: string, signal: AbortSignal): Promise<Float32Array> {
    const open = this.#open.get(key)
    if (!open) return Promise.reject(new YizhanError('unavailable', 'the process of the model is not open'))
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      const settled = () => signal.removeEventListener('abort', onAbort)
      open.waiting.push({
        text,
        resolve: (row) => {
          settled()
          resolve(row)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      })
      void this.#pump(key, open)
    })
  }

  async close(key: ModelKey): Promise<void> {
    const open = this.#open.get(key)
    this.#open.delete(key)
    await open?.cage.stop()
  }

  async stop(): Promise<void> {
    this.#ends.abort(new YizhanError('unavailable', 'the intent service is stopping'))
    await Promise.all([...this.#open.keys()].map((key) => this.close(key)))
  }

  async #pump(key: ModelKey, open: Open): Promise<void> {
    if (open.running) return
    open.running = true
    while (open.waiting.length > 0) {
      const batch = open.waiting.splice(0, MAX_BATCH)
      try {
        const { rows } = await open.cage.run(
          batch.map(({ text }) => text),
          this.#ends.signal,
        )
        for (const [i, { resolve }] of batch.entries()) resolve(rows[i] ?? new Float32Array())
      } catch (cause) {
        const error = new YizhanError('backend_failed', 'the process of the model gave no answer', { cause })
        for (const { reject } of batch) reject(error)
      }
    }
    open.running = false
    if (open.cage.isOpen || this.#open.get(key) !== open) return
    this.#open.delete(key)
    this.#onLost(key)
  }
}
