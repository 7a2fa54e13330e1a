import { isLoopback, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { PostgresConfig } from '../../storage/postgres/config.js'
import type { VectorsConfig } from './config.js'
import { createUsearchStore } from './usearch-store.js'
import type { VectorModel, VectorStore } from './vector-store.js'

/**
 * The store that the settings name, for one model. One that is away is no reason not to start: passages are found by
 * their words until it comes. Throws `config_invalid`, and what else the store says that waiting does not mend.
 */
export async function openVectorStore(
  { log }: { readonly log: Logger },
  { vectors, postgres }: { readonly vectors: VectorsConfig; readonly postgres: PostgresConfig },
  model: VectorModel,
): Promise<VectorStore> {
  const store = await createStore(log, vectors, postgres, model)
  try {
    await store.prepare()
  } catch (thrown) {
    const err = toYizhanError(thrown)
    if (!err.retryable) {
      await store.close()
      throw err
    }
    log.warn({ err, store: vectors.store }, 'the vector store is away; passages are found by their words')
  }
  return store
}

// What is not used is not loaded.
async function createStore(
  log: Logger,
  { store, qdrant }: VectorsConfig,
  postgres: PostgresConfig,
  model: VectorModel,
): Promise<VectorStore> {
  if (store === 'pgvector') {
    const { createPgvectorStore } = await import('./pgvector/pgvector-store.js')
    return createPgvectorStore({ log }, postgres, model)
  }
  if (store === 'usearch') return createUsearchStore(model)
  const { url } = qdrant
  if (url === undefined || !URL.canParse(url)) {
    throw new YizhanError('config_invalid', 'knowledge.vectors.qdrant.url: is missing, or no URL', {
      hint: 'such as https://qdrant.example:6333',
    })
  }
  const { protocol, hostname } = new URL(url)
  if (qdrant.apiKey !== undefined && protocol === 'http:' && !isLoopback(hostname)) {
    throw new YizhanError('config_invalid', 'knowledge.vectors.qdrant.url: a key would travel without TLS', {
      hint: 'use https',
    })
  }
  const { createQdrantStore } = await import('./qdrant-store.js')
  return createQdrantStore({ ...qdrant, url }, model)
}
