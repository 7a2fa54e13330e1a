import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { asTenantId, parseJson, type TenantId, YizhanError } from '@yizhan/kernel'
import type { AuditEntry, Change, Store, SystemStore } from '../storage/index.js'
import type { ObjectChange } from './difference.js'
import { scanned } from './scanned.js'
import { directoryChanges, type StoredDirectory } from './stored-files.js'

const TENANTS = 'tenants'
const CURRENT = 'current'
/** Changes that stand in one audit entry; the directories before and after are in force or exported. */
const MAX_AUDITED = 1_000

/** What is in force for a tenant. */
const Current = Type.Object(
  {
    format: Type.Literal(1),
    /** Of the bundle; from 1. */
    version: Type.Integer({ minimum: 1 }),
    digest: Type.String(),
    sizeBytes: Type.Integer(),
    /** Of the files that it was made of. */
    filesDigest: Type.String(),
    /** Milliseconds since the Unix epoch. */
    appliedAt: Type.Integer(),
    /** Missing in records of an older version. */
    appliedBy: Type.Optional(Type.String()),
    intents: Type.Integer(),
    documents: Type.Integer(),
    /** Without the center for so long an edge destroys what it holds of persons; missing: never. */
    offlineLeaseMs: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
)
export type Current = Static<typeof Current>

export interface StoredTenant {
  readonly current: Current
  /** As it lies in the store, and its version there. */
  readonly record: { readonly value: Uint8Array; readonly version: number }
}

/** Every tenant that was ever applied, or was about to be. */
export async function tenantIds(system: SystemStore): Promise<TenantId[]> {
  const ids: TenantId[] = []
  for await (const { key } of scanned((options) => system.scan(TENANTS, options))) {
    const id = asTenantId(key)
    if (id) ids.push(id)
  }
  return ids
}

/** Undefined before the first apply. Throws `data_corrupt`. */
export async function loadTenant(store: Store, tenant: TenantId): Promise<StoredTenant | undefined> {
  const record = await store.get(tenant, TENANTS, CURRENT)
  if (!record) return undefined
  const current = parseJson(Buffer.from(record.value).toString('utf8'))
  if (Value.Check(Current, current)) return { current, record }
  throw new YizhanError('data_corrupt', `what the store says of the tenant ${tenant} cannot be read`)
}

export interface NewTenantState {
  readonly current: Current
  /** For the audit: what changed. */
  readonly diff: readonly ObjectChange[]
  readonly directory: StoredDirectory
  readonly directoryBefore: StoredDirectory
  readonly before: StoredTenant | undefined
  /** What changes along with it. */
  readonly more?: readonly Change[]
  readonly actor: string
  readonly requestId?: string
}

/** Puts a tenant's state in place of the former one, with its audit entry; `conflict` if that has changed meanwhile. */
export async function saveTenant(
  stores: { readonly store: Store; readonly system: SystemStore },
  tenant: TenantId,
  state: NewTenantState,
): Promise<void> {
  const { before, current, diff, directory, directoryBefore, more = [], actor, requestId } = state
  const value = Buffer.from(JSON.stringify(current))
  const changes: Change[] = [
    ...directoryChanges(directoryBefore, directory),
    ...more,
    { op: 'put', collection: TENANTS, key: CURRENT, value, expectedVersion: before?.record.version ?? 0 },
  ]
  const audit: AuditEntry = {
    time: current.appliedAt,
    actor,
    action: before ? 'UPDATE' : 'CREATE',
    object: `${TENANTS}/${CURRENT}`,
    ...(requestId === undefined ? {} : { requestId }),
    ...(before ? { before: before.record.value } : {}),
    after: Buffer.from(JSON.stringify({ ...current, diff: diff.slice(0, MAX_AUDITED) })),
  }
  // First the list: a tenant on it without a state was never applied, a state that is not on it would be lost.
  if (!before) {
    await stores.system.batch([{ op: 'put', collection: TENANTS, key: tenant, value: Buffer.from('{}') }])
  }
  await stores.store.batch(tenant, changes, audit)
}
