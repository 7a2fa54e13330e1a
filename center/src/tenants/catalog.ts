import {
  encodeModel,
  IntentModel,
  type LanguageMap,
  parseTenantFile,
  TENANT_FILE,
  type TrainedModel,
} from '@yizhan/intent'
import { type Clock, canonicalJson, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import type { TenantBundles } from '../fleet/port.js'
import type { KnowledgeDocument } from '../retrieval/index.js'
import type { Store, SystemStore } from '../storage/index.js'
import type { BundleStore } from './bundle-store.js'
import { ExtractMemory } from './extract/index.js'
import type { Problem } from './problem.js'
import { readServed, readTenant, type ServedTenant, type TenantSource } from './source.js'
import { loadExtracts, loadFiles } from './stored-files.js'
import { type Current, loadTenant, saveTenant, tenantIds } from './stored-tenant.js'
import { differenceOf, type FileDifference, filesDigest, type TenantFiles } from './tenant-files.js'
import { runTests } from './test-run.js'

export interface TenantSummary {
  readonly tenant: TenantId
  readonly version: number
  readonly digest: string
  /** Milliseconds since the Unix epoch. */
  readonly appliedAt: number
  readonly intents: number
  readonly documents: number
}

export interface ApplyReport extends TenantSummary {
  /** False: the directory was already in force, nothing was done. */
  readonly changed: boolean
  /** Against what was in force before. */
  readonly files: FileDifference
  readonly examples: number
  /** Sentences of `tests/`; all of them hold. */
  readonly tests: number
  /** Sentences for the author: the tenant is in force all the same. */
  readonly warnings: readonly string[]
  readonly trainMs: number
}

/** The report, or what is wrong with the directory or its tests; then nothing has changed. */
export type ApplyOutcome = { readonly report: ApplyReport } | { readonly problems: readonly Problem[] }

/** The tenants of this center: what their directories say, and the bundle that edges shall run. */
export interface TenantCatalog extends TenantBundles {
  list(): readonly TenantSummary[]
  /**
   * Checks, trains, tests, and only then puts in force; one at a time, in the order of the calls. Throws what the
   * stores throw, `tenant_invalid` if the examples cannot be trained, and the signal's reason.
   */
  apply(files: TenantFiles, actor: string, signal: AbortSignal): Promise<ApplyOutcome>
}

export interface CatalogDeps {
  readonly store: Store
  readonly system: SystemStore
  readonly bundles: BundleStore
  readonly knowledge: { replace(tenant: TenantId, documents: readonly KnowledgeDocument[]): void }
  readonly personas: { replace(tenant: TenantId, persona: LanguageMap | undefined): void }
  readonly train: (source: TenantSource, signal: AbortSignal) => Promise<TrainedModel>
  readonly clock: Clock
  readonly log: Logger
}

/** Loads every tenant from the store, fills the knowledge, and clears bundles that nothing is in force of. */
export async function openTenantCatalog(deps: CatalogDeps): Promise<TenantCatalog> {
  const { store, system, bundles, knowledge, personas, clock, log } = deps
  const live = new Map<TenantId, Current>()
  const memory = new ExtractMemory()
  const listeners = new Set<(tenant: TenantId) => void>()
  let last: Promise<unknown> = Promise.resolve()

  for (const tenant of await tenantIds(system)) {
    const stored = await loadTenant(store, tenant)
    if (!stored) continue
    const { current } = stored
    live.set(tenant, current)
    serve(tenant, readServed(await loadFiles(store, tenant), await loadExtracts(store, tenant)))
    if (!(await bundles.has(current.digest))) {
      log.error({ tenant, digest: current.digest }, 'the bundle in force is missing; apply the tenant again')
    }
  }
  await bundles.sweep(new Set([...live.values()].map(({ digest }) => digest)))

  async function apply(files: TenantFiles, actor: string, signal: AbortSignal): Promise<ApplyOutcome> {
    signal.throwIfAborted()
    const read = await readTenant(files, { memory, signal })
    if ('problems' in read) return read
    const { source } = read
    const { tenant } = source
    const before = await loadTenant(store, tenant)
    const directoryBefore = {
      files: await loadFiles(store, tenant),
      extracts: await loadExtracts(store, tenant),
    }
    const difference = differenceOf(directoryBefore.files, source.files)
    const digestOfFiles = filesDigest(source.files)
    const counts = { examples: source.examples.length, tests: source.tests.length }
    if (before?.current.filesDigest === digestOfFiles && (await bundles.has(before.current.digest))) {
      const report = { ...summary(tenant, before.current), ...counts, files: difference }
      return { report: { ...report, changed: false, warnings: [], trainMs: 0 } }
    }
    const version = (before?.current.version ?? 0) + 1
    const made = await makeBundle(deps, source, version, signal)
    if ('problems' in made) return made
    const { warnings, trainMs, ...bundle } = made
    const current: Current = {
      format: 1,
      version,
      ...bundle,
      filesDigest: digestOfFiles,
      appliedAt: clock.wall(),
      intents: Object.keys(source.file.intents).length,
      documents: source.documents.length,
    }
    signal.throwIfAborted()
    await saveTenant(deps, tenant, {
      current,
      directory: source,
      directoryBefore,
      before,
      actor,
    })
    live.set(tenant, current)
    serve(tenant, source)
    log.info({ tenant, version, digest: current.digest, trainMs, ...counts }, 'tenant applied')
    for (const listener of listeners) tell(listener, tenant)
    const report = { ...summary(tenant, current), ...counts, files: difference }
    return { report: { ...report, changed: true, warnings, trainMs } }
  }

  function serve(tenant: TenantId, { documents, persona }: ServedTenant): void {
    knowledge.replace(tenant, documents)
    personas.replace(tenant, persona)
  }

  /** The tenant is in force whatever a listener makes of it. */
  function tell(listener: (tenant: TenantId) => void, tenant: TenantId): void {
    try {
      listener(tenant)
    } catch (err) {
      log.error({ err, tenant }, 'a listener failed on a changed tenant')
    }
  }

  return {
    current(tenant) {
      const current = live.get(tenant)
      return current && { digest: current.digest, sizeBytes: current.sizeBytes }
    },
    onChange(fn) {
      listeners.add(fn)
      return () => {
        listeners.delete(fn)
      }
    },
    list: () => [...live].map(([tenant, current]) => summary(tenant, current)),
    apply(files, actor, signal) {
      const mine = last.then(() => apply(files, actor, signal))
      last = mine.catch(() => undefined)
      return mine
    },
  }
}

function summary(tenant: TenantId, current: Current): TenantSummary {
  const { version, digest, appliedAt, intents, documents } = current
  return { tenant, version, digest, appliedAt, intents, documents }
}

interface MadeBundle {
  readonly digest: string
  readonly sizeBytes: number
  readonly warnings: readonly string[]
  readonly trainMs: number
}

/** Trains, and writes the bundle if the tests hold; it is not in force yet. */
async function makeBundle(
  { train, bundles, clock }: CatalogDeps,
  source: TenantSource,
  version: number,
  signal: AbortSignal,
): Promise<MadeBundle | { readonly problems: readonly Problem[] }> {
  const started = clock.monotonic()
  const trained = await train(source, signal)
  const trainMs = Math.round(clock.monotonic() - started)
  const files = encodeModel(trained)
  files.set(TENANT_FILE, Buffer.from(canonicalJson(source.file)))
  const model = await openAsEdge(files)
  const failed = await runTests(model, source, signal).finally(() => model.close())
  if (failed.length > 0) return { problems: failed }
  const { tenant } = source
  const bundle = await bundles.add({ tenant, version, createdAt: clock.wall(), files })
  return { ...bundle, warnings: trained.warnings, trainMs }
}

/** From the bytes that edges will get, with what they read them with: a bundle that none of them takes stays here. */
async function openAsEdge(files: ReadonlyMap<string, Uint8Array>): Promise<IntentModel> {
  try {
    parseTenantFile(files.get(TENANT_FILE) ?? new Uint8Array())
    return await IntentModel.load(files)
  } catch (cause) {
    throw new YizhanError('internal', 'no edge could read what was made of the tenant', { cause })
  }
}
