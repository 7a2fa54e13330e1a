import type { TenantId } from '@yizhan/kernel'
import type { Row, Scope, ScopeCheck } from '../storage/engine.js'

/** What a backup reads; a running center goes on meanwhile. */
export interface BackupSource {
  tenants(): Promise<readonly TenantId[]>
  /** One consistent view of a scope, as `RecordUpkeep.rows` gives it. */
  rows(scope: Scope, signal: AbortSignal): AsyncIterable<readonly Row[]>
}

/** An empty store that a backup is read into. */
export interface RestoreTarget {
  load(scope: Scope, rows: AsyncIterable<readonly Row[]>, signal: AbortSignal): Promise<void>
  check(scope: Scope, signal: AbortSignal): Promise<ScopeCheck>
}

/** Files that are kept beside the store: the CA, signed bundles, pieces of attachments. */
export interface BackupFolder {
  /** Its name in the backup, such as `ca`. */
  readonly name: string
  /** Where it is now. */
  readonly path: string
}

/** An erasure that every restore must carry out again. */
export interface Erasure {
  readonly tenant: TenantId
  readonly subject: string
  readonly erasureId: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

export interface SnapshotScope {
  /** null: the system's. */
  readonly tenant: string | null
  readonly rows: number
  readonly bytes: number
  /** Digests of its chunks in order. */
  readonly chunks: readonly string[]
}

export interface SnapshotFile {
  readonly folder: string
  /** With `/`, inside the folder. */
  readonly path: string
  readonly mode: number
  readonly bytes: number
  readonly chunks: readonly string[]
}

/** One backup, whole: an incremental one names the chunks of former ones that still hold. */
export interface Snapshot {
  readonly format: 1
  readonly id: string
  readonly kind: 'full' | 'incremental'
  /** Milliseconds since the Unix epoch; everything acknowledged before `startedAt` is in it. */
  readonly startedAt: number
  readonly finishedAt: number
  readonly version: string
  readonly scopes: readonly SnapshotScope[]
  readonly files: readonly SnapshotFile[]
  /** Deleted while the backup ran: they were listed and are not in it. */
  readonly vanished: number
}

export interface SnapshotSummary {
  readonly id: string
  readonly kind: Snapshot['kind']
  readonly startedAt: number
  readonly tenants: number
  readonly rows: number
  readonly files: number
  /** Of all that it holds, before it is sealed. */
  readonly bytes: number
  /** Written by this one. */
  readonly newBytes?: number
}
