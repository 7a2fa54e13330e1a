import {
  type Decision,
  type DecisionSource,
  type DecisionTable,
  decide,
  decideEmpty,
  decideExact,
  decisionTable,
} from './decide.js'
import { createFeaturizer, type Features, type Featurizer } from './featurizer.js'
import { normalise } from './normalise.js'
import { DEFAULT_OPERATING_POINT, type OperatingPoint, type Threshold } from './thresholds.js'

/** What a text becomes: a decision at once (an example, or no words), or the input of the network. */
export type Encoded =
  | { readonly s: 'decided'; readonly decision: Decision }
  | { readonly s: 'features'; readonly features: Features }

/** A model of either kind without its network. */
export interface TextCodec {
  thresholds(point?: OperatingPoint): Threshold
  encode(
    text: string,
    point?: OperatingPoint,
  ):
    | { readonly s: 'decided'; readonly decision: Decision }
    | { readonly s: 'features'; readonly features: Features | string }
  /** The decision from the network's probabilities, in the order of the labels. */
  decode(probabilities: Float32Array, point?: OperatingPoint): Decision
}

/** A hashed model without its network: what is done with a text before and after. Takes tens of microseconds. */
export class IntentCodec implements TextCodec {
  readonly #source: DecisionSource
  readonly #featurizer: Featurizer
  readonly #table: DecisionTable

  constructor(source: DecisionSource) {
    this.#source = source
    this.#featurizer = createFeaturizer(source.featurizer)
    this.#table = decisionTable(source)
  }

  thresholds(point: OperatingPoint = DEFAULT_OPERATING_POINT): Threshold {
    return this.#source.thresholds[point]
  }

  encode(text: string, point?: OperatingPoint): Encoded {
    const threshold = this.thresholds(point)
    const read = this.#normalised(text)
    const exact = decideExact(this.#table, read, threshold)
    if (exact) return { s: 'decided', decision: exact }
    const features = this.#featurizer.featurize(read)
    if (features.ids.length === 0) return { s: 'decided', decision: decideEmpty(threshold) }
    return { s: 'features', features }
  }

  /** Once, so that what reads it next finds nothing to do. Both look at how long it is, so a text that grew stays as it is. */
  #normalised(text: string): string {
    const { maxChars } = this.#table
    const normal = text.length <= maxChars ? normalise(text) : text
    return normal.length <= maxChars ? normal : text
  }

  /** The decision from the network's probabilities, in the order of the labels. */
  decode(probabilities: Float32Array, point?: OperatingPoint): Decision {
    return decide(this.#table, probabilities, this.thresholds(point))
  }
}
