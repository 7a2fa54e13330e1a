import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { SealAlgorithm } from './seal-algorithm.js'
import { NONCE_AT } from './seal-layout.js'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = NONCE_AT + NONCE_BYTES

/**
 * AES-256-GCM with context and header as associated data. Every value has a random nonce of 96 bits of its own, which
 * NIST SP 800-38D allows 2³² times a key (some two nonces alike: 2⁻³³; that would be fatal, more so than for SM4-CTR).
 * A new key is asked for after about 2²⁴ units, where it is 2⁻⁴⁹.
 */
export const gcmAlgorithm: SealAlgorithm = {
  name: 'aes-256-gcm',
  format: 2,
  nonceBytes: NONCE_BYTES,
  tagBytes: TAG_BYTES,
  wornAfter: 2 ** 24,

  derive(secret) {
    const cipher = new Uint8Array(hkdfSync('sha256', secret, '', 'yizhan seal 1 aes-256-gcm', 32))
    return { cipher, mac: new Uint8Array(0) }
  },

  sealRun(key, nonces, run) {
    for (const room of run) {
      room.sealed.set(nonces.take(NONCE_BYTES), NONCE_AT)
      gcmAlgorithm.seal(key, room)
    }
  },

  seal(key, { sealed, plain, context }) {
    const cipher = createCipheriv('aes-256-gcm', key.cipher, sealed.subarray(NONCE_AT, HEADER_BYTES))
    cipher.setAAD(context)
    cipher.setAAD(sealed.subarray(0, HEADER_BYTES))
    sealed.set(cipher.update(plain), HEADER_BYTES)
    cipher.final()
    sealed.set(cipher.getAuthTag(), sealed.length - TAG_BYTES)
  },

  open(key, sealed, context) {
    const end = sealed.length - TAG_BYTES
    const nonce = sealed.subarray(NONCE_AT, HEADER_BYTES)
    const cipher = createDecipheriv('aes-256-gcm', key.cipher, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(context)
    cipher.setAAD(sealed.subarray(0, HEADER_BYTES))
    cipher.setAuthTag(sealed.subarray(end))
    const plain = cipher.update(sealed.subarray(HEADER_BYTES, end))
    try {
      cipher.final()
      return plain
    } catch {
      return undefined
    }
  },
}
