import { IntentCodec } from './codec.js'
import type { Decision } from './decide.js'
import { probabilitiesOf, type TrainedModel } from './model.js'
import type { OperatingPoint } from './thresholds.js'

/** Whatever classifies texts: a served model, or a trained one in plain TypeScript. */
export interface Classifier {
  /** One decision per text, in order, at an operating point (default `balanced`). */
  classifyAll(texts: readonly string[], point?: OperatingPoint): Promise<Decision[]>
}

/** A trained model as a classifier without ONNX: what the written graph must agree with. */
export function classifierOf(model: TrainedModel): Classifier {
  const codec = new IntentCodec(model)
  return {
    classifyAll: async (texts, point) =>
      texts.map((text) => {
        const encoded = codec.encode(text, point)
        if (encoded.s === 'decided') return encoded.decision
        return codec.decode(probabilitiesOf(model.network, encoded.features), point)
      }),
  }
}
