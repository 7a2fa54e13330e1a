import { type Citation, CitationSchema, create } from '@yizhan/proto'
import type { Passage } from './port.js'

/** A passage as the wire names it; `passage` is its text. */
export function citationOf(passage: Passage): Citation {
  const { document, title, heading, text, score } = passage
  return create(CitationSchema, { document, title, heading, passage: text, score })
}
