import { UNSPACED_CLASS } from './normalise.js'

/** A piece of a normalised text: a run of a script without spaces, or a word, number or symbol. Offsets in UTF-16 units. */
export interface Segment {
  readonly kind: 'run' | 'word'
  readonly text: string
}

const SEGMENT = new RegExp(
  `([${UNSPACED_CLASS}]+)|((?:(?![${UNSPACED_CLASS}])[\\p{L}\\p{N}\\p{M}])+(?:'(?:(?![${UNSPACED_CLASS}])\\p{L})+)?|[\\p{S}#])`,
  'gu',
)

/** Runs and words in the order of the text; punctuation and spaces only separate. */
export function* segments(normalised: string): Generator<Segment> {
  for (const match of normalised.matchAll(SEGMENT)) {
    const run = match[1]
    yield run === undefined ? { kind: 'word', text: match[0] } : { kind: 'run', text: run }
  }
}
