import type { TenantId } from '../ids.js'

/** Where a value belongs. It is bound into the sealed form: a value moved to another place does not open. */
export interface SealContext {
  /** null: belongs to no tenant (SystemStore, the center's and an edge's own files). */
  readonly tenant: TenantId | null
  readonly collection: string
  readonly key: string
  /** The record's version. */
  readonly version: number
  /** Random id of the person whose data it is; then the person's own key seals it. */
  readonly subject?: string
}

export interface SealItem {
  readonly plain: Uint8Array
  readonly context: SealContext
}

export interface SealedItem {
  readonly sealed: Uint8Array
  readonly context: SealContext
}

/** `erased`: the key of the subject was destroyed, nobody can open it any more. */
export type Opened =
  | { readonly s: 'open'; readonly plain: Uint8Array }
  | { readonly s: 'erased'; readonly at?: number }

/**
 * Between records and how they lie on disk. Every sealed value starts with a format byte (0 plain with a checksum,
 * 1 SM4-CTR + HMAC-SM3, 2 AES-256-GCM), so that values of several formats lie in one store. Answers are in the order of
 * the items. The values are the caller's: they may not change before the answer.
 */
export interface Sealer {
  readonly id: string
  /** A commit batch in one pass. Throws `erased` for a subject whose key is gone, `storage_failed`, `disk_full`. */
  sealAll(items: readonly SealItem[]): Promise<Uint8Array[]>
  /**
   * Throws `data_corrupt` if a bit or the context of any differs (`details`: index, collection, version; never the key)
   * and `key_unknown` if the ring does not hold the key that it names.
   */
  openAll(items: readonly SealedItem[]): Promise<Opened[]>
}

/** The reading half of a sealer. */
export type Opener = Pick<Sealer, 'openAll'>

/** One value. */
export async function sealOne(sealer: Sealer, plain: Uint8Array, context: SealContext): Promise<Uint8Array> {
  const [sealed] = await sealer.sealAll([{ plain, context }])
  return sealed as Uint8Array
}

/** One value; undefined if its subject was erased. */
export async function openOne(
  opener: Opener,
  sealed: Uint8Array,
  context: SealContext,
): Promise<Uint8Array | undefined> {
  const [opened] = await opener.openAll([{ sealed, context }])
  return opened?.s === 'open' ? opened.plain : undefined
}
