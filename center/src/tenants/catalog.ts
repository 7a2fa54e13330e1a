import { type LanguageMap, parseTenantFile, TENANT_FILE, type TenantFile } from '@yizhan/intent'
import { asTenantId, type Clock, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import type { QuotaRules } from '../admission/quota-config.js'
import type { TenantBundles } from '../fleet/port.js'
import type { Knowledge } from '../retrieval/index.js'
import type { Change, Store, SystemStore } from '../storage/index.js'
import type { BundleStore } from './bundle-store.js'
import { differenceBetween, type ObjectChange, type ObjectName } from './difference.js'
import { withKept } from './effective.js'
import { ExtractMemory } from './extract/index.js'
import { namesAt, yamlMap } from './kept-entries.js'
import { type LessonsOf, NO_LESSONS } from './lessons.js'
import { KEPT_INTENTS, type Problem } from './problem.js'
import { readServed, readTenant, type ServedTenant, type TenantSource } from './source.js'
import { loadExtracts, loadFiles, type StoredDirectory } from './stored-files.js'
import { type Current, loadTenant, type StoredTenant, saveTenant, tenantIds } from './stored-tenant.js'
import { filesDigest, relevantFiles, type TenantFiles } from './tenant-files.js'
import { type Train, tryOut } from './try-out.js'
import { learnt, type Version, VersionBook } from './versions.js'

export interface TenantSummary {
  readonly tenant: TenantId
  /** Grows with every change; 0 before the first apply. */
  readonly version: number
  /** Of the bundle, SHA-256 in hex; empty before the first apply. */
  readonly digest: string
  /** Milliseconds since the Unix epoch. */
  readonly appliedAt: number
  readonly intents: number
  readonly documents: number
}

/** What a directory would change. */
export interface DiffReport {
  readonly tenant: TenantId
  /** Against what is in force. */
  readonly diff: readonly ObjectChange[]
  /** In force although the directory lacks them; `--prune` deletes them. */
  readonly kept: readonly ObjectName[]
  /** For the author: they hinder nothing. */
  readonly warnings: readonly Problem[]
}

export interface ApplyReport extends TenantSummary, DiffReport {
  /** False: the directory was in force already, nothing was done. In a dry run: whether it would have. */
  readonly changed: boolean
  readonly dryRun: boolean
  readonly examples: number
  /** Sentences of `tests/`; all of them hold. */
  readonly tests: number
  readonly trainMs: number
}

interface Refused {
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

/** What is wrong with the directory, or the tests that do not hold; then nothing has changed. */
export type ApplyOutcome =
  | { readonly report: ApplyReport }
  | Refused
  | { readonly failed: readonly Problem[]; readonly passed: number; readonly warnings: readonly Problem[] }

export interface ApplyOptions {
  /** Delete what the directory lacks; default: it is kept (ADR 4). */
  readonly prune?: boolean
  /** Everything up to and including the tests; nothing is put in force. */
  readonly dryRun?: boolean
  readonly actor: string
  /** Of the call, for the audit. */
  readonly requestId?: string
}

/** A tenant as it is in force. */
export interface TenantInForce {
  readonly summary: TenantSummary
  readonly appliedBy: string
  readonly files: TenantFiles
  /** Undefined if this version cannot read what an older one took: apply it again. */
  readonly source: TenantSource | undefined
  /** Intents that only the center has. */
  readonly kept: readonly ObjectName[]
}

/** The tenants of this center: what their directories say, and the bundle that edges shall run. */
export interface TenantCatalog extends TenantBundles {
  list(): readonly TenantSummary[]
  /** Undefined before the first apply. */
  inForce(tenant: TenantId, signal: AbortSignal): Promise<TenantInForce | undefined>
  /** Reads and compares; trains nothing. */
  diff(
    files: TenantFiles,
    options: Pick<ApplyOptions, 'prune'>,
    signal: AbortSignal,
  ): Promise<{ readonly report: DiffReport } | Refused>
  /**
   * Checks, trains, tests, and only then puts in force; one at a time, in the order of the calls. Throws what the
   * stores throw, `tenant_invalid` if the examples cannot be trained, and the signal's reason.
   */
  apply(files: TenantFiles, options: ApplyOptions, signal: AbortSignal): Promise<ApplyOutcome>
  /** Runs work while nothing is applied; `switchTo` is to be called within. */
  inOrder<T>(work: () => Promise<T>): Promise<T>
  /**
   * Puts a bundle that is on disk in force, with its labels, thresholds and answers; documents stay as they are. Throws
   * `conflict` if something else is in force by now.
   */
  switchTo(tenant: TenantId, to: Version, by: SwitchBy): Promise<TenantSummary>
}

export interface SwitchBy {
  /** Digest of what is to be in force still. */
  readonly from: string
  readonly actor: string
  readonly requestId?: string
}

export interface CatalogDeps {
  readonly store: Store
  readonly system: SystemStore
  readonly bundles: BundleStore
  readonly knowledge: Pick<Knowledge, 'replace'>
  readonly personas: { replace(tenant: TenantId, persona: LanguageMap | undefined): void }
  readonly aiMarks: { replace(tenant: TenantId, mark: LanguageMap | undefined): void }
  readonly quotas: { replace(tenant: TenantId, rules: QuotaRules | undefined): void }
  readonly train: Train
  /** What people's questions teach; default: nothing. */
  readonly lessons?: LessonsOf
  readonly clock: Clock
  readonly log: Logger
}

/** Loads every tenant from the store, fills the knowledge, and clears bundles that nothing is in force of. */
export async function openTenantCatalog(deps: CatalogDeps): Promise<TenantCatalog> {
  const { store, system, bundles, knowledge, personas, aiMarks, quotas, clock, log } = deps
  const live = new Map<TenantId, Current>()
  const memory = new ExtractMemory()
  const versions = new VersionBook(deps)
  const keep = new Set<string>()
  const listeners = new Set<(tenant: TenantId) => void>()
  let last: Promise<unknown> = Promise.resolve()

  for (const tenant of await tenantIds(system)) {
    const stored = await loadTenant(store, tenant)
    if (!stored) continue
    const { current } = stored
    live.set(tenant, current)
    for (const { digest } of [current, ...(await versions.list(tenant))]) keep.add(digest)
    serve(tenant, readServed(await loadFiles(store, tenant), await loadExtracts(store, tenant)))
    if (!(await bundles.has(current.digest))) {
      log.error({ tenant, digest: current.digest }, 'the bundle in force is missing; apply the tenant again')
    }
  }
  await bundles.sweep(keep)

  /** The directory as it would be in force, against what is. */
  async function compare(files: TenantFiles, prune: boolean, signal: AbortSignal) {
    signal.throwIfAborted()
    const options = { memory, signal }
    const id = namedIn(files)
    const before = id && (await inStore(id))
    const effective =
      before && !prune
        ? await withKept(before.directory.files, files, options)
        : { files: relevantFiles(files), kept: [] }
    const read = await readTenant(effective.files, options)
    if ('problems' in read) return read
    const { source, warnings } = read
    const old = before && (await readTenant(before.directory.files, options))
    const diff = differenceBetween(old && 'source' in old ? old.source : undefined, source)
    return { source, before, report: { tenant: source.tenant, diff, kept: effective.kept, warnings } }
  }

  async function inStore(tenant: TenantId): Promise<InStore | undefined> {
    const stored = await loadTenant(store, tenant)
    if (!stored) return undefined
    const [files, extracts] = [await loadFiles(store, tenant), await loadExtracts(store, tenant)]
    return { stored, directory: { files, extracts } }
  }

  async function apply(
    files: TenantFiles,
    { prune = false, dryRun = false, actor, requestId }: ApplyOptions,
    signal: AbortSignal,
  ): Promise<ApplyOutcome> {
    const compared = await compare(files, prune, signal)
    if ('problems' in compared) return compared
    const { source, before } = compared
    const { tenant } = source
    const current = before?.stored.current
    const digestOfFiles = filesDigest(source.files)
    const counts = { dryRun, examples: source.examples.length, tests: source.tests.length }
    const base = { ...compared.report, ...counts }
    if (before && current && (await isInForce(before, base.diff))) {
      // Nothing but comments or the place of things differs: it is kept as it is written, and trained no more.
      if (current.filesDigest !== digestOfFiles && !dryRun) {
        const next = { ...current, filesDigest: digestOfFiles }
        await save(tenant, { next, source, before, diff: [], actor, requestId })
        live.set(tenant, next)
      }
      return { report: { ...base, ...summary(tenant, current), changed: false, trainMs: 0 } }
    }
    const lessons = (await deps.lessons?.(tenant, actor, signal)) ?? NO_LESSONS
    const tried = await tryOut(deps, source, signal, lessons)
    await tried.close()
    // What the trainer warns of the reader has told already, with its place.
    const { failed, passed, trainMs } = tried
    if (failed.length > 0) return { failed, passed, warnings: base.warnings }
    const work = { changed: true, trainMs }
    if (dryRun) {
      const now = current ? summary(tenant, current) : nothingInForce(tenant)
      return { report: { ...base, ...work, ...now } }
    }
    const version = await versions.nextNumber(tenant, current?.version ?? 0)
    const bundle = await bundles.add({ tenant, version, createdAt: clock.wall(), files: tried.files })
    const at = clock.wall()
    const next: Current = {
      ...currentOf(source.file, bundle, { version, at, actor, filesDigest: digestOfFiles }),
      documents: source.documents.length,
    }
    const made = { number: version, ...bundle, filesDigest: digestOfFiles, madeAt: at, madeBy: actor }
    const more = await versions.keep(tenant, { ...made, publishedAt: at, ...learnt(lessons) })
    signal.throwIfAborted()
    await save(tenant, { next, source, before, diff: base.diff, more, actor, requestId })
    live.set(tenant, next)
    serve(tenant, source)
    log.info({ tenant, version, digest: next.digest, trainMs, ...counts }, 'tenant applied')
    for (const listener of listeners) tell(listener, tenant)
    return { report: { ...base, ...work, ...summary(tenant, next) } }
  }

  /** Whether what is in force was made by this version, of files that say the same. */
  async function isInForce({ stored, directory }: InStore, diff: readonly ObjectChange[]): Promise<boolean> {
    const { current } = stored
    if (diff.length > 0 || current.filesDigest !== filesDigest(directory.files)) return false
    return await bundles.has(current.digest)
  }

  async function save(tenant: TenantId, made: Made): Promise<void> {
    const { next, source, before, diff, more = [], actor, requestId } = made
    await saveTenant(deps, tenant, {
      current: next,
      diff,
      more,
      directory: source,
      directoryBefore: before?.directory ?? { files: new Map(), extracts: new Map() },
      before: before?.stored,
      actor,
      ...(requestId === undefined ? {} : { requestId }),
    })
  }

  async function inForce(tenant: TenantId, signal: AbortSignal): Promise<TenantInForce | undefined> {
    const found = await inStore(tenant)
    if (!found) return undefined
    const { files } = found.directory
    const read = await readTenant(files, { memory, signal })
    const { current } = found.stored
    return {
      summary: summary(tenant, current),
      appliedBy: current.appliedBy ?? '',
      files,
      source: 'source' in read ? read.source : undefined,
      kept: namesAt(yamlMap(files, KEPT_INTENTS), []).map((name) => ({ kind: 'intent', name })),
    }
  }

  async function switchTo(tenant: TenantId, to: Version, by: SwitchBy): Promise<TenantSummary> {
    const found = await inStore(tenant)
    const files = await bundles.files(to.digest)
    if (!found || found.stored.current.digest !== by.from || !files) {
      throw new YizhanError('conflict', 'what is in force has changed meanwhile', { hint: 'intents list' })
    }
    const { directory, stored } = found
    const { documents } = stored.current
    const version = await versions.nextNumber(tenant, stored.current.version)
    const at = clock.wall()
    const file = parseTenantFile(files.get(TENANT_FILE) ?? new Uint8Array())
    const made = { version, at, actor: by.actor, filesDigest: to.filesDigest }
    const next = { ...currentOf(file, to, made), documents }
    const more = await versions.keep(tenant, { ...to, publishedAt: at })
    await saveTenant(deps, tenant, {
      current: next,
      diff: [],
      directory,
      directoryBefore: directory,
      before: stored,
      more,
      actor: by.actor,
      ...(by.requestId === undefined ? {} : { requestId: by.requestId }),
    })
    live.set(tenant, next)
    log.info({ tenant, version, digest: next.digest, number: to.number }, 'another bundle is in force')
    for (const listener of listeners) tell(listener, tenant)
    return summary(tenant, next)
  }

  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }

  function serve(tenant: TenantId, served: ServedTenant): void {
    const { documents, documentClasses, persona, aiMark, quotas: rules } = served
    knowledge.replace(tenant, documents, documentClasses)
    personas.replace(tenant, persona)
    aiMarks.replace(tenant, aiMark)
    quotas.replace(tenant, rules)
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
      if (!current) return undefined
      const { digest, sizeBytes, offlineLeaseMs = 0 } = current
      return { digest, sizeBytes, offlineLeaseMs }
    },
    onChange(fn) {
      listeners.add(fn)
      return () => {
        listeners.delete(fn)
      }
    },
    list: () => [...live].map(([tenant, current]) => summary(tenant, current)),
    inForce,
    async diff(files, { prune = false }, signal) {
      const compared = await compare(files, prune, signal)
      return 'problems' in compared ? compared : { report: compared.report }
    },
    apply: (files, options, signal) => inOrder(() => apply(files, options, signal)),
    inOrder,
    switchTo,
  }
}

