import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { canonicalJson, parseJson, YizhanError } from '@yizhan/kernel'
import type { Classifier } from './classifier.js'
import { type DecisionSource, OOS } from './decide.js'
import type { LabelledText } from './evaluator.js'

/** Name of the file in a bundle: texts with which an edge tries the model before it serves it. */
export const SAMPLES_FILE = 'samples.json'

const MAX_SAMPLES = 64
const MAX_PER_INTENT = 2
const MAX_CHARS = 500
/** Two intents closer than this could change places between two machines. */
const CLEAR_LEAD = 0.05

const SamplesFile = Type.Object(
  {
    format: Type.Literal(1),
    samples: Type.Array(
      Type.Object(
        {
          text: Type.String({ minLength: 1, maxLength: MAX_CHARS }),
          /** The intent that the network gives the highest score, whatever the exact-match table says. */
          intent: Type.String({ minLength: 1, maxLength: 200 }),
        },
        { additionalProperties: false },
      ),
      { maxItems: MAX_SAMPLES },
    ),
  },
  { additionalProperties: false },
)

export type ModelSample = Static<typeof SamplesFile>['samples'][number]

/** A source of decisions that recognises nothing by heart: what the network alone says. */
export function withoutExact<T extends Pick<DecisionSource, 'labels' | 'exact'>>(source: T): T {
  return { ...source, exact: source.labels.map(() => []) }
}

/**
 * Samples for `samples.json`: some of the author's examples, a few of each intent, with what the trained network makes
 * of them. `network` must not know examples by heart (see `IntentModel.networkAlone`).
 */
export async function chooseSamples(
  examples: readonly LabelledText[],
  network: Classifier,
): Promise<ModelSample[]> {
  const byIntent = new Map<string, string[]>()
  for (const { text, intent } of examples) {
    if (intent === OOS || text === '' || text.length > MAX_CHARS || /\p{Surrogate}/u.test(text)) continue
    const texts = byIntent.get(intent) ?? []
    if (texts.length < MAX_PER_INTENT) byIntent.set(intent, [...texts, text])
  }
  const texts = [...byIntent.values()].flat().slice(0, MAX_SAMPLES)
  const decisions = await network.classifyAll(texts)
  return texts.flatMap((text, i) => {
    const [best, second] = decisions[i]?.top ?? []
    const clear = best !== undefined && best.score - (second?.score ?? 0) > CLEAR_LEAD
    return clear ? [{ text, intent: best.intent }] : []
  })
}

export function encodeSamples(samples: readonly ModelSample[]): Uint8Array {
  return new TextEncoder().encode(canonicalJson({ format: 1, samples }))
}

/** Throws `invalid_argument` unless it fits the schema. */
export function parseSamples(bytes: Uint8Array): readonly ModelSample[] {
  const value = parseJson(new TextDecoder().decode(bytes))
  if (Value.Check(SamplesFile, value)) return value.samples
  const first = Value.Errors(SamplesFile, value).First()
  throw new YizhanError(
    'invalid_argument',
    `${SAMPLES_FILE} is refused: ${first?.path || 'it'}: ${first?.message ?? 'does not fit the schema'}`,
  )
}
