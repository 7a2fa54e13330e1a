import { YizhanError } from '../errors.js'
import type { TenantId } from '../ids.js'

/** Where a value belongs. It is bound into the sealed form: a value moved to another place does not open. */
export interface SealContext {
  /** null: belongs to no tenant (SystemStore). */
  readonly tenant: TenantId | null
  readonly collection: string
  readonly key: string
  /** The record's version. */
  readonly version: number
  /** Random id of the person whose data it is. */
  readonly subject?: string
}

export interface SealItem {
  readonly plain: Uint8Array
  readonly context: SealContext
}

/**
 * The seam between records and how they lie on disk. Every sealed value starts with its sealer's format byte, so
 * that values of several sealers can live in one store. `open` throws `data_corrupt` if a bit or the context differs.
 * Encryption (DESIGN, section 7: SM4-CTR and HMAC-SM3 under an envelope of keys) is meant to come as a sealer with a
 * format byte of its own; `plainSealer` is the only one today and keeps nothing secret.
 */
export interface Sealer {
  readonly id: string
  /** First byte of everything that this sealer writes, 0–255. */
  readonly format: number
  seal(plain: Uint8Array, context: SealContext): Uint8Array
  open(sealed: Uint8Array, context: SealContext): Uint8Array
}

/** The reading half of a sealer. */
export type Opener = Pick<Sealer, 'open'>

/** Seals a commit batch in order. */
export function sealAll(sealer: Sealer, batch: readonly SealItem[]): Uint8Array[] {
  return batch.map((item) => sealer.seal(item.plain, item.context))
}

/** Opens values of any of these sealers by their format byte; a byte that none of them has is `data_corrupt`. */
export function openAny(sealers: readonly Sealer[]): Opener {
  const byFormat = new Map<number, Sealer>()
  for (const sealer of sealers) {
    const other = byFormat.get(sealer.format)
    if (other) throw new YizhanError('internal', `sealers ${other.id} and ${sealer.id} share a format byte`)
    byFormat.set(sealer.format, sealer)
  }
  return {
    open(sealed, context) {
      const format = sealed[0]
      const sealer = format === undefined ? undefined : byFormat.get(format)
      if (!sealer) {
        throw new YizhanError('data_corrupt', 'the value has an unknown sealing format', {
          details: { format: format ?? null, collection: context.collection },
        })
      }
      return sealer.open(sealed, context)
    },
  }
}
