import type { Passage } from '../inference/port.js'
import { splitPassages } from './passages.js'
import { PostingLists } from './posting-lists.js'
import { sentencesOf } from './sentences.js'
import { termsOf } from './terms.js'

/** A term in the title or a heading counts as much as this many in the text. */
export const HEADING_BOOST = 2
/** What the sentence that has most of the question adds to its passage, of which it may be a small part. */
export const SENTENCE_WEIGHT = 0.3
/** Passages whose sentences are looked at; further down the list nothing comes to the top. */
const LOOKED_INTO = 30

/** A document of a tenant's knowledge. */
export interface KnowledgeDocument {
  /** Path inside the tenant directory, or name of what was imported; what a citation names. */
  readonly id: string
  readonly title: string
  /** The knowledge set it belongs to, as `knowledge.yaml` or its import names it. */
  readonly knowledge: string
  /** Markdown or plain text. */
  readonly text: string
  /** BCP 47, if known. */
  readonly language?: string
  /** Its data class, such as `internal`; without one it is for everybody. */
  readonly class?: string
}

/** Which passages may be found. */
export interface PassageFilter {
  /** Knowledge sets to look in; empty = all. */
  readonly knowledge: readonly string[]
  /** Data classes that the reader may see, besides what has none; undefined = every one. */
  readonly classes?: readonly string[]
}

/** A passage that was found, and what of the question it holds. */
export interface RankedPassage {
  readonly passage: Passage
  /** BM25 alone, over the weight of the whole question. */
  readonly base: number
  /** Share of the question's weight in its best sentence. */
  readonly sentence: number
}

interface Entry {
  readonly passage: Omit<Passage, 'score'>
  readonly knowledge: string
  readonly class: string | undefined
  /** The terms of each sentence, read when a question first comes near. */
  sentences?: readonly ReadonlySet<string>[]
}

/** The passages of one tenant and where each term occurs. What was put in together goes together. */
export class PassageIndex {
  readonly #lists = new PostingLists()
  readonly #entries = new Map<number, Entry>()
  readonly #origins = new Map<string, number[]>()

  get size(): number {
    return this.#entries.size
  }

  /** Adds to what this origin has. */
  add(origin: string, documents: readonly KnowledgeDocument[]): void {
    const entries = this.#origins.get(origin) ?? []
    this.#origins.set(origin, entries)
    for (const document of documents) {
      for (const { heading, text } of splitPassages(document.text)) {
        const passage = { document: document.id, title: document.title, heading, text }
        const terms = termsOf(text)
        const length = lengthOf(terms)
        const entry = this.#lists.add(withHeadings(terms, passage), length)
        this.#entries.set(entry, { passage, knowledge: document.knowledge, class: document.class })
        entries.push(entry)
      }
    }
  }

  /** Takes all of an origin away. */
  delete(origin: string): void {
    const entries = new Set(this.#origins.get(origin))
    const terms = new Set<string>()
    for (const entry of entries) {
      const known = this.#entries.get(entry)
      if (known)
        for (const term of withHeadings(termsOf(known.passage.text), known.passage).keys()) terms.add(term)
      this.#entries.delete(entry)
    }
    this.#lists.delete(entries, terms)
    this.#origins.delete(origin)
  }

  /** What an origin has is another's from now on. */
  rename(from: string, to: string): void {
    const entries = this.#origins.get(from)
    if (entries) this.#origins.set(to, entries)
    this.#origins.delete(from)
  }

  /** How telling a term is here: large for a rare one, largest for one that occurs nowhere. */
  idf(term: string): number {
    return this.#lists.idf(term)
  }

  /**
   * The best first, `limit` of them; equals in the order of their documents. The score is BM25 over the weight of the
   * whole question, terms that occur nowhere included, and a share for the best sentence: 0 = nothing in common, about
   * 1.3 = everything.
   */
  rank(query: ReadonlyMap<string, number>, filter: PassageFilter, limit: number): RankedPassage[] {
    let whole = 0
    for (const [term, asked] of query) whole += asked * this.idf(term)
    const near = this.#nearest(query, filter, Math.max(limit, LOOKED_INTO))
    return near
      .map(({ entry, gain }) => {
        const base = gain / whole
        const sentence = this.#bestSentence(entry, query) / whole
        return { passage: { ...entry.passage, score: base + SENTENCE_WEIGHT * sentence }, base, sentence }
      })
      .sort((a, b) => b.passage.score - a.passage.score)
      .slice(0, limit)
  }

  #nearest(query: ReadonlyMap<string, number>, filter: PassageFilter, count: number) {
    const knowledge = new Set(filter.knowledge)
    const classes = filter.classes && new Set(filter.classes)
    let near: Near[] = []
    let floor = 0
    for (const [number, gain] of this.#lists.gains(query)) {
      if (gain < floor) continue
      const entry = this.#entries.get(number)
      if (!entry || (knowledge.size > 0 && !knowledge.has(entry.knowledge))) continue
      if (classes && entry.class !== undefined && !classes.has(entry.class)) continue
      near.push({ entry, gain, number })
      // Sorting now and then is cheaper than sorting ten thousand at the end.
      if (near.length < 4 * count) continue
      near = near.sort(nearer).slice(0, count)
      floor = near.at(-1)?.gain ?? 0
    }
    return near.sort(nearer).slice(0, count)
  }

  /** The largest weight of the question that one sentence holds. */
  #bestSentence(entry: Entry, query: ReadonlyMap<string, number>): number {
    entry.sentences ??= sentencesOf(entry.passage.text).map((sentence) => new Set(termsOf(sentence).keys()))
    let best = 0
    for (const sentence of entry.sentences) {
      let found = 0
      for (const [term, asked] of query) if (sentence.has(term)) found += asked * this.idf(term)
      best = Math.max(best, found)
    }
    return best
  }
}

interface Near {
  readonly entry: Entry
  readonly gain: number
  readonly number: number
}

function nearer(a: Near, b: Near): number {
  if (a.gain !== b.gain) return b.gain - a.gain
  const [one, other] = [a.entry.passage.document, b.entry.passage.document]
  return one === other ? a.number - b.number : one < other ? -1 : 1
}

/** The terms of a text, and those of its title and headings on top. */
function withHeadings(
  terms: Map<string, number>,
  { title, heading }: Pick<Passage, 'title' | 'heading'>,
): ReadonlyMap<string, number> {
  for (const [term, weight] of termsOf(`${title}\n${heading}`)) {
    terms.set(term, (terms.get(term) ?? 0) + HEADING_BOOST * weight)
  }
  return terms
}

function lengthOf(terms: ReadonlyMap<string, number>): number {
  let length = 0
  for (const weight of terms.values()) length += weight
  return length
}
