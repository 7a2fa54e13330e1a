import { BACKGROUND, CARRIERS } from './background.js'
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

/** The background sentences that are not near any of the tenant's examples. */
export function foreignBackground(samples: readonly Sample[], featurizer: Featurizer): string[] {
  const postings = new Map<number, { sentence: number; weight: number }[]>()
  for (const [sentence, text] of BACKGROUND.entries()) {
    const { ids, weights } = featurizer.featurize(text)
    for (const [k, id] of ids.entries()) {
      const list = postings.get(id) ?? []
      postings.set(id, list)
      list.push({ sentence, weight: weights[k] ?? 0 })
    }
  }
  const near = new Set<number>()
  const cosine = new Float32Array(BACKGROUND.length)
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
  return BACKGROUND.filter((_, sentence) => !near.has(sentence))
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
