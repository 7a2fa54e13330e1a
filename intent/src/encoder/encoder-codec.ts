import type { TextCodec } from '../codec.js'
import {
  type Decision,
  type DecisionTable,
  decide,
  decideEmpty,
  decideExact,
  decisionTable,
} from '../decide.js'
import { normalise } from '../normalise.js'
import { DEFAULT_OPERATING_POINT, type OperatingPoint, type Threshold } from '../thresholds.js'
import type { EncoderCard } from './encoder-card.js'

/** An encoder without its network: what is done with a text before and after. */
export class EncoderCodec implements TextCodec {
  readonly #card: EncoderCard
  readonly #table: DecisionTable

  constructor(card: EncoderCard) {
    this.#card = card
    this.#table = decisionTable({ ...card, featurizer: card })
  }

  thresholds(point: OperatingPoint = DEFAULT_OPERATING_POINT): Threshold {
    return this.#card.thresholds[point]
  }

  encode(text: string, point?: OperatingPoint) {
    const threshold = this.thresholds(point)
    const decision = decideExact(this.#table, text, threshold) ?? this.#nothing(text, threshold)
    if (decision) return { s: 'decided', decision } as const
    return { s: 'features', features: readable(text, this.#card.maxChars) } as const
  }

  decode(probabilities: Float32Array, point?: OperatingPoint): Decision {
    return decide(this.#table, probabilities, this.thresholds(point))
  }

  #nothing(text: string, threshold: Threshold): Decision | undefined {
    return normalise(text) === '' ? decideEmpty(threshold) : undefined
  }
}

/** As its own tokenizer shall see it, case and all; no more than is read, and no halves of characters. */
export function readable(text: string, maxChars: number): string {
  return text.slice(0, maxChars).replace(/\p{Surrogate}/gu, '\ufffd')
}
