import type { Static, TSchema } from '@sinclair/typebox'
import { type Clock, type TenantId, YizhanError } from '@yizhan/kernel'
import type { CollectionCodec } from './collection-def.js'
import type { AuditEntry, Change, Store, StoredRecord } from './port.js'

const ATTEMPTS = 10

export interface MigrationResult {
  /** Records that were read. */
  readonly seen: number
  /** Those that were older and are now stored in today's form. */
  readonly migrated: number
}

export interface MigrationDeps<S extends TSchema> {
  readonly store: Store
  readonly clock: Clock
  readonly codec: CollectionCodec<S>
  put(key: string, value: Static<S>, expected: { readonly expectedVersion: number }): Change
}

/** See `Collection.migrateAll`. Throws `conflict` for a page that others change faster than it is written. */
export async function migrateCollection<S extends TSchema>(
  deps: MigrationDeps<S>,
  tenant: TenantId,
  by: Pick<AuditEntry, 'actor' | 'requestId'>,
  signal: AbortSignal,
): Promise<MigrationResult> {
  const { store, codec } = deps
  const { name } = codec.def
  let seen = 0
  let migrated = 0
  let cursor: string | undefined
  do {
    signal.throwIfAborted()
    const page = await store.scan(tenant, name, cursor === undefined ? {} : { cursor })
    seen += page.records.length
    cursor = page.cursor
    migrated += await migratePage(deps, tenant, by, page.records)
  } while (cursor !== undefined)
  return { seen, migrated }
}

async function migratePage<S extends TSchema>(
  deps: MigrationDeps<S>,
  tenant: TenantId,
  by: Pick<AuditEntry, 'actor' | 'requestId'>,
  page: readonly StoredRecord[],
): Promise<number> {
  const { store, clock, codec } = deps
  const { name, version } = codec.def
  let records = page
  for (let attempt = 1; ; attempt++) {
    const changes = records.flatMap((record) => migrated(deps, record))
    if (changes.length === 0) return 0
    const after = Buffer.from(JSON.stringify({ migrated: changes.length, to: version }))
    const entry = { ...by, time: clock.wall(), action: 'UPDATE', object: name, after } as const
    try {
      await store.batch(tenant, changes, entry)
      return changes.length
    } catch (thrown) {
      if (!isOvertaken(thrown) || attempt >= ATTEMPTS) throw thrown
    }
    // Somebody wrote, deleted or erased one of them: what is there now, once more.
    const keys = changes.map(({ key }) => key)
    records = (await store.getMany(tenant, name, keys)).filter((record) => record !== undefined)
  }
}

function migrated<S extends TSchema>({ codec, put }: MigrationDeps<S>, record: StoredRecord): Change[] {
  const { value, storedAs } = codec.decode(record.value)
  if (storedAs === codec.def.version) return []
  const change = put(record.key, value, { expectedVersion: record.version })
  if (change.op !== 'put') return []
  const subject = change.subject ?? record.subject
  const expiresAt = record.expiresAt ?? change.expiresAt
  return [
    {
      ...change,
      ...(subject === undefined ? {} : { subject }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
  ]
}

function isOvertaken(thrown: unknown): boolean {
  return thrown instanceof YizhanError && (thrown.code === 'conflict' || thrown.code === 'erased')
}
