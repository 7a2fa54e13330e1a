import { createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'

const generate = promisify(generateKeyPair)

/** A new private key for an edge: RSA, 2048 bits. */
export async function newEdgeKey(): Promise<KeyObject> {
  const { privateKey } = await generate('rsa', { modulusLength: 2048 })
  return privateKey
}

/**
 * A PKCS#10 request for `key`, DER. It names nothing: the center builds the certificate itself and takes only the
 * public key.
 */
export function signingRequest(key: KeyObject): Buffer {
  const request = forge.pki.createCertificationRequest()
  request.publicKey = forge.pki.publicKeyFromPem(
    createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
  )
  request.setSubject([])
  const { signer, digest } = opensslSigner(key)
  request.sign(signer, digest)
  return Buffer.from(forge.asn1.toDer(forge.pki.certificationRequestToAsn1(request)).getBytes(), 'latin1')
}

/**
 * What forge needs to sign with `key`. forge's own RSA is JavaScript and holds the event loop for 0.1 s, so it builds
 * the structure and OpenSSL signs it. For one signature.
 */
export function opensslSigner(key: KeyObject) {
  const parts: string[] = []
  return {
    signer: { sign: () => sign('sha256', Buffer.from(parts.join(''), 'latin1'), key).toString('latin1') },
    digest: { algorithm: 'sha256', update: (bytes: string) => parts.push(bytes) },
  }
}
