import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type EdgeId, parseIdentity, YizhanError } from '@yizhan/kernel'
import type { EdgeIdentity, SigningKey } from '@yizhan/proto'

/** A key that signs desired states and bundles (Ed25519). */
export interface HeldSigningKey {
  readonly keyId: string
  readonly publicKey: KeyObject
}

/** What this edge is to the center: key, certificate, and whom to believe. */
export interface HeldIdentity {
  readonly edgeId: EdgeId
  readonly trustDomain: string
  readonly key: KeyObject
  readonly certificate: X509Certificate
  /** Validity of the certificate, wall clock in milliseconds. */
  readonly notBefore: number
  readonly notAfter: number
  readonly ca: readonly X509Certificate[]
  readonly signingKeys: readonly HeldSigningKey[]
}

/**
 * The identity that `wire` gives to `key`, checked as a whole: the certificate is for this key, names this edge, and
 * one of the CAs issued it. Throws `unauthenticated`.
 */
export function acceptIdentity(wire: EdgeIdentity, key: KeyObject): HeldIdentity {
  const certificate = readX509(wire.certificateDer, 'certificate')
  const identity = parseIdentity(wire.certificateDer)
  if (identity.kind !== 'edge' || identity.edgeId !== wire.edgeId) {
    throw refuse('its certificate names another edge')
  }
  if (identity.trustDomain !== wire.trustDomain) throw refuse('its certificate is of another trust domain')
  if (!certificate.checkPrivateKey(key)) throw refuse('its certificate is for another key')
  const ca = wire.caDer.map((der) => readX509(der, 'CA'))
  const issuer = ca.find((one) => one.ca && certificate.checkIssued(one) && certificate.verify(one.publicKey))
  if (!issuer) throw refuse('none of its CAs issued its certificate')
  return {
    edgeId: identity.edgeId,
    trustDomain: identity.trustDomain,
    key,
    certificate,
    notBefore: identity.notBefore,
    notAfter: identity.notAfter,
    ca,
    signingKeys: acceptSigningKeys(wire.signingKeys),
  }
}

/** The keys in `wire`; throws `unauthenticated` if there is none or one is not an Ed25519 key. */
export function acceptSigningKeys(wire: readonly SigningKey[]): HeldSigningKey[] {
  if (wire.length === 0) throw refuse('it names no signing key')
  return wire.map(({ keyId, spkiDer }) => ({ keyId, publicKey: readSigningKey(spkiDer) }))
}

/** The wire form of `keys`, as it is kept on disk. */
export function signingKeysOf(keys: readonly HeldSigningKey[]): { keyId: string; spkiDer: Uint8Array }[] {
  return keys.map(({ keyId, publicKey }) => ({
    keyId,
    spkiDer: Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })),
  }))
}

function readSigningKey(spkiDer: Uint8Array): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.from(spkiDer), format: 'der', type: 'spki' })
  } catch (cause) {
    throw refuse('a signing key is damaged', cause)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw refuse('a signing key is not an Ed25519 key')
  return key
}

function readX509(der: Uint8Array, what: string): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch (cause) {
    throw refuse(`its ${what} is damaged`, cause)
  }
}

function refuse(why: string, cause?: unknown): YizhanError {
  return new YizhanError('unauthenticated', `the identity from the center is refused: ${why}`, { cause })
}
