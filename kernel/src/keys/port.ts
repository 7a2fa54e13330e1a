import type { TenantId } from '../ids.js'
import type { Keyring } from '../sealing/index.js'
import type { Damage } from './key-index.js'

/** What stays when keys are destroyed: whose, and since when. Without `subject` the whole tenant. */
export interface Erasure {
  readonly tenant: TenantId
  readonly subject?: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

export interface Destroyed {
  /** Whether there was a key; a person without one is remembered as erased all the same. */
  readonly had: boolean
  /** Milliseconds since the Unix epoch; of the first time. */
  readonly at: number
}

export interface KekRotation {
  /** The epoch that wraps now. */
  readonly epoch: number
  readonly rewrapped: number
  /** Slots whose key could not be unwrapped; they stay as they are. */
  readonly failed: readonly number[]
}

export interface KeyStatus {
  /** 32 hex digits; the same in every copy. */
  readonly storeId: string
  readonly provider: string
  /** Newest of the key-encryption key. */
  readonly epoch: number
  readonly tenants: number
  readonly keys: { readonly tenant: number; readonly subject: number; readonly lookup: number }
  readonly erased: { readonly tenants: number; readonly subjects: number }
  /** Keys under each epoch of the key-encryption key: an epoch that is not listed is needed by copies only. */
  readonly epochs: Readonly<Record<string, number>>
  /** The first 100 slots that cannot be used. */
  readonly damaged: readonly Damage[]
  readonly slots: number
  readonly bytes: number
  /** Unwrapped keys in memory. */
  readonly inMemory: number
}

/**
 * Keys of every tenant and person, in a file that is overwritten in place and no backup takes along: what is destroyed
 * here is gone. Key-encryption key → tenant's key → person's key. Subject ids: 1–64 printable ASCII characters, random,
 * never a name. Throws `erased`, `key_unknown`, `data_corrupt` (`details.slot`), `disk_full` (nothing half-written) and
 * `storage_failed`.
 */
export interface KeyStore extends Keyring {
  /**
   * Resolves when it is closed. Rejects with `storage_failed` when a write failed half-way: nothing is written any more,
   * so let the process end; the next start ends or undoes what was begun.
   */
  readonly done: Promise<void>
  /** 32 bytes for blind indexes; the same for ever, whatever is rotated, until the tenant is destroyed. */
  lookupKey(tenant: TenantId | null): Promise<Uint8Array>
  /** Overwrites the person's keys; when it resolves they are in no file of the store, and no new one will be made. */
  destroySubject(tenant: TenantId, subject: string): Promise<Destroyed>
  /** The same for a tenant with all its people and its lookup key. */
  destroyTenant(tenant: TenantId): Promise<Destroyed>
  /** When the person's key, or all of the tenant, was destroyed. */
  erasedAt(tenant: TenantId, subject: string): number | undefined
  /** Every erasure that the store remembers: what a restored copy has to be told. */
  erasures(): Iterable<Erasure>
  /** A new key that seals from now on; the older ones still open. `keyId` in hex. */
  rotateTenant(tenant: TenantId | null): Promise<{ readonly keyId: string; readonly generation: number }>
  /** Asks in the background for a new generation of a key that has sealed enough. */
  sealWorn(tenant: TenantId | null, subject?: string): void
  /**
   * Wraps every key under the newest epoch of the KEK; makes one first if all are there already and the provider can.
   * After a crash or an abort the next call goes on.
   */
  rotateKek(signal: AbortSignal): Promise<KekRotation>
  /**
   * Wraps the people's keys under the newest key of the tenant and destroys the older ones. Only after everything that
   * they sealed is sealed anew. Throws `data_corrupt` before anything is lost if a person's key cannot be read.
   */
  retireOldTenantKeys(
    tenant: TenantId | null,
    signal: AbortSignal,
  ): Promise<{ readonly rewrapped: number; readonly retired: number }>
  /**
   * A copy for another disk, of wrapped keys only. It takes the place of the former copy, which is overwritten, so that
   * what was destroyed since is not found in it. Throws `already_exists` if the path is something else than a copy.
   */
  exportTo(path: string, signal: AbortSignal): Promise<{ readonly slots: number; readonly bytes: number }>
  status(): KeyStatus
  /** Waits for what is being written. */
  close(): Promise<void>
}
