import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { SealAlgorithm, SealKey } from './seal-algorithm.js'
import { NONCE_AT } from './seal-layout.js'

const BLOCK_BYTES = 16
const NONCE_BYTES = 16
const TAG_BYTES = 32
const HEADER_BYTES = NONCE_AT + NONCE_BYTES

/**
 * SM4-CTR (GB/T 32907), then HMAC-SM3 (GB/T 32905) over context, header and ciphertext. The nonce is the first counter
 * block, 128 random bits; all values that one batch seals under one key share one draw and take the counter blocks after
 * it in turn, so that to the cipher a batch is one message. Two batches meet in a block by chance only: with q batches of
 * N blocks together at most q·N / 2¹²⁸. After 2³² values and 2⁴⁴ blocks (256 TiB) that is 2⁻⁵², and the bound of a
 * 128-bit block cipher in counter mode, N² / 2¹²⁹, is 2⁻⁴¹; a new key is asked for after about 2²⁸ units.
 */
export const sm4Algorithm: SealAlgorithm = {
  name: 'sm4',
  format: 1,
  nonceBytes: NONCE_BYTES,
  tagBytes: TAG_BYTES,
  wornAfter: 2 ** 28,

  derive(secret) {
    const bytes = new Uint8Array(hkdfSync('sm3', secret, '', 'yizhan seal 1 sm4-ctr hmac-sm3', 48))
    return { cipher: bytes.slice(0, 16), mac: bytes.slice(16) }
  },

  sealRun(key, nonces, run) {
    // One run of the cipher for all: it saves setting one up for each.
    const nonce = nonces.take(NONCE_BYTES)
    let blocks = 0
    for (const { plain } of run) blocks += blocksOf(plain)
    const joined = Buffer.allocUnsafe(blocks * BLOCK_BYTES)
    blocks = 0
    for (const { plain, sealed } of run) {
      joined.set(plain, blocks * BLOCK_BYTES)
      writeNonce(sealed, nonce, blocks)
      blocks += blocksOf(plain)
    }
    const ciphertexts = createCipheriv('sm4-ctr', key.cipher, nonce).update(joined)
    let at = 0
    for (const { plain, sealed, context } of run) {
      sealed.set(ciphertexts.subarray(at, at + plain.length), HEADER_BYTES)
      addTag(key, sealed, context)
      at += blocksOf(plain) * BLOCK_BYTES
    }
  },

  seal(key, { sealed, plain, context }) {
    const nonce = sealed.subarray(NONCE_AT, HEADER_BYTES)
    sealed.set(createCipheriv('sm4-ctr', key.cipher, nonce).update(plain), HEADER_BYTES)
    addTag(key, sealed, context)
  },

  open(key, sealed, context) {
    const end = sealed.length - TAG_BYTES
    if (!timingSafeEqual(tagOf(key, sealed.subarray(0, end), context), sealed.subarray(end))) return undefined
    const nonce = sealed.subarray(NONCE_AT, HEADER_BYTES)
    return createDecipheriv('sm4-ctr', key.cipher, nonce).update(sealed.subarray(HEADER_BYTES, end))
  },
}

/** An empty value takes one as well, so that every value has a nonce of its own. */
function blocksOf(plain: Uint8Array): number {
  return Math.max(1, Math.ceil(plain.length / BLOCK_BYTES))
}

/** The counter block that comes `blocks` after the first; like the cipher, it goes round at 2¹²⁸. */
function writeNonce(sealed: Uint8Array, first: Uint8Array, blocks: number): void {
  let carry = blocks
  for (let i = NONCE_BYTES - 1; i >= 0; i--) {
    carry += first[i] as number
    sealed[NONCE_AT + i] = carry % 256
    carry = Math.floor(carry / 256)
  }
}

function addTag(key: SealKey, sealed: Uint8Array, context: Uint8Array): void {
  const end = sealed.length - TAG_BYTES
  sealed.set(tagOf(key, sealed.subarray(0, end), context), end)
}

function tagOf(key: SealKey, headerAndCiphertext: Uint8Array, context: Uint8Array): Uint8Array {
  return createHmac('sm3', key.mac).update(context).update(headerAndCiphertext).digest()
}
