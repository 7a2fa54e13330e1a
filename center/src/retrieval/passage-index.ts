import type { Passage } from '../inference/port.js'
import { splitPassages } from './passages.js'
import { sentencesOf } from './sentences.js'
import { termsOf } from './terms.js'

/** BM25: how soon repeating a term stops to help, and how much a long passage is held back. */
export const K1 = 0.9
export const B = 0.6
/** A term in the title or a heading counts as much as this many in the text. */
export const HEADING_BOOST = 2

/** A document of a tenant's knowledge. */
export interface KnowledgeDocument {
  /** Path inside the tenant directory; what a citation names. */
  readonly id: string
  readonly title: string
  /** The knowledge set it belongs to, as `knowledge.yaml` names it. */
  readonly knowledge: string
  /** Markdown or plain text. */
  readonly text: string
  /** BCP 47, if known. */
  readonly language?: string
}

/** What the sentence that has most of the question adds to its passage, of which it may be a small part. */
export const SENTENCE_WEIGHT = 0.3
/** Passages whose sentences are looked at; further down the list nothing comes to the top. */
const LOOKED_INTO = 30

interface Entry {
  readonly passage: Omit<Passage, 'score'>
  /** The terms of each sentence, read when a question first comes near. */
  sentences?: readonly ReadonlySet<string>[]
  readonly knowledge: string
  readonly length: number
}

interface Posting {
  readonly entry: number
  readonly weight: number
}

/** The passages of one tenant and where each term occurs. Built once, then only read. */
export class PassageIndex {
  readonly #entries: Entry[] = []
  readonly #postings = new Map<string, Posting[]>()
  #meanLength = 0

  constructor(documents: readonly KnowledgeDocument[]) {
    // Sorted, so that equal scores come out in the same order whatever order the documents were given in.
    for (const document of [...documents].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))) {
      for (const part of splitPassages(document.text)) this.#add(document, part.heading, part.text)
    }
    const total = this.#entries.reduce((sum, entry) => sum + entry.length, 0)
    this.#meanLength = total / Math.max(1, this.#entries.length)
  }

  get size(): number {
    return this.#entries.length
  }

  /** How telling a term is here: large for a rare one, largest for one that occurs nowhere. */
  idf(term: string): number {
    const count = this.#postings.get(term)?.length ?? 0
    return Math.log(1 + (this.#entries.length - count + 0.5) / (count + 0.5))
  }

  /**
   * Best first. The score is BM25 over the weight of the whole question, terms that occur nowhere included, and a share
   * for the best sentence: 0 = nothing in common, about 1.3 = everything. `knowledge`: sets to look in, empty = all.
   */
  rank(query: ReadonlyMap<string, number>, knowledge: ReadonlySet<string>): Passage[] {
    const gains = new Map<number, number>()
    let whole = 0
    for (const [term, asked] of query) {
      const weight = asked * this.idf(term)
      whole += weight
      for (const { entry, weight: found } of this.#postings.get(term) ?? []) {
        const length = (this.#entries[entry]?.length ?? 0) / Math.max(1, this.#meanLength)
        const gain = (found * (K1 + 1)) / (found + K1 * (1 - B + B * length))
        gains.set(entry, (gains.get(entry) ?? 0) + weight * gain)
      }
    }
    // In the order of the entries, which a stable sort keeps for equal scores.
    const ranked = [...gains]
      .sort(([a], [b]) => a - b)
      .flatMap(([at, gain]) => {
        const entry = this.#entries[at]
        const wanted = entry && (knowledge.size === 0 || knowledge.has(entry.knowledge))
        return wanted ? [{ entry, score: gain / whole }] : []
      })
      .sort((a, b) => b.score - a.score)
    return ranked
      .map(({ entry, score }, rank) => ({
        ...entry.passage,
        score: score + (rank < LOOKED_INTO ? SENTENCE_WEIGHT * this.#bestSentence(entry, query, whole) : 0),
      }))
      .sort((a, b) => b.score - a.score)
  }

  /** The largest share of the question's weight that one sentence holds. */
  #bestSentence(entry: Entry, query: ReadonlyMap<string, number>, whole: number): number {
    entry.sentences ??= sentencesOf(entry.passage.text).map((sentence) => new Set(termsOf(sentence).keys()))
    let best = 0
    for (const sentence of entry.sentences) {
      let found = 0
      for (const [term, asked] of query) if (sentence.has(term)) found += asked * this.idf(term)
      best = Math.max(best, found)
    }
    return best / whole
  }

  #add(document: KnowledgeDocument, heading: string, text: string): void {
    const terms = termsOf(text)
    let length = 0
    for (const weight of terms.values()) length += weight
    for (const [term, weight] of termsOf(`${document.title}\n${heading}`)) {
      terms.set(term, (terms.get(term) ?? 0) + HEADING_BOOST * weight)
    }
    const entry = this.#entries.length
    const passage = { document: document.id, title: document.title, heading, text }
    this.#entries.push({ passage, knowledge: document.knowledge, length })
    for (const [term, weight] of terms) {
      const postings = this.#postings.get(term)
      if (postings) postings.push({ entry, weight })
      else this.#postings.set(term, [{ entry, weight }])
    }
  }
}
