import {
  type Clock,
  type Lifecycle,
  type Logger,
  type Metrics,
  noTracing,
  type StateDir,
  type Tracing,
} from '@yizhan/kernel'
import { createOwnQuotas, openAdmission, openPseudonyms } from './admission/index.js'
import type { CenterConfig } from './config.js'
import type { FileStore } from './files/index.js'
import {
  createPersonas,
  createRequestBook,
  createWriter,
  historyTokensFor,
  openEngines,
  Pool,
  startPoolUpkeep,
  tracedAdmission,
} from './inference/index.js'
import type { Embedder } from './inference/port.js'
import { AskedFileReader } from './knowledge/index.js'
import { ConversationMemory, type ConversationMemoryDeps } from './memory/index.js'
import type { SubjectDirectory } from './privacy/index.js'
import { createKnowledge, type Knowledge, openVectorStore, PassageVectors } from './retrieval/index.js'
import type { Store, SystemStore } from './storage/index.js'

/**
 * What answers a question: documents, backends, the fair queue before them, and the book of requests that survives a cut.
 * With an embedder among the backends (the first one counts) passages are also found by their vectors.
 */
export async function openInference(
  deps: {
    readonly life: Lifecycle
    readonly dir: StateDir
    readonly system: SystemStore
    readonly store: Store
    readonly keys: ConversationMemoryDeps['keys']
    readonly files: FileStore
    readonly subjects: Pick<SubjectDirectory, 'find'>
    /** How long a tenant's memories of conversations are kept; asked only later. */
    readonly memoryRetention: ConversationMemoryDeps['retention']
    readonly tracing: Tracing
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
  settings: Pick<CenterConfig, 'inference' | 'knowledge' | 'storage'>,
) {
  const { life, dir, system, store, keys, files, subjects, tracing, clock, log, metrics } = deps
  const { memoryRetention: retention } = deps
  const { inference: config } = settings
  const personas = createPersonas()
  const aiMarks = createPersonas()
  const ownQuotas = createOwnQuotas()
  // The documents' words weigh what is quoted of them, and the engines' vectors find them: each is asked only later.
  const weigh: Knowledge['weigh'] = (...asked) => knowledge.weigh(...asked)
  const engines = await openEngines(
    { clock, log, personaOf: personas.of, terms: { weigh } },
    config,
    new AbortController().signal,
  )
  life.onStop('engines', () => engines.close())
  const [embedder] = engines.embedders
  const vectors = embedder && (await openVectors(deps, embedder, settings))
  const knowledge = createKnowledge({ log, metrics, ...(vectors && { vectors }) })
  const pool = new Pool(
    { backends: engines.backends, clock, log, metrics },
    { maxRunning: config.maxRunning, retries: config.retries },
  )
  life.add('backends', startPoolUpkeep({ pool, clock, log }, { probeMs: config.probeMs }))
  const open = await openAdmission(
    { capacity: pool, system, ownRules: ownQuotas.of, clock, log, metrics },
    config,
  )
  life.add('quotas', open.months)
  const admission = tracing === noTracing ? open.admission : tracedAdmission(open.admission, tracing)
  const writing = pool.members.map(({ backend }) => backend).filter(({ quotes }) => !quotes)
  const writer = createWriter({ backends: writing, admission })
  const historyTokens = config.memory.historyTokens ?? historyTokensFor(writing)
  const memory =
    writer && config.memory.summaries
      ? life.add(
          'memory of conversations',
          new ConversationMemory({ store, keys, writer, retention, clock, log, metrics }),
        )
      : undefined
  const requests = createRequestBook(
    {
      admission,
      retriever: knowledge,
      aiMarkOf: aiMarks.of,
      memory,
      fileReader: new AskedFileReader({ files, subjects, log }, { maxTokens: historyTokens }),
      pseudonymOf: await openPseudonyms(log, dir.file('pseudonym-key')),
      clock,
      log,
      metrics,
    },
    {
      maxTotalMs: config.requestTimeoutMs,
      historyTokens,
    },
  )
  life.add('requests', requests)
  return {
    ...{ knowledge, personas, aiMarks, ownQuotas, engines, pool, admission, quotas: open.quotas },
    ...{ writer, memory, requests },
  }
}

async function openVectors(
  deps: {
    readonly life: Lifecycle
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
  embedder: Embedder,
  { knowledge, storage }: Pick<CenterConfig, 'knowledge' | 'storage'>,
): Promise<PassageVectors> {
  const { vectors: config } = knowledge
  const model = { name: embedder.model, dimensions: embedder.dimensions }
  const store = await openVectorStore(deps, { vectors: config, postgres: storage.postgres }, model)
  deps.life.onStop('vector store', () => store.close())
  const vectors = new PassageVectors({ ...deps, embedder, store })
  deps.life.onStop('vectors of passages', () => vectors.stop())
  return vectors
}
