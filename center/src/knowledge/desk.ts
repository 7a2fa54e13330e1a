import type { TenantId } from '@yizhan/kernel'
import type { Backend, Passage, SearchOptions } from '../inference/port.js'
import type { Knowledge } from '../retrieval/index.js'

export interface AskedAnswer {
  readonly question: string
  /** The best, whether or not the reply takes anything from them. */
  readonly passages: readonly Passage[]
  readonly reply: string
}

export type AskOptions = SearchOptions & {
  /** BCP 47 of the reply; default: as the question is written. */
  readonly locale?: string
}

/** Answers a question as the documents alone do, for people who look at what their documents give. */
export type Ask = (
  tenant: TenantId,
  question: string,
  options: AskOptions,
  signal: AbortSignal,
) => Promise<AskedAnswer>

export function createAsk(deps: {
  readonly knowledge: Pick<Knowledge, 'explain' | 'search'>
  /** Answers with what stands in the passages. */
  readonly backend: Backend
}): Ask {
  const { knowledge, backend } = deps
  return async (tenant, question, { locale = '', ...options }, signal) => {
    const ranked = await knowledge.explain(tenant, question, options, signal)
    const passages = await knowledge.search(tenant, question, options, signal)
    let reply = ''
    for await (const piece of backend.generate({ tenant, question, locale, history: [], passages }, signal)) {
      if (piece.type === 'text') reply += piece.text
    }
    return { question, passages: ranked.passages.map(({ passage }) => passage), reply }
  }
}
