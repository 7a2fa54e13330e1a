import type { Clock } from '@yizhan/kernel'
import { CAGE_DEFAULTS, type Cage, openCage } from '../cage/index.js'
import type { Classifier } from '../classifier.js'
import type { TextCodec } from '../codec.js'
import type { OperatingPoint } from '../thresholds.js'
import type { ServableModel } from './servable-model.js'

const TEXTS_PER_RUN = 32
const LIMITS = { ...CAGE_DEFAULTS, cpuSeconds: 600, runMs: 30_000 }
const never = new AbortController().signal

/** Any model as a classifier, its network in a cage; for trying it out, not for serving many. */
export class CagedClassifier implements Classifier {
  readonly #model: ServableModel
  readonly #codec: TextCodec
  readonly #cage: Cage

  private constructor(model: ServableModel, codec: TextCodec, cage: Cage) {
    this.#model = model
    this.#codec = codec
    this.#cage = cage
  }

  /** Throws as `openCage` does. */
  static async open(
    deps: { readonly clock: Pick<Clock, 'after'> },
    model: ServableModel,
    signal: AbortSignal,
  ): Promise<CagedClassifier> {
    return new CagedClassifier(model, model.codec, await openCage(deps, model, LIMITS, signal))
  }

  /** The same model without its exact-match table; open as long as this one is. */
  networkAlone(): Classifier {
    return new CagedClassifier(this.#model, this.#model.alone, this.#cage)
  }

  async classifyAll(texts: readonly string[], point?: OperatingPoint) {
    const encoded = texts.map((text) => this.#codec.encode(text, point))
    const inputs = encoded.flatMap((one) => (one.s === 'features' ? [one.features] : []))
    const rows: Float32Array[] = []
    for (let at = 0; at < inputs.length; at += TEXTS_PER_RUN) {
      rows.push(...(await this.#cage.run(inputs.slice(at, at + TEXTS_PER_RUN), never)).rows)
    }
    const next = rows.values()
    return encoded.map((one) =>
      one.s === 'decided' ? one.decision : this.#codec.decode(next.next().value ?? new Float32Array(), point),
    )
  }

  close(): Promise<void> {
    return this.#cage.stop()
  }
}
