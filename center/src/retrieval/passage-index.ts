import { sha256Hex } from '@yizhan/kernel'
import type { Passage } from '../inference/port.js'
import { splitPassages } from './passages.js'
import { PostingLists } from './posting-lists.js'
import type { Question } from './question.js'
import { type AskedWords, type Reading, readingOf, sentenceShare, weighWords } from './reading.js'
import { termsOf } from './terms.js'
import type { Neighbour } from './vectors/vector-store.js'

/** A term in the title or a heading counts as much as this many in the text. */
export const HEADING_BOOST = 2
/** What the sentence that has most of the question adds to its passage, of which it may be a small part. */
export const SENTENCE_WEIGHT = 0.3
/** Passages whose sentences are looked at; further down the list nothing comes to the top. */
const LOOKED_INTO = 30
/** What the passage adds whose vector is the nearest to the question's; the furthest of those that came near adds nothing. */
export const VECTOR_WEIGHT = 0.5
/** Passages whose sentences are kept at hand. */
const MAX_READ = 1_000

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

/** A passage that was found, and why. Shares are of the weight of the whole question, 0 to 1. */
export interface RankedPassage {
  readonly passage: Passage
  readonly knowledge: string
  /** What BM25 adds to the score: more than 1 where terms are repeated. */
  readonly base: number
  /** Share in the sentence that holds most of it, each word counted once. */
  readonly sentence: number
  /** Share in the passage with its title and headings. */
  readonly covered: number
  /** How near its vector is among those that came near, 0 to 1; 0 without vectors. */
  readonly vector: number
  /** The terms that it holds, the most telling first. */
  readonly terms: readonly { readonly term: string; readonly weight: number; readonly inHeading: boolean }[]
}

interface Entry {
  readonly passage: Omit<Passage, 'score'>
  readonly knowledge: string
  readonly class: string | undefined
  /** Of what is embedded of it. */
  readonly digest: string
}

/** The passages of one tenant and where each term occurs. What was put in together goes together. */
export class PassageIndex {
  readonly #lists = new PostingLists()
  readonly #entries = new Map<number, Entry>()
  readonly #origins = new Map<string, number[]>()
  readonly #digests = new Map<string, Set<number>>()
  /** What was looked into lately, the last one last. */
  readonly #read = new Map<number, Reading>()

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
        const digest = sha256Hex(embedded(passage))
        this.#entries.set(entry, { passage, knowledge: document.knowledge, class: document.class, digest })
        this.#digests.set(digest, (this.#digests.get(digest) ?? new Set()).add(entry))
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
      if (!known) continue
      for (const term of withHeadings(termsOf(known.passage.text), known.passage).keys()) terms.add(term)
      const same = this.#digests.get(known.digest)
      same?.delete(entry)
      if (same?.size === 0) this.#digests.delete(known.digest)
      this.#entries.delete(entry)
      this.#read.delete(entry)
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