/** What is in force with a bundle, but for the documents: those are the center's own. */
function currentOf(
  file: TenantFile,
  { digest, sizeBytes }: Pick<Version, 'digest' | 'sizeBytes'>,
  made: {
    readonly version: number
    readonly at: number
    readonly actor: string
    readonly filesDigest: string
  },
): Omit<Current, 'documents'> {
  return {
    format: 1,
    version: made.version,
    digest,
    sizeBytes,
    filesDigest: made.filesDigest,
    appliedAt: made.at,
    appliedBy: made.actor,
    intents: Object.keys(file.intents).length,
    ...(file.privacy && { offlineLeaseMs: file.privacy.offlineLeaseMs }),
  }
}

function summary(tenant: TenantId, current: Current): TenantSummary {
  const { version, digest, appliedAt, intents, documents } = current
  return { tenant, version, digest, appliedAt, intents, documents }
}

function nothingInForce(tenant: TenantId): TenantSummary {
  return { tenant, version: 0, digest: '', appliedAt: 0, intents: 0, documents: 0 }
}

interface InStore {
  readonly stored: StoredTenant
  readonly directory: StoredDirectory
}

interface Made {
  readonly next: Current
  readonly source: TenantSource
  readonly before: InStore | undefined
  readonly diff: readonly ObjectChange[]
  readonly more?: readonly Change[]
  readonly actor: string
  readonly requestId: string | undefined
}

/** The tenant that a directory is of, as far as that can be read. */
function namedIn(files: TenantFiles): TenantId | undefined {
  const tenant: unknown = yamlMap(files, 'tenant.yaml')?.get('tenant')
  return typeof tenant === 'string' ? asTenantId(tenant) : undefined
}
