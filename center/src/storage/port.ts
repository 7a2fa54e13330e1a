import type { TenantId } from '@yizhan/kernel'

/**
 * A word by which a record is found besides its key. Terms lie in clear beside sealed values: ids, states and times,
 * never personal data. Name: as a collection's. Value: 0–256 bytes without NUL.
 */
export interface IndexTerm {
  readonly name: string
  readonly value: string
}

/** A stored value with what is needed to change it safely. */
export interface StoredRecord {
  readonly key: string
  readonly value: Uint8Array
  /** From 1, grows by one with each put. */
  readonly version: number
  /** Random id of the natural person whose data it is, if it is a person's. Never a name. */
  readonly subject?: string
  /** Milliseconds since the Unix epoch, from when on it is as if it were not there. */
  readonly expiresAt?: number
  readonly terms?: readonly IndexTerm[]
}

/** One change. `expectedVersion`: 0 = must not exist, n = must be at n, undefined = whatever is there. */
export type Change =
  | {
      readonly op: 'put'
      readonly collection: string
      readonly key: string
      readonly value: Uint8Array
      readonly expectedVersion?: number
      /** Sealed by this person's own key; `erased` once that is destroyed. */
      readonly subject?: string
      readonly expiresAt?: number
      /** At most 16; they replace those of the version before. */
      readonly terms?: readonly IndexTerm[]
    }
  | {
      readonly op: 'delete'
      readonly collection: string
      readonly key: string
      readonly expectedVersion?: number
    }

/** Who did what, written in the same batch as the change: if it cannot be written, the change does not happen. */
export interface AuditEntry {
  /** Milliseconds since the Unix epoch. */
  readonly time: number
  /** A user's or bot's id. */
  readonly actor: string
  readonly action: 'CREATE' | 'READ' | 'UPDATE' | 'DELETE'
  /** Collection and key. */
  readonly object: string
  /** Of the call that did it, so that several entries of one call are found together. ≤ 128 bytes. */
  readonly requestId?: string
  /** Whose data the snapshots are: sealed by this person's key, so that an erasure empties them. */
  readonly subject?: string
  readonly before?: Uint8Array
  readonly after?: Uint8Array
}

/** An entry as it is kept. */
export interface AuditRecord extends AuditEntry {
  /** From 1, without gaps within a tenant. */
  readonly sequence: number
  /** Hex SM3 over the entry before and this one as it is sealed: the chain. */
  readonly hash: string
  /** The snapshots were emptied by an erasure of `subject`. */
  readonly erased?: true
}

export interface PageOptions {
  /** Continue after this cursor, as a former page of the same list gave it. */
  readonly cursor?: string
  /** Default 100, at most 1,000. */
  readonly limit?: number
}

/** Bounds are compared as UTF-8 bytes. */
export interface ScanOptions extends PageOptions {
  /** Keys that start with this; default all. Not together with `index`. */
  readonly prefix?: string
  /** First key, inclusive; with `index` the first value. */
  readonly from?: string
  /** End, exclusive. */
  readonly to?: string
  /** Largest first. Default false. */
  readonly reverse?: boolean
  /** By a term in place of the key: in order of its value, then of the key. `value`: exactly this one. */
  readonly index?: { readonly name: string; readonly value?: string }
}

export interface AuditOptions extends PageOptions {
  /** Newest first. Default false. */
  readonly reverse?: boolean
  /** Start at this sequence number (inclusive), in place of a cursor. */
  readonly from?: number
}

export interface Page {
  readonly records: readonly StoredRecord[]
  /** Undefined on the last page. */
  readonly cursor?: string
}

/** A record without its value. */
export interface RecordPlace {
  readonly collection: string
  readonly key: string
  readonly version: number
  readonly subject?: string
  readonly expiresAt?: number
}

/** Records of a person, or those that have expired but are still on disk (soonest first). */
export type PlaceQuery = { readonly subject: string } | { readonly expiredBefore: number }

/** What the store knows of a scope without reading its records; kept sealed and exact with every batch. */
export interface ScopeHead {
  readonly records: number
  /** Of the stored records, sealed. */
  readonly bytes: number
  /** Number and hash of the last audit entry; 0 and '' without one. */
  readonly auditSequence: number
  readonly auditHash: string
  /** First entry that is still kept; the ones before were pruned under the audit's retention. */
  readonly auditFirst: number
}

/**
 * The tenants' data. Every method names the tenant first; a tenant never sees another's keys. Keys: 1–512 bytes of
 * UTF-8 without NUL; values ≤ 1 MiB (`too_large`). Wrong version: `conflict`. Nothing is half-written. Records that
 * have expired, or whose person was erased, are as if they were not there.
 */
export interface Store {
  get(tenant: TenantId, collection: string, key: string): Promise<StoredRecord | undefined>
  /** In the order of the keys, at most 1,000. */
  getMany(
    tenant: TenantId,
    collection: string,
    keys: readonly string[],
  ): Promise<readonly (StoredRecord | undefined)[]>
  /** All of it or none, with its audit entry, durable when it resolves. Returns the new versions of the puts in order. */
  batch(tenant: TenantId, changes: readonly Change[], audit: AuditEntry): Promise<readonly number[]>
  /** Records in key order, or in the order of an index. */
  scan(tenant: TenantId, collection: string, options?: ScanOptions): Promise<Page>
  /** Where records lie, over all collections. */
  places(
    tenant: TenantId,
    query: PlaceQuery,
    options?: PageOptions,
  ): Promise<{ readonly places: readonly RecordPlace[]; readonly cursor?: string }>
  /** The tenant's audit entries, oldest first unless asked otherwise. A lost one is `data_corrupt`. */
  audit(
    tenant: TenantId,
    options?: AuditOptions,
  ): Promise<{ readonly entries: readonly AuditRecord[]; readonly cursor?: string }>
  /** Undefined for a tenant that has never written. */
  head(tenant: TenantId): Promise<ScopeHead | undefined>
  close(): Promise<void>
}

/** What belongs to no tenant: CA, registry, join tokens, shard map. Same rules, no tenant and no audit. */
export interface SystemStore {
  get(collection: string, key: string): Promise<StoredRecord | undefined>
  batch(changes: readonly Change[]): Promise<readonly number[]>
  scan(collection: string, options?: ScanOptions): Promise<Page>
  close(): Promise<void>
}
