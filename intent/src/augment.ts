import { BACKGROUND, CARRIERS, generatedBackground } from './background/index.js'
import { isUnspaced } from './corpus.js'
import type { Featurizer } from './featurizer.js'
import type { Random } from './random.js'
import type { Sample } from './text-set.js'

// Above this cosine a background sentence asks what the tenant's own example asks.
const TOO_CLOSE = 0.6
// Copies of each sample inside carrier phrases: with many examples the phrases of real users are in them already.
const CARRIER_COPIES = [
  { upTo: 600, copies: 3 },
  { upTo: 2000, copies: 1 },
] as const

// Generated sentences are for sets that are large enough not to drown in them.
const LARGE_SET = 1000
const SAMPLES_PER_GENERATED = 6
const MAX_GENERATED = 2000

/** The background sentences that are not near any of the examples; for a large set, generated ones in its languages too. */
export function foreignBackground(samples: readonly Sample[], featurizer: Featurizer): string[] {
  const sentences = [...BACKGROUND, ...generatedFor(samples)]
  const postings = new Map<number, { sentence: number; weight: number }[]>()
  for (const [sentence, text] of sentences.entries()) {
    const { ids, weights } = featurizer.featurize(text)
    for (const [k, id] of ids.entries()) {
      const list = postings.get(id) ?? []
      postings.set(id, list)
      list.push({ sentence, weight: weights[k] ?? 0 })
    }
  }
  const near = new Set<number>()
  const cosine = new Float32Array(sentences.length)
  for (const { text } of samples) {
    const { ids, weights } = featurizer.featurize(text)
    cosine.fill(0)
    for (const [k, id] of ids.entries()) {
      for (const { sentence, weight } of postings.get(id) ?? []) {
        cosine[sentence] = (cosine[sentence] ?? 0) + weight * (weights[k] ?? 0)
      }
    }
    for (const [sentence, value] of cosine.entries()) if (value > TOO_CLOSE) near.add(sentence)
  }
  return sentences.filter((_, sentence) => !near.has(sentence))
}

function generatedFor(samples: readonly Sample[]): string[] {
  if (samples.length <= LARGE_SET) return []
  const count = Math.min(MAX_GENERATED, Math.round(samples.length / SAMPLES_PER_GENERATED))
  const unspaced = samples.filter(({ text }) => isUnspaced(text)).length / samples.length
  return [
    ...generatedBackground('en', Math.round(count * (1 - unspaced))),
    ...generatedBackground('zh', Math.round(count * unspaced)),
  ]
}

/** What the networks are trained on: the samples, and for small sets copies of them inside carrier phrases. */
export function withCarriers(samples: readonly Sample[], random: Random): Sample[] {
  const copies = CARRIER_COPIES.find(({ upTo }) => samples.length <= upTo)?.copies ?? 0
  return samples.flatMap((sample) => {
    const carriers = isUnspaced(sample.text) ? CARRIERS.unspaced : CARRIERS.spaced
    const carried = Array.from({ length: copies }, () => {
      const carrier = carriers[Math.floor(random() * carriers.length)] ?? '{}'
      // A function, because `$&` in an example would otherwise be read as a pattern.
      return { text: carrier.replace('{}', () => sample.text), label: sample.label }
    })
    return [sample, ...carried]
  })
}
