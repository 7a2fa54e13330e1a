import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { YizhanError } from '@yizhan/kernel'
import forge, { type Asn1 } from 'node-forge'
import { toBinary } from './certificate-builder.js'

const { asn1 } = forge

/** Bytes; a CSR with an RSA-4096 key and a name is about 1.7 KiB. */
export const MAX_CSR_BYTES = 4 * 1024
const MIN_MODULUS_BITS = 2_048
// Longer ones only cost the center time at every handshake.
const MAX_MODULUS_BITS = 8_192
const MIN_EXPONENT = 65_537n
const MAX_EXPONENT = 2n ** 32n

/** RSASSA-PKCS1-v1_5 with the hashes that are not broken. */
const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
}

/** The only things that are taken from a certificate signing request. */
export interface RequestedKey {
  readonly publicKey: KeyObject
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string
}

/**
 * The key of a PKCS#10 request (DER) whose holder has proved to have the private half. Names, extensions and
 * attributes are not looked at. Throws `too_large`, or `invalid_argument` with what to change.
 */
export function readSigningRequest(der: Uint8Array): RequestedKey {
  if (der.byteLength > MAX_CSR_BYTES) {
    throw new YizhanError('too_large', `the signing request is larger than ${MAX_CSR_BYTES} bytes`, {
      details: { maxBytes: MAX_CSR_BYTES, bytes: der.byteLength },
    })
  }
  const parts = takeApart(der)
  const publicKey = readKey(parts.spki)
  checkStrength(publicKey)
  checkSignature(parts, publicKey)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return { publicKey, spkiSha256: createHash('sha256').update(spki).digest('hex') }
}

interface RequestParts {
  readonly info: Buffer
  readonly spki: Buffer
  /** Object id. */
  readonly algorithm: string
  readonly signature: Buffer
}

function takeApart(der: Uint8Array): RequestParts {
  let root: Asn1
  try {
    root = asn1.fromDer(toBinary(der), { decodeBitStrings: false })
  } catch (cause) {
    // Also what deep nesting ends in.
    throw refuse('it is not DER', cause)
  }
  const [info, algorithm, signature] = children(root, 3)
  // version, subject, key, attributes; the last may be left out.
  const key = info && children(info, 3, 4)[2]
  const oid = algorithm && children(algorithm, 1, 2)[0]
  if (!info || !key || oid?.type !== asn1.Type.OID || signature?.type !== asn1.Type.BITSTRING) {
    throw refuse('it is not PKCS#10')
  }
  if (typeof oid.value !== 'string' || typeof signature.value !== 'string') throw refuse('it is not PKCS#10')
  // The first byte counts unused bits.
  if (signature.value.charCodeAt(0) !== 0) throw refuse('its signature does not hold')
  return {
    info: derOf(info),
    spki: derOf(key),
    algorithm: asn1.derToOid(oid.value),
    signature: Buffer.from(signature.value.slice(1), 'latin1'),
  }
}

function children(node: Asn1, least: number, most = least): Asn1[] {
  const { value } = node
  const isSequence = node.tagClass === asn1.Class.UNIVERSAL && node.type === asn1.Type.SEQUENCE
  if (!isSequence || !Array.isArray(value) || value.length < least || value.length > most) {
    throw refuse('it is not PKCS#10')
  }
  return value
}

/** Written anew: of a request that was not DER to begin with the signature then fails. */
function derOf(node: Asn1): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1')
}

function readKey(spki: Buffer): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch (cause) {
    throw refuse('its key cannot be read', cause)
  }
  if (key.asymmetricKeyType !== 'rsa') {
    throw refuse(`its key is ${key.asymmetricKeyType ?? 'of an unknown kind'}, not rsa`)
  }
  return key
}

function checkStrength(key: KeyObject): void {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < MIN_MODULUS_BITS) {
    throw refuse(`its key has ${modulusLength} bits, fewer than ${MIN_MODULUS_BITS}`)
  }
  if (modulusLength > MAX_MODULUS_BITS) {
    throw refuse(`its key has ${modulusLength} bits, more than ${MAX_MODULUS_BITS}`)
  }
  if (publicExponent < MIN_EXPONENT || publicExponent > MAX_EXPONENT || publicExponent % 2n === 0n) {
    throw refuse('the public exponent of its key is weak')
  }
}

function checkSignature({ algorithm, info, signature }: RequestParts, key: KeyObject): void {
  const hash = HASHES[algorithm]
  if (hash === undefined) throw refuse('it is not signed with RSA and SHA-256, SHA-384 or SHA-512')
  if (!verify(hash, info, key, signature)) throw refuse('its signature does not hold')
}

function refuse(why: string, cause?: unknown): YizhanError {
  return new YizhanError('invalid_argument', `the signing request is refused: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'send a PKCS#10 request for an RSA key of 2048 bits or more, signed with SHA-256',
  })
}
