import { createHash, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import { opensslSigner } from '../edge-key.js'

const DAY_MS = 86_400_000

/** For tests: a certificate authority with real RSA certificates, made by node-forge. */
export class TestCa {
  readonly key: KeyObject
  readonly certificate: X509Certificate
  /** Shown by servers in place of this CA's certificate: what an impostor would do. */
  shownInstead: X509Certificate | undefined
  readonly #serverKeys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  readonly #name = [{ name: 'commonName', value: 'test CA' }]

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    this.key = privateKey
    this.certificate = this.#build(
      publicKey,
      this.#name,
      { from: Date.now() - DAY_MS, to: Date.now() + DAY_MS },
      [{ name: 'basicConstraints', cA: true, critical: true }],
    )
  }

  /** SHA-256 of the SubjectPublicKeyInfo: what a join token pins. */
  get pin(): Buffer {
    return createHash('sha256')
      .update(this.certificate.publicKey.export({ type: 'spki', format: 'der' }))
      .digest()
  }

  /** A certificate for `publicKey` with these URIs as its names. */
  issue(publicKey: KeyObject, uris: readonly string[], life: { from: number; to: number }): X509Certificate {
    return this.#build(publicKey, [{ name: 'commonName', value: 'test' }], life, [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: uris.map((value) => ({ type: 6, value })) },
    ])
  }

  /** A server with this URI: key and certificate in PEM. */
  issueServer(uri: string): { key: Buffer; cert: Buffer } {
    const { privateKey, publicKey } = this.#serverKeys
    const life = { from: Date.now() - DAY_MS, to: Date.now() + DAY_MS }
    return {
      key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
      cert: Buffer.from(this.issue(publicKey, [uri], life).toString()),
    }
  }

  #build(
    publicKey: KeyObject,
    subject: readonly { name: string; value: string }[],
    life: { from: number; to: number },
    extensions: readonly Readonly<Record<string, unknown>>[],
  ): X509Certificate {
    const certificate = forge.pki.createCertificate()
    certificate.publicKey = forge.pki.publicKeyFromPem(
      publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    )
    certificate.serialNumber = `01${randomBytes(8).toString('hex')}`
    certificate.validity.notBefore = new Date(life.from)
    certificate.validity.notAfter = new Date(life.to)
    certificate.setSubject(subject)
    certificate.setIssuer(this.#name)
    certificate.setExtensions(extensions)
    const { signer, digest } = opensslSigner(this.key)
    certificate.sign(signer, digest)
    const der = forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes()
    return new X509Certificate(Buffer.from(der, 'latin1'))
  }
}
