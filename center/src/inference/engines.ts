import { Value } from '@sinclair/typebox/value'
import { YizhanError } from '@yizhan/kernel'
import type { BackendConfig } from './backends/config.js'
import { BACKEND_KINDS, type BackendKind, type KindParts, type OpenBackend } from './backends/index.js'
import { MEMBER_DEFAULTS, type MemberConfig, type PoolBackend } from './pool/index.js'
import type { Embedder, Reranker } from './port.js'

export interface EngineSettings {
  readonly backends: readonly BackendConfig[]
  /** Shorthand for one backend of kind `openai`. */
  readonly llm: {
    readonly url?: string
    readonly model: string
    readonly apiKey?: string
    readonly firstTokenMs: number
    readonly betweenTokensMs: number
  }
  readonly extractive: { readonly paceMs: number }
}

export interface Engines {
  /** Those that write answers. */
  readonly backends: readonly PoolBackend[]
  readonly embedders: readonly Embedder[]
  readonly rerankers: readonly Reranker[]
  close(): Promise<void>
}

/** Settings of one backend, the kind's among them; that they fit the kind says the schema. */
type Settings = { readonly kind: BackendConfig['kind']; readonly name: string } & Readonly<
  Record<string, unknown>
>

/** The pool gives a backend longer than the backend itself gives its server: it only notices one that is stuck. */
const PATIENCE = 2

/**
 * Opens the backends of the settings: those listed, the one of the shorthand `llm`, and `extractive` as a backup unless
 * it is listed. Throws `config_invalid` if two have one name; what was opened by then is closed.
 */
export async function openEngines(
  parts: KindParts,
  settings: EngineSettings,
  signal: AbortSignal,
): Promise<Engines> {
  const all = listed(settings)
  for (const [at, { name }] of all.entries()) {
    if (all.findIndex((other) => other.name === name) < at)
      throw new YizhanError('config_invalid', `inference.backends: two are named ${name}`)
  }
  const opened: { readonly config: Settings; readonly engine: OpenBackend }[] = []
  const close = async () => {
    for (const { engine } of opened.splice(0).reverse()) await engine.close()
  }
  try {
    for (const config of all) opened.push({ config, engine: await open(parts, config, signal) })
  } catch (thrown) {
    await close()
    throw thrown
  }
  return {
    backends: opened.flatMap(({ config, engine: { backend } }) =>
      backend ? [{ backend, config: memberConfig(config) }] : [],
    ),
    embedders: opened.flatMap(({ engine: { embedder } }) => embedder ?? []),
    rerankers: opened.flatMap(({ engine: { reranker } }) => reranker ?? []),
    close,
  }
}

function listed({ backends, llm, extractive }: EngineSettings): Settings[] {
  const all: Settings[] = [...backends]
  if (llm.url !== undefined) all.push({ kind: 'openai', name: 'openai', ...llm })
  if (backends.some(({ kind }) => kind === 'extractive')) return all
  return [...all, { kind: 'extractive', name: 'extractive', channel: 'backup', ...extractive }]
}

function open(parts: KindParts, config: Settings, signal: AbortSignal): Promise<OpenBackend> {
  const kind = BACKEND_KINDS[config.kind] as BackendKind<unknown>
  // The shorthand and the backup say only what differs; a kind gets its own settings and no others.
  const settings = Value.Default(kind.settings, Value.Clean(kind.settings, { ...config }))
  return kind.open(parts, config.name, settings, signal)
}

function memberConfig(config: Settings): MemberConfig {
  const patience = (ms: unknown) => (typeof ms === 'number' ? PATIENCE * ms : undefined)
  const { maxRunning = MEMBER_DEFAULTS.maxRunning, parallel = Number.POSITIVE_INFINITY } = config
  const given: Record<string, unknown> = {
    ...config,
    // What an engine in this process cannot run waits in the queue before it, not inside.
    maxRunning: Math.min(Number(maxRunning), Number(parallel)),
    firstTokenMs: patience(config.firstTokenMs),
    betweenTokensMs: patience(config.betweenTokensMs),
  }
  const own = Object.entries(given).filter(([name, value]) => MEMBER_NAMES.has(name) && value !== undefined)
  return { ...MEMBER_DEFAULTS, ...Object.fromEntries(own) }
}

const MEMBER_NAMES = new Set([...Object.keys(MEMBER_DEFAULTS), 'creditTokens'])
