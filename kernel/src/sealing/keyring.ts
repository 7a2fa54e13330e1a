import type { TenantId } from '../ids.js'

/** A key that seals data; whoever gets one never writes it anywhere. */
export interface DataKey {
  /** 8 random bytes, written in clear beside what it sealed. */
  readonly id: Uint8Array
  /** 32 bytes; cipher and MAC keys are derived from it. */
  readonly secret: Uint8Array
}

export interface ErasedKey {
  readonly s: 'erased'
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/**
 * Where a sealer gets its keys: one of the tenant (null: the system's), or one of the subject. Answers at once what it
 * has in memory, so that a batch with known keys waits for nothing.
 */
export interface Keyring {
  /** The newest key of the scope or subject, minted and durable if there was none. Throws or rejects with `erased`. */
  sealingKey(tenant: TenantId | null, subject?: string): DataKey | Promise<DataKey>
  /** The key of this id. Throws or rejects with `key_unknown`. */
  openingKey(
    tenant: TenantId | null,
    subject: string | undefined,
    keyId: Uint8Array,
  ): DataKey | ErasedKey | Promise<DataKey | ErasedKey>
}
