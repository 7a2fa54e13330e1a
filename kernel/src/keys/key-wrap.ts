import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

const NONCE_BYTES = 16
const MAC_BYTES = 32

/** What wraps keys; made of a key-encryption key or of a tenant's key, and not that key itself. */
export interface WrappingKey {
  readonly cipher: KeyObject
  readonly mac: KeyObject
}

/** Cipher and MAC key by HKDF with SM3; `secret` is 32 bytes and seals nothing by itself. */
export function wrappingKey(secret: Uint8Array): WrappingKey {
  const derive = (label: string, bytes: number) =>
    createSecretKey(Buffer.from(hkdfSync('sm3', secret, '', `yizhan key wrap 1 ${label}`, bytes)))
  return { cipher: derive('sm4-ctr', 16), mac: derive('hmac-sm3', 32) }
}

/** Nonce (16 random bytes), SM4-CTR, HMAC-SM3 over `place`, nonce and ciphertext: 48 bytes more than the secret. */
export function wrapSecret(key: WrappingKey, secret: Uint8Array, place: string): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('sm4-ctr', key.cipher, nonce)
  const body = Buffer.concat([nonce, cipher.update(secret), cipher.final()])
  return Buffer.concat([body, macOf(key, body, place)])
}

/** The secret, or undefined if key, place or any bit differs from what wrapped it. */
export function unwrapSecret(key: WrappingKey, wrapped: Uint8Array, place: string): Uint8Array | undefined {
  if (wrapped.length < NONCE_BYTES + MAC_BYTES) return undefined
  const body = wrapped.subarray(0, wrapped.length - MAC_BYTES)
  if (!timingSafeEqual(macOf(key, body, place), wrapped.subarray(body.length))) return undefined
  const cipher = createDecipheriv('sm4-ctr', key.cipher, body.subarray(0, NONCE_BYTES))
  return Buffer.concat([cipher.update(body.subarray(NONCE_BYTES)), cipher.final()])
}

function macOf(key: WrappingKey, body: Uint8Array, place: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(place))
  return createHmac('sm3', key.mac).update(length).update(place).update(body).digest()
}
