import { gcmAlgorithm } from './gcm-algorithm.js'
import type { NoncePool } from './nonce-pool.js'
import { sm4Algorithm } from './sm4-algorithm.js'

/** Cipher keys made of a data key; raw, because a pair of KeyObjects takes 2 KB and saves no time. */
export interface SealKey {
  readonly cipher: Uint8Array
  /** Empty where the cipher brings its own tag. */
  readonly mac: Uint8Array
}

/** A value that is being sealed: format and key id stand in `sealed`, room for the rest follows. */
export interface SealRoom {
  readonly sealed: Uint8Array
  readonly plain: Uint8Array
  /** From `encodeContext`. */
  readonly context: Uint8Array
}

/** Layout: format byte, key id (8), nonce, ciphertext of the length of the value, tag. */
export interface SealAlgorithm {
  readonly name: SealAlgorithmName
  readonly format: number
  readonly nonceBytes: number
  readonly tagBytes: number
  /** A key seals about this many units (one a value, one more per 64 KiB) before a new one is asked for. */
  readonly wornAfter: number
  derive(secret: Uint8Array): SealKey
  /** Values under one key: fills in nonces, ciphertexts and tags. */
  sealRun(key: SealKey, nonces: NoncePool, run: readonly SealRoom[]): void
  /** One value whose nonce stands there; `plain` may be the room of the ciphertext itself. */
  seal(key: SealKey, room: SealRoom): void
  /** The value, or undefined if the tag does not fit; `sealed` is long enough for header and tag. */
  open(key: SealKey, sealed: Uint8Array, context: Uint8Array): Uint8Array | undefined
}

export type SealAlgorithmName = 'sm4' | 'aes-256-gcm'

export const SEAL_ALGORITHMS: Readonly<Record<SealAlgorithmName, SealAlgorithm>> = {
  sm4: sm4Algorithm,
  'aes-256-gcm': gcmAlgorithm,
}

/** By the first byte of a sealed value. */
export function algorithmOf(format: number | undefined): SealAlgorithm | undefined {
  if (format === sm4Algorithm.format) return sm4Algorithm
  return format === gcmAlgorithm.format ? gcmAlgorithm : undefined
}
