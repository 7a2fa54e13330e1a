import type { Clock, TenantId } from '@yizhan/kernel'
import { columnsOf } from '../retrieval/index.js'
import { showsKind } from './asked-kind.js'
import { citationOf } from './citation.js'
import { type Language, languageOf } from './language.js'
import type { Backend, GenerateRequest, Passage, Piece } from './port.js'
import { leadsOn, type Quote, quotesOf } from './quotes.js'
import { estimateTokens } from './token-estimate.js'

/** The terms of a text and how telling each is among a tenant's documents. */
export interface TermWeights {
  weigh(tenant: TenantId, text: string): ReadonlyMap<string, number>
}

export interface ExtractiveConfig {
  /** Shown in metrics and logs; default `extractive`. */
  readonly name?: string
  /** Pause between two pieces, so that an answer is seen to stream. Default 0. */
  readonly paceMs?: number
}

const MAX_PASSAGES = 3
/** One that answers, and one that it may need: more is a page to read, not an answer. */
const MAX_QUOTES = 2
const MAX_COLUMNS = 1_200
/** A further sentence is quoted if it scores at least this share of the best one. */
const GOOD_ENOUGH = 0.5
/** What a further sentence gains by the share of the question that only it holds. */
const NEW_WEIGHT = 0.75
/** What it gains beside the first one: what is said before and after belongs together. */
const BESIDE_WEIGHT = 0.1
/** What a sentence gains that holds what is asked for: a number for "how many", a year for "when". */
const KIND_WEIGHT = 0.15
/** What the passage's own rank adds to a sentence that covers the question as well as another. */
const RANK_WEIGHT = 0.5

const SENTENCES = {
  zh: {
    none: '抱歉，我在现有的资料里没有找到这个问题的答案。',
    from: (title: string) => `根据《${title}》：`,
    several: '资料里是这样写的：',
  },
  en: {
    none: 'Sorry, I could not find an answer to this in the documents I have.',
    from: (title: string) => `From “${title}”:`,
    several: 'This is what the documents say:',
  },
} as const

/**
 * The embedded default: answers with sentences of the tenant's documents, quoted as they stand and cited. Needs no
 * weights and no network, and never fails; nothing relevant ends with `no-answer`.
 */
export function createExtractive(
  deps: { readonly clock: Clock; readonly terms: TermWeights },
  config: ExtractiveConfig = {},
): Backend {
  const paceMs = config.paceMs ?? 0
  return {
    name: config.name ?? 'extractive',
    model: 'extractive',
    quotes: true,
    async *generate(request, signal): AsyncGenerator<Piece> {
      signal.throwIfAborted()
      const language = languageOf(request.locale, request.question)
      const quotes = choose(deps.terms, request)
      const used = usedPassages(quotes, request.passages)
      const text = quotes.length === 0 ? SENTENCES[language].none : compose(language, quotes, used)
      if (used.length > 0)
        yield { type: 'citations', citations: used.map(({ passage }) => citationOf(passage)) }
      for (const [at, piece] of piecesOf(text).entries()) {
        if (at > 0 && paceMs > 0) await deps.clock.sleep(paceMs, signal)
        signal.throwIfAborted()
        yield { type: 'text', text: piece }
      }
      const read = [request.question, ...request.passages.map((passage) => passage.text)].join('\n')
      yield {
        type: 'end',
        finish: quotes.length === 0 ? 'no-answer' : 'stop',
        inputTokens: estimateTokens(read),
        outputTokens: estimateTokens(text),
      }
    },
    async probe(signal) {
      signal.throwIfAborted()
    },
  }
}

