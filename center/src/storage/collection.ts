import type { Static, TSchema } from '@sinclair/typebox'
import { type Clock, type TenantId, YizhanError } from '@yizhan/kernel'
import type { CollectionCodec } from './collection-def.js'
import { type MigrationResult, migrateCollection } from './collection-migration.js'
import type { AuditEntry, Change, ScanOptions, Store, StoredRecord } from './port.js'

/** A record whose value has today's form. */
export interface TypedRecord<T> extends Omit<StoredRecord, 'value'> {
  readonly value: T
  /** Version of the schema that it lies under: an older one was migrated for this reading only. */
  readonly storedAs: number
}

export interface TypedPage<T> {
  readonly records: readonly TypedRecord<T>[]
  /** Undefined on the last page. */
  readonly cursor?: string
}

export interface ExpectedVersion {
  /** As in `Change`. */
  readonly expectedVersion?: number
}

/**
 * One collection of the tenants' store with values of one type. `put`, `save` and `delete` make changes for a batch, so
 * that several collections change together; reading throws `data_corrupt` and `unsupported` (`CollectionCodec.decode`).
 */
export interface Collection<T> {
  readonly name: string
  readonly dataClass?: string
  get(tenant: TenantId, key: string): Promise<TypedRecord<T> | undefined>
  getMany(tenant: TenantId, keys: readonly string[]): Promise<readonly (TypedRecord<T> | undefined)[]>
  scan(tenant: TenantId, options?: ScanOptions): Promise<TypedPage<T>>
  /** Throws `invalid_argument` for a value that does not fit, or that names another key. */
  put(key: string, value: T, expected?: ExpectedVersion): Change
  /** `put` under the key that the value names itself; only with `key` in the definition. */
  save(value: T, expected?: ExpectedVersion): Change
  delete(key: string, expected?: ExpectedVersion): Change
  /** A record that was read, whatever collection-agnostic list gave it. */
  typed(record: StoredRecord): TypedRecord<T>
  /**
   * Stores every older value anew in today's form, a page at a time, each with one audit entry by this actor; may be
   * stopped and asked again. Expiry stays, and so do changes that others make meanwhile.
   */
  migrateAll(
    tenant: TenantId,
    by: Pick<AuditEntry, 'actor' | 'requestId'>,
    signal: AbortSignal,
  ): Promise<MigrationResult>
}

/** Borrows the store. */
export function collectionOf<S extends TSchema>(
  deps: { readonly store: Store; readonly clock: Clock },
  codec: CollectionCodec<S>,
): Collection<Static<S>> {
  type T = Static<S>
  const { store, clock } = deps
  const { def } = codec
  const typed = (record: StoredRecord): TypedRecord<T> => ({ ...record, ...codec.decode(record.value) })
  const typedOrNone = (record: StoredRecord | undefined) => record && typed(record)
  const change = (key: string, value: T, encoded: Uint8Array, expected: ExpectedVersion): Change => {
    const subject = def.subject?.(value)
    const expiresAt = def.expiresAt?.(value, clock.wall())
    const terms = def.terms?.(value)
    return {
      op: 'put',
      collection: def.name,
      key,
      value: encoded,
      ...expected,
      ...(subject === undefined ? {} : { subject }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(terms === undefined ? {} : { terms }),
    }
  }
  const put = (key: string, value: T, expected: ExpectedVersion = {}): Change => {
    const encoded = codec.encode(value)
    if (def.key && def.key(value) !== key) {
      throw new YizhanError('invalid_argument', `a value of ${def.name} names another key`)
    }
    return change(key, value, encoded, expected)
  }
  return {
    name: def.name,
    ...(def.dataClass === undefined ? {} : { dataClass: def.dataClass }),
    typed,
    get: async (tenant, key) => typedOrNone(await store.get(tenant, def.name, key)),
    getMany: async (tenant, keys) => (await store.getMany(tenant, def.name, keys)).map(typedOrNone),
    async scan(tenant, options) {
      const { records, cursor } = await store.scan(tenant, def.name, options)
      return { records: records.map(typed), ...(cursor === undefined ? {} : { cursor }) }
    },
    put,
    save(value, expected = {}) {
      if (!def.key) throw new YizhanError('internal', `values of ${def.name} name no key`)
      // Before the key is taken from it: a value that does not fit may have none.
      const encoded = codec.encode(value)
      return change(def.key(value), value, encoded, expected)
    },
    delete: (key, expected = {}) => ({ op: 'delete', collection: def.name, key, ...expected }),
    migrateAll: (tenant, by, signal) => migrateCollection({ store, clock, codec, put }, tenant, by, signal),
  }
}
