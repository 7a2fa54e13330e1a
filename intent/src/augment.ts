import { BACKGROUND, CARRIERS, generatedBackground } from './background/index.js'
import { isUnspaced } from './corpus.js'
import type { Featurizer } from './featurizer.js'
import type { Random } from './random.js'
import { SMALL_SET } from './recipe.js'
import type { Sample } from './text-set.js'

// Above this cosine a background sentence asks what the tenant's own example asks.
const TOO_CLOSE = 0.6
// Copies of each sample inside carrier phrases: with many examples the phrases of real users are in them already.
const CARRIER_COPIES = 3

// Generated sentences are for sets that are large enough not to drown in them.
const LARGE_SET = 1000
const SAMPLES_PER_GENERATED = 6
const MAX_GENERATED = 2000

/** The background sentences that are not near any of the examples; for a large set, generated ones in its languages too. */
export function foreignBackground(samples: readonly Sample[], featurizer: Featurizer): string[] {
  const sentences = [...BACKGROUND, ...generatedFor(samples)]
  const { starts, owners, weights } = postingsOf(sentences, featurizer)
  const near = new Uint8Array(sentences.length)
  const cosine = new Float32Array(sentences.length)
  for (const { text } of samples) {
    const example = featurizer.featurize(text)
    cosine.fill(0)
    for (let k = 0; k < example.weights.length; k++) {
      const id = example.ids[k] as number
      const weight = example.weights[k] as number
      for (let at = starts[id] as number; at < (starts[id + 1] as number); at++) {
        const sentence = owners[at] as number
        cosine[sentence] = (cosine[sentence] as number) + weight * (weights[at] as number)
      }
    }
    for (let sentence = 0; sentence < cosine.length; sentence++) {
      if ((cosine[sentence] as number) > TOO_CLOSE) near[sentence] = 1
    }
  }
  return sentences.filter((_, sentence) => near[sentence] === 0)
}

/** For every bucket the sentences that have it: from `starts[bucket]` up to that of the next one. */
function postingsOf(sentences: readonly string[], featurizer: Featurizer) {
  const features = sentences.map((text) => featurizer.featurize(text))
  const starts = new Int32Array(featurizer.config.buckets + 1)
  for (const { ids } of features) for (const id of ids) starts[id + 1] = (starts[id + 1] as number) + 1
  for (let id = 1; id < starts.length; id++) starts[id] = (starts[id] as number) + (starts[id - 1] as number)
  const next = starts.slice()
  const owners = new Int32Array(starts.at(-1) ?? 0)
  const weights = new Float32Array(owners.length)
  for (const [sentence, { ids, weights: own }] of features.entries()) {
    for (let k = 0; k < ids.length; k++) {
      const at = next[ids[k] as number] as number
      next[ids[k] as number] = at + 1
      owners[at] = sentence
      weights[at] = own[k] as number
    }
  }
  return { starts, owners, weights }
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
  if (samples.length > SMALL_SET) return [...samples]
  return samples.flatMap((sample) => {
    const carriers = isUnspaced(sample.text) ? CARRIERS.unspaced : CARRIERS.spaced
    const carried = Array.from({ length: CARRIER_COPIES }, () => {
      const carrier = carriers[Math.floor(random() * carriers.length)] ?? '{}'
      // A function, because `$&` in an example would otherwise be read as a pattern.
      return { text: carrier.replace('{}', () => sample.text), label: sample.label }
    })
    return [sample, ...carried]
  })
}

/**
 * The words of the intents' own names, as an example of each intent that has one among the samples: with ten examples
 * an intent, `card_lost` says more than any of them. For training only; a name is nothing that people ask.
 */
export function namesOf(samples: readonly Sample[], labels: readonly string[]): Sample[] {
  const present = new Set(samples.map(({ label }) => label))
  return labels.slice(0, -1).flatMap((name, label) => {
    if (!present.has(label)) return []
    const words = name.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replace(/[^\p{L}\p{M}]+/gu, ' ')
    return words.trim() === '' ? [] : [{ text: words, label }]
  })
}
