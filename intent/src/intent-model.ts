import { YizhanError } from '@yizhan/kernel'
import { CARD_FILE, MODEL_FILE, type ModelCard, parseModelCard } from './card.js'
import type { Classifier } from './classifier.js'
import { IntentCodec } from './codec.js'
import type { Decision } from './decide.js'
import { assertHashedGraph } from './onnx/hashed-graph.js'
import { inspectOnnx } from './onnx/inspect.js'
import { withoutExact } from './samples.js'
import type { NetworkSession } from './session.js'
import { DEFAULT_OPERATING_POINT, type OperatingPoint, type Threshold } from './thresholds.js'

/** A bundle's model whose files were found fit to serve. */
export interface CheckedModel {
  readonly card: ModelCard
  readonly onnx: Uint8Array
}

/**
 * Checks `model.onnx` and `bundle.json`: the ONNX file is parsed and held to the one graph that a hashed model has,
 * before any runtime sees it. Throws `invalid_argument`, `not_found` (a file is missing).
 */
export function checkModel(files: ReadonlyMap<string, Uint8Array>): CheckedModel {
  const card = parseModelCard(fileOf(files, CARD_FILE))
  const onnx = fileOf(files, MODEL_FILE)
  const { dim, linear, labels, featurizer } = card
  const { members, buckets } = featurizer
  const size = { members, buckets, dim, classes: labels.length, linear }
  assertHashedGraph(inspectOnnx(onnx), size)
  return { card, onnx }
}

function fileOf(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const file = files.get(name)
  if (!file) throw new YizhanError('not_found', `the bundle has no ${name}`)
  return file
}

/** A model that is ready, in this thread: classifying blocks it while the network runs. */
export class IntentModel implements Classifier {
  readonly card: ModelCard
  readonly #codec: IntentCodec
  readonly #session: NetworkSession

  private constructor(card: ModelCard, session: NetworkSession) {
    this.card = card
    this.#codec = new IntentCodec(card)
    this.#session = session
  }

  /** Checks and opens the model of a bundle. Throws as `checkModel` does. */
  static async load(files: ReadonlyMap<string, Uint8Array>): Promise<IntentModel> {
    const { card, onnx } = checkModel(files)
    // Loaded here and not at the top: the runtime is 10 MB that trainers and bundle checks do not need.
    const { NetworkSession } = await import('./session.js')
    const session = await NetworkSession.open(onnx).catch((cause: unknown) => {
      throw new YizhanError('invalid_argument', 'the ONNX runtime refuses the model', { cause })
    })
    return new IntentModel(card, session)
  }

  thresholds(point?: OperatingPoint): Threshold {
    return this.#codec.thresholds(point)
  }

  /** The same model without its exact-match table; open as long as this one is. */
  networkAlone(): Classifier {
    return new IntentModel(withoutExact(this.card), this.#session)
  }

  async classify(text: string, point: OperatingPoint = DEFAULT_OPERATING_POINT): Promise<Decision> {
    const encoded = this.#codec.encode(text, point)
    if (encoded.s === 'decided') return encoded.decision
    const [probabilities] = await this.#session.run([encoded.features])
    return this.#codec.decode(probabilities ?? new Float32Array(), point)
  }

  async classifyAll(
    texts: readonly string[],
    point: OperatingPoint = DEFAULT_OPERATING_POINT,
  ): Promise<Decision[]> {
    const encoded = texts.map((text) => this.#codec.encode(text, point))
    const probabilities = await this.#session.run(
      encoded.flatMap((one) => (one.s === 'features' ? [one.features] : [])),
    )
    const next = probabilities.values()
    return encoded.map((one) =>
      one.s === 'decided' ? one.decision : this.#codec.decode(next.next().value ?? new Float32Array(), point),
    )
  }

  /** Frees the session; idempotent. Not while a classify runs. */
  close(): Promise<void> {
    return this.#session.close()
  }
}
