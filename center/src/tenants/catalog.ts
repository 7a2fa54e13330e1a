import { encodeModel, IntentModel, type TrainedModel } from '@yizhan/intent'
import {
  asTenantId,
  type Clock,
  canonicalJson,
  type Logger,
  parseJson,
  sha256Hex,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import type { BundleFiles, TenantBundles } from '../fleet/port.js'
import type { KnowledgeDocument } from '../retrieval/index.js'
import type { Change, Store, SystemStore } from '../storage/port.js'
import type { BundleStore } from './bundle-store.js'
import { tenantInvalid } from './problem.js'
import { readTenant, type TenantFiles, type TenantSource } from './source.js'
import { runTests, type TestReport } from './tests.js'

const TENANTS = 'tenants'
const SOURCE = 'source'
const CURRENT = 'current'

interface Current {
  readonly version: number
  readonly digest: string
  readonly sizeBytes: number
  readonly sourceDigest: string
  readonly appliedAt: number
}

export interface TenantSummary {
  readonly tenant: TenantId
  readonly version: number
  readonly digest: string
  readonly appliedAt: number
  readonly intents: number
  readonly documents: number
}

export interface ApplyReport {
  readonly tenant: TenantId
  /** False: the directory was already in force, nothing was done. */
  readonly changed: boolean
  readonly version: number
  readonly digest: string
  /** Files by what happens to them. */
  readonly files: {
    readonly added: readonly string[]
    readonly changed: readonly string[]
    readonly removed: readonly string[]
  }
  readonly intents: number
  readonly examples: number
  readonly documents: number
  readonly tests: TestReport
  readonly warnings: readonly string[]
  readonly trainMs: number
}

/** The tenants of this center: what their directories say, and the bundle that edges shall run. */
export interface TenantCatalog extends TenantBundles {
  list(): readonly TenantSummary[]
  /** Checks, trains, tests, and only then puts in force; one at a time. Throws `tenant_invalid` and changes nothing. */
  apply(files: TenantFiles, actor: string, signal: AbortSignal): Promise<ApplyReport>
}

export interface CatalogParts {
  readonly store: Store
  readonly system: SystemStore
  readonly bundles: BundleStore & BundleFiles
  readonly knowledge: { replace(tenant: TenantId, documents: readonly KnowledgeDocument[]): void }
  readonly train: (source: TenantSource, signal: AbortSignal) => Promise<TrainedModel>
  readonly clock: Clock
  readonly log: Logger
}

interface Live {
  readonly current: Current
  readonly source: TenantSource
}

/** Loads every tenant from the store and fills the knowledge; a tenant whose source no longer reads is left out loudly. */
export async function openTenantCatalog(parts: CatalogParts): Promise<TenantCatalog> {
  const { store, system, bundles, knowledge, train, clock, log } = parts
  const live = new Map<TenantId, Live>()
  const listeners = new Set<(tenant: TenantId) => void>()
  let turn: Promise<unknown> = Promise.resolve()

  for (const tenant of await tenantIds(system)) {
    const record = await store.get(tenant, TENANTS, CURRENT)
    const read = readTenant(await storedFiles(store, tenant))
    if (!record || 'problems' in read) {
      log.error(
        { tenant, problems: 'problems' in read ? read.problems.length : 0 },
        'a stored tenant cannot be read; apply it again',
      )
      continue
    }
    const current = parseJson(Buffer.from(record.value).toString('utf8')) as unknown as Current
    live.set(tenant, { current, source: read.source })
    knowledge.replace(tenant, read.source.documents)
  }
  await bundles.sweep(new Set([...live.values()].map(({ current }) => current.digest)))

  async function applyNow(files: TenantFiles, actor: string, signal: AbortSignal): Promise<ApplyReport> {
    const read = readTenant(files)
    if ('problems' in read) throw tenantInvalid(read.problems)
    const { source } = read
    const tenant = asTenantId(source.tenant)
    if (!tenant) throw new YizhanError('tenant_invalid', 'tenant.yaml names no tenant')
    const before = await storedFiles(store, tenant)
    const difference = compare(before, files)
    const sourceDigest = digestOf(files)
    const known = live.get(tenant)
    const counts = {
      intents: Object.keys(source.file.intents).length,
      examples: source.examples.length,
      documents: source.documents.length,
    }
    if (known && known.current.sourceDigest === sourceDigest && (await bundles.dir(known.current.digest))) {
      const tests = { passed: source.tests.length, failed: [] }
      const { version, digest } = known.current
      return {
        tenant,
        changed: false,
        version,
        digest,
        files: difference,
        ...counts,
        tests,
        warnings: [],
        trainMs: 0,
      }
    }
    const started = clock.monotonic()
    const trained = await train(source, signal)
    const trainMs = Math.round(clock.monotonic() - started)
    const modelFiles = encodeModel(trained)
    const model = await IntentModel.load(modelFiles)
    const tests = await runTests(model, source, signal).finally(() => model.close())
    if (tests.failed.length > 0) throw tenantInvalid(tests.failed)
    const version = (known?.current.version ?? 0) + 1
    const content = new Map([
      ...modelFiles,
      ['tenant.json', Buffer.from(canonicalJson(source.file))] as const,
    ])
    const { digest, sizeBytes } = await bundles.add(tenant, version, clock.wall(), content)
    const current: Current = { version, digest, sizeBytes, sourceDigest, appliedAt: clock.wall() }
    await save(tenant, files, difference.removed, current, actor)
    live.set(tenant, { current, source })
    knowledge.replace(tenant, source.documents)
    log.info({ tenant, version, digest, trainMs, ...counts }, 'tenant applied')
    for (const listener of listeners) listener(tenant)
    return {
      tenant,
      changed: true,
      version,
      digest,
      files: difference,
      ...counts,
      tests,
      warnings: trained.warnings,
      trainMs,
    }
  }

  async function save(
    tenant: TenantId,
    files: TenantFiles,
    removed: readonly string[],
    current: Current,
    actor: string,
  ): Promise<void> {
    const changes: Change[] = [
      ...[...files].map(([key, value]) => ({ op: 'put' as const, collection: SOURCE, key, value })),
      ...removed.map((key) => ({ op: 'delete' as const, collection: SOURCE, key })),
      { op: 'put', collection: TENANTS, key: CURRENT, value: Buffer.from(JSON.stringify(current)) },
    ]
    const action = current.version === 1 ? ('CREATE' as const) : ('UPDATE' as const)
    await system.batch([{ op: 'put', collection: TENANTS, key: tenant, value: Buffer.from('{}') }])
    await store.batch(tenant, changes, {
      time: clock.wall(),
      actor,
      action,
      object: `tenants/${CURRENT}`,
      after: Buffer.from(JSON.stringify(current)),
    })
  }

  return {
    current(tenant) {
      const current = live.get(tenant)?.current
      return current && { digest: current.digest, sizeBytes: current.sizeBytes }
    },
    onChange(fn) {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
    list: () =>
      [...live].map(([tenant, { current, source }]) => ({
        tenant,
        version: current.version,
        digest: current.digest,
        appliedAt: current.appliedAt,
        intents: Object.keys(source.file.intents).length,
        documents: source.documents.length,
      })),
    apply(files, actor, signal) {
      const mine = turn.then(() => applyNow(files, actor, signal))
      turn = mine.catch(() => undefined)
      return mine
    },
  }
}

async function tenantIds(system: SystemStore): Promise<TenantId[]> {
  const ids: TenantId[] = []
  let cursor: string | undefined
  do {
    const page = await system.scan(TENANTS, { limit: 1_000, ...(cursor === undefined ? {} : { cursor }) })
    for (const { key } of page.records) {
      const id = asTenantId(key)
      if (id) ids.push(id)
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return ids
}

async function storedFiles(store: Store, tenant: TenantId): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  let cursor: string | undefined
  do {
    const page = await store.scan(tenant, SOURCE, {
      limit: 1_000,
      ...(cursor === undefined ? {} : { cursor }),
    })
    for (const { key, value } of page.records) files.set(key, value)
    cursor = page.cursor
  } while (cursor !== undefined)
  return files
}

function digestOf(files: TenantFiles): string {
  return sha256Hex(canonicalJson([...files].map(([path, bytes]) => [path, sha256Hex(bytes)]).sort()))
}

function compare(before: TenantFiles, after: TenantFiles): ApplyReport['files'] {
  const same = (path: string, bytes: Uint8Array) => {
    const old = before.get(path)
    return old !== undefined && Buffer.compare(old, bytes) === 0
  }
  return {
    added: [...after.keys()].filter((path) => !before.has(path)),
    changed: [...after]
      .filter(([path, bytes]) => before.has(path) && !same(path, bytes))
      .map(([path]) => path),
    removed: [...before.keys()].filter((path) => !after.has(path)),
  }
}
