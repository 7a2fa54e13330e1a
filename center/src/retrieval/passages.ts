import { type Block, blocksOf } from './blocks.js'
import { sentencesOf } from './sentences.js'

/** A passage is filled up to `MIN_COLUMNS` where its section has that much, and never beyond `MAX_COLUMNS`. */
export const MIN_COLUMNS = 300
export const MAX_COLUMNS = 1_400
/** A paragraph that is longer than a passage stays whole up to this: its author put it together. */
export const MAX_PARAGRAPH_COLUMNS = 2_400
/** Code and tables stay whole up to this; a longer one is cut at a line. */
export const MAX_WHOLE_COLUMNS = 4_000

export interface PassageText {
  /** The headings above, outermost first, joined by ` › `. */
  readonly heading: string
  readonly text: string
}

/** How much room a text takes: a CJK character says about as much as two or three letters and counts two. */
export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += (character.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1
  return columns
}

/** Cuts a document into passages, in order and without overlap; a passage never reaches across a heading. */
export function splitPassages(text: string): PassageText[] {
  const passages: PassageText[] = []
  let heading = ''
  let parts: string[] = []
  let columns = 0
  const flush = () => {
    if (parts.length > 0) passages.push({ heading, text: parts.join('\n\n') })
    parts = []
    columns = 0
  }
  for (const block of blocksOf(text)) {
    const above = block.headings.join(' › ')
    if (above !== heading) flush()
    heading = above
    for (const part of fit(block)) {
      const size = columnsOf(part)
      if (columns >= MIN_COLUMNS || columns + size > MAX_COLUMNS) flush()
      parts.push(part)
      columns += size
    }
  }
  flush()
  return passages
}

function fit(block: Block): string[] {
  const isWhole = block.kind === 'code' || block.kind === 'table'
  const limit = isWhole ? MAX_WHOLE_COLUMNS : MAX_COLUMNS
  const most = block.kind === 'paragraph' ? MAX_PARAGRAPH_COLUMNS : limit
  if (columnsOf(block.text) <= most) return [block.text]
  const units = block.kind === 'paragraph' ? sentencesOf(block.text) : block.text.split(/(?<=\n)/)
  return pack(
    units.flatMap((unit) => chop(unit, limit)),
    limit,
  )
}

function pack(units: readonly string[], limit: number): string[] {
  const packed: string[] = []
  let current = ''
  let columns = 0
  for (const unit of units) {
    const size = columnsOf(unit)
    if (current !== '' && columns + size > limit) {
      packed.push(current.trimEnd())
      current = ''
      columns = 0
    }
    current += unit
    columns += size
  }
  if (current.trim() !== '') packed.push(current.trimEnd())
  return packed
}

/** A sentence or line that is longer than a passage is cut by length, between characters. */
function chop(unit: string, limit: number): string[] {
  if (columnsOf(unit) <= limit) return [unit]
  const characters = [...unit]
  const step = Math.floor(limit / 2)
  const pieces: string[] = []
  for (let at = 0; at < characters.length; at += step) pieces.push(characters.slice(at, at + step).join(''))
  return pieces
}
