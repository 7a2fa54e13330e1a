import { YizhanError } from '@yizhan/kernel'
import { citationOf } from '../citation.js'
import type { Passage, Piece } from '../port.js'
import { citedPassages } from '../prompt.js'

export interface Ending {
  /** With what it went on after. */
  readonly text: string
  readonly passages: readonly Passage[]
  readonly finish: Extract<Piece, { type: 'end' }>['finish']
  readonly inputTokens: number
  readonly outputTokens: number
}

/** How a model's answer ends: with what it cites. Throws `backend_failed` if it has neither text nor another reason. */
export function* endingOf({ text, passages, ...end }: Ending): Generator<Piece> {
  if (text === '' && (end.finish === 'stop' || end.finish === 'length')) {
    throw new YizhanError('backend_failed', 'the model gave an empty answer')
  }
  const cited = text === '' ? [] : citedPassages(text, passages)
  if (cited.length > 0) yield { type: 'citations', citations: cited.map(citationOf) }
  yield { type: 'end', ...end }
}