  /** What is embedded of each passage, by digest. */
  texts(): ReadonlyMap<string, string> {
    const texts = new Map<string, string>()
    for (const { digest, passage } of this.#entries.values()) texts.set(digest, embedded(passage))
    return texts
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
  rank(
    question: Question,
    filter: PassageFilter,
    limit: number,
    neighbours: readonly Neighbour[] = [],
  ): RankedPassage[] {
    const asked = this.#asked(question)
    const vectors = this.#vectorShares(neighbours)
    return this.#nearest(question.terms, filter, Math.max(limit, LOOKED_INTO), vectors)
      .map((near) => this.#scored(near, asked, vectors.get(near.number) ?? 0))
      .sort((a, b) => b.score - a.score)
      .slice(0, limit)
      .map((scored) => judged(scored, asked))
  }

  /** By entry. Similarities of one model lie close together, so they are spread over 0 to 1. */
  #vectorShares(neighbours: readonly Neighbour[]): Map<number, number> {
    const similarities = neighbours.map(({ similarity }) => similarity)
    const [least, most] = [Math.min(...similarities), Math.max(...similarities)]
    const shares = new Map<number, number>()
    for (const { id, similarity } of neighbours) {
      const share = most > least ? (similarity - least) / (most - least) : 1
      for (const entry of this.#digests.get(id) ?? []) shares.set(entry, share)
    }
    return shares
  }

  /** The terms of a question that occur, the most telling first. */
  #asked(question: Question): Asked {
    let whole = 0
    const terms: Asked['terms'][number][] = []
    for (const [term, share] of question.terms) {
      const weight = share * this.idf(term)
      whole += weight
      if (this.#lists.has(term)) terms.push({ term, weight })
    }
    const words = weighWords(
      question.words,
      (term) => this.idf(term),
      (term) => this.#lists.has(term),
    )
    return { whole, terms: terms.sort((a, b) => b.weight - a.weight), words }
  }

  #scored({ entry, gain, number }: Near, { whole, words }: Asked, vector: number): Scored {
    const read = this.#readOf(number, entry)
    const base = whole === 0 ? 0 : gain / whole
    const sentence = sentenceShare(words, read)
    const score = base + SENTENCE_WEIGHT * sentence + VECTOR_WEIGHT * vector
    return { entry, read, base, sentence, vector, score }
  }

  /** By terms; what is near by its vector is among them in any case. */
  #nearest(
    query: ReadonlyMap<string, number>,
    filter: PassageFilter,
    count: number,
    vectors: ReadonlyMap<number, number>,
  ): Near[] {
    const knowledge = new Set(filter.knowledge)
    const classes = filter.classes && new Set(filter.classes)
    const isWanted = (entry: Entry) =>
      (knowledge.size === 0 || knowledge.has(entry.knowledge)) &&
      (classes === undefined || entry.class === undefined || classes.has(entry.class))
    let near: Near[] = []
    let floor = 0
    const gains = this.#lists.gains(query)
    for (const [number, gain] of gains) {
      const entry = gain < floor ? undefined : this.#entries.get(number)
      if (!entry || !isWanted(entry)) continue
      near.push({ entry, gain, number })
      // Sorting now and then is cheaper than sorting ten thousand at the end.
      if (near.length < 4 * count) continue
      near = near.sort(nearer).slice(0, count)
      floor = near.at(-1)?.gain ?? 0
    }
    near = near.sort(nearer).slice(0, count)
    const known = new Set(near.map(({ number }) => number))
    for (const number of vectors.keys()) {
      const entry = known.has(number) ? undefined : this.#entries.get(number)
      if (entry && isWanted(entry)) near.push({ entry, gain: gains.get(number) ?? 0, number })
    }
    return near
  }

  #readOf(number: number, { passage }: Entry): Reading {
    const known = this.#read.get(number)
    this.#read.delete(number)
    const read = known ?? readingOf(passage)
    this.#read.set(number, read)
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= MAX_READ) break
      this.#read.delete(oldest)
    }
    return read
  }
}

interface Asked {
  readonly whole: number
  readonly terms: readonly { readonly term: string; readonly weight: number }[]
  readonly words: AskedWords
}

/** What its place is decided by; what it holds is told of those alone that are given out. */
interface Scored {
  readonly entry: Entry
  readonly read: Reading
  readonly base: number
  readonly sentence: number
  readonly vector: number
  readonly score: number
}

function judged(
  { entry, read, base, sentence, vector, score }: Scored,
  { whole, terms }: Asked,
): RankedPassage {
  const held = terms.flatMap(({ term, weight }) => {
    const where = read.terms.get(term)
    return where ? [{ term, weight, inHeading: where.inHeading }] : []
  })
  const covered = held.reduce((sum, { weight }) => sum + weight, 0)
  return {
    passage: { ...entry.passage, score },
    knowledge: entry.knowledge,
    base,
    sentence,
    covered: whole === 0 ? 0 : covered / whole,
    vector,
    terms: held,
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

/** What of a passage is made into a vector: where it stands tells what it is about. */
function embedded({ title, heading, text }: Omit<Passage, 'score'>): string {
  return `${heading || title}\n${text}`.trim()
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
