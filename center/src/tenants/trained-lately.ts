import type { TrainedModel } from '@yizhan/intent'
import { RecentMap, sha256Hex } from '@yizhan/kernel'
import type { Train } from './try-out.js'

/** Of some megabytes each. */
const MAX_MODELS = 4

/**
 * The same, but what was trained lately on the same texts is not trained again: a training gives the same model each time,
 * and whoever changes an answer, a card or a document changes no question. What persons wrote is kept for nobody: it has
 * to be gone when they are erased.
 */
export function trainedLately(train: Train): Train {
  const lately = new RecentMap<TrainedModel>(MAX_MODELS)
  return async (set, signal) => {
    if (set.ofPersons) return await train(set, signal)
    const { examples, negatives, file } = set
    const texts = examples.map(({ text, intent }) => [text, intent])
    const key = sha256Hex(JSON.stringify([texts, negatives, file.languages]))
    const known = lately.get(key)
    if (known) return known
    const model = await train(set, signal)
    lately.set(key, model)
    return model
  }
}
