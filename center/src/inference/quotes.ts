import { blocksOf, columnsOf, sentencesOf } from '../retrieval/index.js'
import type { Passage } from './port.js'

/** What can be quoted from a passage without tearing it: a sentence, a list, a table, a piece of code. */
export interface Quote {
  /** Index of its passage among those given. */
  readonly passage: number
  /** Position inside the passage. */
  readonly at: number
  readonly text: string
  /** Stands on lines of its own. */
  readonly block: boolean
}

/** A list up to this long is quoted whole: its items are steps of one thing. */
const MAX_LIST_COLUMNS = 600
const ITEM_START = /\n(?=\s*(?:[-*+]\s|•|\d{1,9}(?:[.)]\s|、)))/

/** Everything quotable of a passage, in order. */
export function quotesOf(passage: Passage, index: number): Quote[] {
  const quotes: Quote[] = []
  const add = (text: string, block: boolean) => {
    const trimmed = block ? text.trimEnd() : text.trim()
    if (trimmed.trim() !== '') quotes.push({ passage: index, at: quotes.length, text: trimmed, block })
  }
  for (const { kind, text } of blocksOf(passage.text)) {
    if (kind === 'paragraph') for (const sentence of sentencesOf(unwrap(text))) add(sentence, false)
    else if (kind === 'list' && columnsOf(text) > MAX_LIST_COLUMNS) {
      for (const item of text.split(ITEM_START)) add(item, true)
    } else add(text, true)
  }
  return quotes
}

/** A line break inside a paragraph is a space, and nothing at all between Chinese characters. */
function unwrap(text: string): string {
  return text
    .replace(/(?<=[\p{Script=Han}\u3000-\u303f\uff00-\uffef])[ \t]*\n[ \t]*(?=\p{Script=Han})/gu, '')
    .replace(/[ \t]*\n[ \t]*/g, ' ')
}

/** Whether the next quote belongs to this one, as a list does to "the steps are:". */
export function leadsOn(quote: Quote): boolean {
  return /[:：]$/.test(quote.text)
}
