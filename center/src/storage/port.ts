import type { TenantId } from '@yizhan/kernel'

/** A stored value with what is needed to change it safely. */
export interface StoredRecord {
  readonly key: string
  readonly value: Uint8Array
  /** From 1, grows by one with each put. */
  readonly version: number
  /** Random id of the natural person whose data it is, if it is a person's. Never a name. */
  readonly subject?: string
}

/** One change. `expectedVersion`: 0 = must not exist, n = must be at n, undefined = whatever is there. */
export type Change =
  | {
      readonly op: 'put'
      readonly collection: string
      readonly key: string
      readonly value: Uint8Array
      readonly expectedVersion?: number
      readonly subject?: string
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
  readonly before?: Uint8Array
  readonly after?: Uint8Array
}

export interface ScanOptions {
  /** Keys that start with this; default all. */
  readonly prefix?: string
  /** Continue after this cursor, as a former page gave it. */
  readonly cursor?: string
  /** Default 100, at most 1,000. */
  readonly limit?: number
}

export interface Page {
  readonly records: readonly StoredRecord[]
  /** Undefined on the last page. */
  readonly cursor?: string
}

/**
 * The tenants' data. Every method names the tenant first; a tenant never sees another's keys. Keys: 1–512 bytes of
 * UTF-8 without NUL; values ≤ 1 MiB (`too_large`). Wrong version: `conflict`. Nothing is half-written.
 */
export interface Store {
  get(tenant: TenantId, collection: string, key: string): Promise<StoredRecord | undefined>
  /** All of it or none, with its audit entry, durable when it resolves. Returns the new versions of the puts in order. */
  batch(tenant: TenantId, changes: readonly Change[], audit: AuditEntry): Promise<readonly number[]>
  /** Records in key order. */
  scan(tenant: TenantId, collection: string, options?: ScanOptions): Promise<Page>
  /** The tenant's audit entries, oldest first. */
  audit(
    tenant: TenantId,
    options?: ScanOptions,
  ): Promise<{ readonly entries: readonly AuditEntry[]; readonly cursor?: string }>
  close(): Promise<void>
}

/** What belongs to no tenant: CA, registry, join tokens, shard map. Same rules, no tenant. */
export interface SystemStore {
  get(collection: string, key: string): Promise<StoredRecord | undefined>
  batch(changes: readonly Change[]): Promise<readonly number[]>
  scan(collection: string, options?: ScanOptions): Promise<Page>
  close(): Promise<void>
}