/** The quotes that answer the question, in reading order; empty if there is nothing to quote. */
function choose(terms: TermWeights, request: GenerateRequest): Quote[] {
  const { tenant, question } = request
  const asked = terms.weigh(tenant, question)
  const shown = showsKind(question)
  const passages = request.passages.slice(0, MAX_PASSAGES)
  const best = passages[0]?.score ?? 0
  const candidates = passages.flatMap((passage, index) =>
    quotesOf(passage, index).map((quote) => {
      const rank = best > 0 ? passage.score / best : 1
      const found = terms.weigh(tenant, quote.text)
      const covered = share(asked, asked, found)
      return { quote, found, covered, score: covered + RANK_WEIGHT * rank + KIND_WEIGHT * shown(quote.text) }
    }),
  )
  const chosen = new Set<Quote>()
  const left = new Map(asked)
  let columns = 0
  let top = 0
  while (chosen.size < MAX_QUOTES) {
    const further = chosen.size > 0
    // The earlier sentence of the better passage wins among equals.
    const next = bestOf(candidates, ({ quote, found, covered, score }) => {
      if (chosen.has(quote) || (further && covered === 0)) return 0
      if (!further) return score
      const beside = [...chosen].some(
        (one) => one.passage === quote.passage && Math.abs(one.at - quote.at) === 1,
      )
      return score + NEW_WEIGHT * share(asked, left, found) + (beside ? BESIDE_WEIGHT : 0)
    })
    if (!next || next.score < top * GOOD_ENOUGH) break
    top = Math.max(top, next.score)
    const follower = candidates.find(
      ({ quote }) => quote.passage === next.quote.passage && quote.at === next.quote.at + 1,
    )?.quote
    const size = columnsOf(next.quote.text)
    if (further && columns + size > MAX_COLUMNS) break
    columns += size
    chosen.add(next.quote)
    if (follower && leadsOn(next.quote)) chosen.add(follower)
    for (const term of next.found.keys()) left.delete(term)
  }
  return [...chosen].sort((a, b) => a.passage - b.passage || a.at - b.at)
}

function bestOf<T extends { readonly score: number }>(
  candidates: readonly T[],
  scoreOf: (candidate: T) => number,
): T | undefined {
  let best: T | undefined
  let most = 0
  for (const candidate of candidates) {
    const score = scoreOf(candidate)
    if (score <= most) continue
    best = candidate
    most = score
  }
  return best
}

/** How much of the weight of `asked` the terms of `of` have that were found. */
function share(
  asked: ReadonlyMap<string, number>,
  of: ReadonlyMap<string, number>,
  found: ReadonlyMap<string, number>,
): number {
  let whole = 0
  let covered = 0
  for (const weight of asked.values()) whole += weight
  for (const [term, weight] of of) if (found.has(term)) covered += weight
  return whole === 0 ? 0 : covered / whole
}

interface UsedPassage {
  readonly passage: Passage
  readonly quotes: readonly Quote[]
}

function usedPassages(quotes: readonly Quote[], passages: readonly Passage[]): UsedPassage[] {
  return passages.flatMap((passage, index) => {
    const own = quotes.filter((quote) => quote.passage === index)
    return own.length > 0 ? [{ passage, quotes: own }] : []
  })
}

function compose(language: Language, quotes: readonly Quote[], used: readonly UsedPassage[]): string {
  const titles = new Set(used.map(({ passage }) => passage.title))
  const [title] = titles
  const { from, several } = SENTENCES[language]
  const lead = titles.size > 1 ? several : title ? from(title) : ''
  const parts = used.map(({ quotes: own }, index) => {
    const text = own.map((quote, at) => `${separator(own[at - 1], quote)}${quote.text}`).join('')
    return marked(text, `[${index + 1}]`, own.at(-1))
  })
  // In one run where it is sentences alone: it is one answer, not a list.
  const between = quotes.some(({ block }) => block) ? '\n' : language === 'zh' ? '' : ' '
  return [lead, ...parts].filter((part) => part !== '').join(between)
}

/** With the mark of its citation: before the full stop, and on a line of its own below code and tables, which it would break. */
function marked(text: string, mark: string, last: Quote | undefined): string {
  if (last?.block) return `${text}\n${mark}`
  const end = FINAL_MARK.exec(text)?.[0] ?? ''
  const body = text.slice(0, text.length - end.length)
  return `${body}${UNSPACED.test(body) ? '' : ' '}${mark}${end}`
}

const FINAL_MARK = /[.。!！?？…]+[」』”’"')）\]]*$/
const UNSPACED = /[\p{Script=Han}\u3000-\u303f\uff00-\uffef]$/u

function separator(before: Quote | undefined, quote: Quote): string {
  if (!before) return ''
  if (before.block || quote.block) return '\n'
  return UNSPACED.test(before.text) ? '' : ' '
}

const PIECE =
  /\s*(?:[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]{1,2}|\S{1,24}?(?=\s|[\p{Script=Han}]|$)|\S{1,24})|\s+$/gu

/** The text as a model would write it: a word or two characters at a time; joined they are the text again. */
export function piecesOf(text: string): string[] {
  return text.match(PIECE) ?? []
}
