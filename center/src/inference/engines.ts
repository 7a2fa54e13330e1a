import { type Clock, type Outbound, YizhanError } from '@yizhan/kernel'
import type { BackendConfig, BackendConfigOf } from './backends-config.js'
import { createExtractive, type TermWeights } from './extractive.js'
import { createOpenAi } from './backends/openai/index.js'
import type { PersonaOf } from './personas.js'
import type { PoolBackend } from './pool/index.js'
import type { Backend } from './port.js'

export interface EngineDeps {
  readonly fetch: Outbound['fetch']
  readonly clock: Clock
  readonly personaOf: PersonaOf
  readonly terms: TermWeights
}

type Factories = {
  readonly [K in BackendConfig['kind']]: (deps: EngineDeps, config: BackendConfigOf<K>) => Backend
}

/** How a backend of each kind is made. */
const FACTORIES: Factories = {
  openai: (deps, { firstTokenMs, betweenTokensMs, ...config }) =>
    createOpenAi(deps, { ...config, firstTokenMs, betweenTokensMs }),
  extractive: (deps, config) => createExtractive(deps, config),
}

/** `inference.llm` and what is always there: the tenant's documents, quoted. */
export interface EngineSettings {
  readonly backends: readonly BackendConfig[]
  readonly llm: {
    readonly url?: string
    readonly model: string
    readonly apiKey?: string
    readonly firstTokenMs: number
    readonly betweenTokensMs: number
  }
  readonly extractive: { readonly paceMs: number }
}

/**
 * The backends of the settings: those listed, the one of the shorthand `llm`, and `extractive`, which is added as a
 * backup unless it is listed. Throws `config_invalid` if two have one name.
 */
export function createEngines(deps: EngineDeps, settings: EngineSettings): PoolBackend[] {
  const { llm, extractive } = settings
  const listed: PoolBackend[] = settings.backends.map((config) => ({ backend: create(deps, config), config }))
  if (llm.url !== undefined) {
    const { url, firstTokenMs, betweenTokensMs } = llm
    listed.push({ backend: createOpenAi(deps, { ...llm, url }), config: { firstTokenMs, betweenTokensMs } })
  }
  if (!settings.backends.some(({ kind }) => kind === 'extractive')) {
    listed.push({ backend: createExtractive(deps, extractive), config: { channel: 'backup' } })
  }
  const names = new Set<string>()
  for (const { backend } of listed) {
    if (names.has(backend.name))
      throw new YizhanError('config_invalid', `two backends are named ${backend.name}`)
    names.add(backend.name)
  }
  return listed
}

function create<K extends BackendConfig['kind']>(deps: EngineDeps, config: BackendConfigOf<K>): Backend {
  const factory: (deps: EngineDeps, config: BackendConfigOf<K>) => Backend = FACTORIES[config.kind as K]
  return factory(deps, config)
}
