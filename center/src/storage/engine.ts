import type { TenantId } from '@yizhan/kernel'
import type { BatchInput } from './batch-input.js'
import type {
  AuditOptions,
  AuditRecord,
  Page,
  PageOptions,
  PlaceQuery,
  RecordPlace,
  ScanOptions,
  ScopeHead,
  StoredRecord,
} from './port.js'

/** Whose records: a tenant's, or null for what belongs to none (SystemStore). */
export type Scope = TenantId | null

/**
 * What is kept of a scope, as it lies (sealed): the same bytes in every engine, so that a tenant is moved or backed up
 * without a key. `record`: collection and key; `audit`: key is its sequence (`sequenceText`); `head`: one a scope.
 * Index, subject and expiry entries follow from a record's header and are no rows.
 */
export interface Row {
  readonly kind: 'record' | 'audit' | 'head'
  /** '' but for records. */
  readonly collection: string
  readonly key: string
  readonly bytes: Uint8Array
}

/** What a full reading of a scope found. */
export interface ScopeCheck {
  readonly records: number
  readonly auditEntries: number
  /** Damaged, vanished, foreign or rolled-back ones; at most 1,000 are listed. Empty: all is well. */
  readonly problems: readonly ScopeProblem[]
  readonly problemCount: number
}

export interface ScopeProblem {
  readonly what:
    | 'record_damaged'
    | 'audit_damaged'
    | 'audit_missing'
    | 'chain_broken'
    | 'count_differs'
    | 'digest_differs'
    | 'index_differs'
    | 'head_damaged'
  readonly collection?: string
  /** Of an audit entry: its sequence. */
  readonly key?: string
  /** Plain words without personal data. */
  readonly detail: string
}

export interface EngineSize {
  /** Bytes on disk, all of the engine. */
  readonly bytes: number
  /** About what this scope takes of it; only where a scope was named. */
  readonly scopeBytes?: number
}

/** Reading and writing; the router (`Store`) checks arguments and picks the engine, an engine may trust them. */
export interface RecordAccess {
  get(scope: Scope, collection: string, key: string): Promise<StoredRecord | undefined>
  getMany(
    scope: Scope,
    collection: string,
    keys: readonly string[],
  ): Promise<readonly (StoredRecord | undefined)[]>
  /** Batches of one scope are applied in the order of the calls. */
  batch(scope: Scope, input: BatchInput): Promise<readonly number[]>
  scan(scope: Scope, collection: string, options?: ScanOptions): Promise<Page>
  places(
    scope: Scope,
    query: PlaceQuery,
    options?: PageOptions,
  ): Promise<{ readonly places: readonly RecordPlace[]; readonly cursor?: string }>
  audit(
    tenant: TenantId,
    options?: AuditOptions,
  ): Promise<{ readonly entries: readonly AuditRecord[]; readonly cursor?: string }>
  head(scope: Scope): Promise<ScopeHead | undefined>
  /** Resolves when every accepted batch is through; later ones are refused with `unavailable`. */
  drain(): Promise<void>
}

/** What keeps a scope in order; never on the way of a message. */
export interface RecordUpkeep {
  /** Every tenant that has something here. */
  tenants(): Promise<readonly TenantId[]>
  /** Reads everything of a scope and holds it against its head. */
  check(scope: Scope, signal: AbortSignal): Promise<ScopeCheck>
  /** All rows in one consistent view: head first, then records by collection and key, then audit by sequence. Pages of ≤ 1 MiB or one row. */
  rows(scope: Scope, signal: AbortSignal): AsyncIterable<readonly Row[]>
  /** Takes rows of `rows()` into an empty scope (`already_exists` otherwise); the scope has no head, and so is not there, before the last one is durable. */
  load(scope: Scope, rows: AsyncIterable<readonly Row[]>, signal: AbortSignal): Promise<void>
  /** Deletes all of a scope, its head first; idempotent, goes on after a crash. */
  drop(scope: Scope, signal: AbortSignal): Promise<void>
  /** Seals every record anew under the newest keys, version and content as they are. Resumable; audit entries stay as they were sealed. */
  reseal(scope: Scope, signal: AbortSignal): Promise<{ readonly resealed: number }>
  /** Deletes the audit entries up to `through`; the head keeps the hash that the chain goes on from. */
  pruneAudit(tenant: TenantId, through: number): Promise<void>
  /** Gives freed space back and overwrites what was deleted, as far as the engine can. */
  compact(signal: AbortSignal, scope?: Scope): Promise<void>
  /**
   * The same for the beginning of one collection, after records were deleted there: the work is about what lies at keys up
   * to `through`, whatever else the scope holds. Nothing where the engine does so by itself.
   */
  reclaim(scope: Scope, collection: string, through: string, signal: AbortSignal): Promise<void>
  size(scope?: Scope): Promise<EngineSize>
}

/** What both engines are. */
export interface RecordEngine extends RecordAccess, RecordUpkeep {
  /** `shard-0`, `postgres`. */
  readonly name: string
}
