import { setImmediate } from 'node:timers/promises'
import type { Logger, Metrics, TenantId } from '@yizhan/kernel'
import type { Passage, Retriever, SearchOptions } from '../inference/port.js'
import { classesFor, type DocumentClasses } from './document-classes.js'
import { type KnowledgeDocument, PassageIndex, type RankedPassage } from './passage-index.js'
import { questionOf } from './question.js'
import { isRelevant } from './relevance.js'
import { termsOf } from './terms.js'
import type { PassageVectors } from './vectors/passage-vectors.js'

/** Only the start of a longer question is searched for. */
const MAX_QUERY = 2_000
/** The tenant's directory; every other origin is something imported. */
const DIRECTORY = ''
/** Passages that are looked at because of their vectors. */
const NEIGHBOURS = 30
/** Documents that are indexed before others get their turn. */
const AT_ONCE = 64

/** The tenants' documents, searchable. Each tenant has an index of its own; no method reads two. */
export interface Knowledge extends Retriever {
  /** Makes these the documents of the tenant's directory, in place of those that it had. `classes`: who may see which of all its documents. */
  replace(tenant: TenantId, documents: readonly KnowledgeDocument[], classes?: DocumentClasses): void
  /** Makes these the documents of something imported, a few at a time; until then the former ones are found. */
  put(tenant: TenantId, origin: string, documents: readonly KnowledgeDocument[]): Promise<void>
  /** Takes away what was put there. */
  delete(tenant: TenantId, origin: string): void
  /** Everything of a tenant. */
  remove(tenant: TenantId): void
  /** What every tenant has was put here: vectors that a former center left of others go. */
  allPut(): void
  /** The best for a question with what they hold of it, and whether the best holds enough to be an answer. */
  explain(tenant: TenantId, query: string, options: SearchOptions, signal: AbortSignal): Promise<Explained>
  /** The terms of `text` and how telling each is among the tenant's documents. */
  weigh(tenant: TenantId, text: string): ReadonlyMap<string, number>
  /** Passages that can be found. */
  size(tenant: TenantId): number
}

export interface Explained {
  readonly found: boolean
  readonly passages: readonly RankedPassage[]
}

/** `vectors`: where an embedder is configured; without it words alone decide. */
export function createKnowledge(deps: {
  readonly log: Logger
  readonly metrics?: Metrics
  readonly vectors?: PassageVectors
}): Knowledge {
  const { vectors } = deps
  const indexes = new Map<TenantId, PassageIndex>()
  const classesOf = new Map<TenantId, DocumentClasses>()
  const searches = deps.metrics?.counter(
    'yizhan_retrieval_searches_total',
    'Searches in the knowledge of tenants, by whether anything relevant was found',
    ['found'],
  )
  const passages = deps.metrics?.gauge(
    'yizhan_retrieval_passages',
    'Passages that can be searched, all tenants',
  )
  const changed = (tenant: TenantId) => {
    passages?.set([...indexes.values()].reduce((sum, index) => sum + index.size, 0))
    vectors?.changed(tenant, () => indexes.get(tenant)?.texts() ?? new Map())
  }
  const indexOf = (tenant: TenantId) => {
    const index = indexes.get(tenant) ?? new PassageIndex()
    indexes.set(tenant, index)
    return index
  }
  const explain: Knowledge['explain'] = async (tenant, query, options, signal) => {
    const text = query.slice(0, MAX_QUERY)
    const question = questionOf(text)
    const near = (await vectors?.nearest(tenant, text, NEIGHBOURS, signal)) ?? []
    const index = indexes.get(tenant)
    const { knowledge, reader, limit } = options
    const classes = classesFor(classesOf.get(tenant), reader)
    const ranked = index?.rank(question, { knowledge, ...(classes && { classes }) }, limit, near) ?? []
    const [best] = ranked
    return {
      found: best !== undefined && isRelevant(question.terms, best, index?.size ?? 0),
      passages: ranked,
    }
  }

  return {
    replace(tenant, documents, classes) {
      if (classes) classesOf.set(tenant, classes)
      else classesOf.delete(tenant)
      const index = indexOf(tenant)
      index.delete(DIRECTORY)
      index.add(DIRECTORY, documents)
      changed(tenant)
      deps.log.info({ tenant, documents: documents.length, passages: index.size }, 'knowledge indexed')
    },
    async put(tenant, origin, documents) {
      const index = indexOf(tenant)
      const coming = `${origin}\0`
      for (let at = 0; at < documents.length; at += AT_ONCE) {
        if (at > 0) await setImmediate()
        index.add(coming, documents.slice(at, at + AT_ONCE))
      }
      index.delete(origin)
      index.rename(coming, origin)
      changed(tenant)
    },
    delete(tenant, origin) {
      indexes.get(tenant)?.delete(origin)
      changed(tenant)
    },
    remove(tenant) {
      indexes.delete(tenant)
      classesOf.delete(tenant)
      changed(tenant)
    },
    allPut: () => vectors?.allTold(),
    explain,
    async search(tenant, query, options, signal): Promise<Passage[]> {
      const { found, passages: best } = await explain(tenant, query, options, signal)
      searches?.inc({ found: found ? 'yes' : 'no' })
      if (!found) return []
      // What is well below the best is left out; it may still hold what the best one lacks.
      const enough = (best[0]?.passage.score ?? 0) / 2
      return best.map(({ passage }) => passage).filter(({ score }) => score >= enough)
    },
    weigh(tenant, text) {
      const index = indexes.get(tenant)
      const weights = new Map<string, number>()
      for (const [term, weight] of termsOf(text)) weights.set(term, weight * (index?.idf(term) ?? 1))
      return weights
    },
    size: (tenant) => indexes.get(tenant)?.size ?? 0,
  }
}
