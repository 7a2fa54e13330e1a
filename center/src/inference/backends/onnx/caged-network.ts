import { CAGE_DEFAULTS, type Cage, type NetworkInput, type NetworkKind, openCage } from '@yizhan/intent'
import { type Clock, YizhanError } from '@yizhan/kernel'
import { Batcher } from './batcher.js'
import type { OnnxSettings } from './settings.js'

/** A cage serves as long as the center lives: its time is bounded by run, not in all. */
const CPU_SECONDS = 1_000_000_000

export interface CagedModel {
  readonly network: NetworkKind
  readonly onnx: Uint8Array
}

/** A model in a process under limits. One that dies of a run is started again for the next. */
export class CagedNetwork {
  readonly #clock: Clock
  readonly #model: CagedModel
  readonly #settings: OnnxSettings
  readonly #batcher: Batcher<NetworkInput, Float32Array>
  readonly #stop = new AbortController()
  #cage: Promise<Cage> | undefined

  constructor(clock: Clock, model: CagedModel, settings: OnnxSettings) {
    this.#clock = clock
    this.#model = model
    this.#settings = settings
    this.#batcher = new Batcher((inputs) => this.#run(inputs), settings)
  }

  /** One row for each input. Throws `backend_failed`, `overloaded`, the signal's reason. */
  rows(inputs: readonly NetworkInput[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    return this.#batcher.add(inputs, signal)
  }

  async close(): Promise<void> {
    this.#stop.abort(new YizhanError('unavailable', 'the model is closed'))
    await (await this.#cage?.catch(() => undefined))?.stop()
  }

  /** Rejects with `model_refused` if the model cannot be opened under its limits. */
  async open(): Promise<Cage> {
    const known = await this.#cage?.catch(() => undefined)
    if (known?.isOpen) return known
    const { device, openMs, runMs, memoryBytes } = this.#settings
    const limits = {
      ...CAGE_DEFAULTS,
      openMs,
      runMs,
      cpuSeconds: CPU_SECONDS,
      addressSpaceBytes: device === 'cuda' ? Number.POSITIVE_INFINITY : memoryBytes,
    }
    this.#cage = openCage({ clock: this.#clock }, this.#model, limits, this.#stop.signal)
    return this.#cage
  }

  async #run(inputs: readonly NetworkInput[]): Promise<readonly Float32Array[]> {
    try {
      const cage = await this.open()
      return (await cage.run(inputs, this.#stop.signal)).rows
    } catch (thrown) {
      this.#stop.signal.throwIfAborted()
      throw new YizhanError('backend_failed', 'the model failed on these texts', { cause: thrown })
    }
  }
}
