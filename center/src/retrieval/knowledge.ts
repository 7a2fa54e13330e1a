import type { Logger, Metrics, TenantId } from '@yizhan/kernel'
import type { Passage, Retriever } from '../inference/port.js'
import { type KnowledgeDocument, PassageIndex } from './passage-index.js'
import { isRelevant } from './relevance.js'
import { termsOf } from './terms.js'

/** Only the start of a longer question is searched for. */
const MAX_QUERY = 2_000

/** The tenants' documents, searchable. Each tenant has an index of its own; no method reads two. */
export interface Knowledge extends Retriever {
  /** Makes these the tenant's documents, in place of all that it had. */
  replace(tenant: TenantId, documents: readonly KnowledgeDocument[]): void
  remove(tenant: TenantId): void
  /** The terms of `text` and how telling each is among the tenant's documents. */
  weigh(tenant: TenantId, text: string): ReadonlyMap<string, number>
}

export function createKnowledge(deps: { readonly log: Logger; readonly metrics?: Metrics }): Knowledge {
  const indexes = new Map<TenantId, PassageIndex>()
  const searches = deps.metrics?.counter(
    'yizhan_retrieval_searches_total',
    'Searches in the knowledge of tenants, by whether anything relevant was found',
    ['found'],
  )
  const passages = deps.metrics?.gauge(
    'yizhan_retrieval_passages',
    'Passages that can be searched, all tenants',
  )
  const count = () => passages?.set([...indexes.values()].reduce((sum, index) => sum + index.size, 0))

  return {
    replace(tenant, documents) {
      const index = new PassageIndex(documents)
      indexes.set(tenant, index)
      count()
      deps.log.info({ tenant, documents: documents.length, passages: index.size }, 'knowledge indexed')
    },
    remove(tenant) {
      indexes.delete(tenant)
      count()
    },
    search(tenant, query, options): Passage[] {
      const index = indexes.get(tenant)
      const terms = termsOf(query.slice(0, MAX_QUERY))
      const ranked = index?.rank(terms, new Set(options.knowledge)) ?? []
      const best = ranked[0]
      const found = index !== undefined && best !== undefined && isRelevant(terms, best, index.size)
      searches?.inc({ found: found ? 'yes' : 'no' })
      // What is well below the best is left out; it may still hold what the best one lacks.
      return found ? ranked.slice(0, options.limit).filter(({ score }) => score >= best.score / 2) : []
    },
    weigh(tenant, text) {
      const index = indexes.get(tenant)
      const weights = new Map<string, number>()
      for (const [term, weight] of termsOf(text)) weights.set(term, weight * (index?.idf(term) ?? 1))
      return weights
    },
  }
}
