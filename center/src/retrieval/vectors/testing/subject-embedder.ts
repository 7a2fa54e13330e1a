import { YizhanError } from '@yizhan/kernel'
import type { Embedder } from '../../../inference/port.js'

/** Of these subjects, how many words belong to each. */
const SUBJECTS = [/car|automobile|vehicle/gi, /salary|pay|wage/gi, /door|gate/gi]

/** A vector in the direction of these numbers. */
export function unit(...numbers: number[]): Float32Array {
  const length = Math.hypot(...numbers)
  return Float32Array.from(numbers, (number) => number / length)
}

/** Knows what a text is about, in whatever words. */
export function subjectEmbedder() {
  const embedded: string[] = []
  const state = { broken: false }
  const embedder: Embedder = {
    name: 'subjects',
    model: 'subjects',
    dimensions: SUBJECTS.length + 1,
    async embed(texts) {
      if (state.broken) throw new YizhanError('backend_failed', 'away')
      embedded.push(...texts)
      const vectors = texts.map((text) =>
        unit(0.1, ...SUBJECTS.map((words) => text.match(words)?.length ?? 0)),
      )
      return { vectors, tokens: 0 }
    },
  }
  return { embedder, embedded, state }
}
