import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import forge, { type Asn1, type Attribute, type Certificate } from 'node-forge'

const { asn1, pki } = forge
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11'
const SERIAL_BYTES = 16
/** Where `SubjectPublicKeyInfo` stands in a `TBSCertificate` of version 3 (RFC 5280, 4.1). */
const SPKI_AT = 6
const ALT_NAME_TYPES = { dns: 2, uri: 6, ip: 7 } as const

export type AltName =
  | { readonly type: 'uri' | 'dns'; readonly value: string }
  | { readonly type: 'ip'; readonly value: string }

export interface CertificateRequest {
  /** RSA or EC. */
  readonly publicKey: KeyObject
  readonly commonName: string
  readonly altNames: readonly AltName[]
  readonly notBefore: number
  readonly notAfter: number
  readonly use: 'ca' | 'clientAuth' | 'serverAuth'
}

/** Who signs, with RSA; without a certificate it signs itself. */
export interface Issuer {
  readonly privateKey: KeyObject
  readonly certificateDer?: Uint8Array
}

/** An X.509 v3 certificate (DER) with exactly these names and uses. forge lays it out; node:crypto signs it. */
export function buildCertificate(request: CertificateRequest, issuer: Issuer): Uint8Array {
  const certificate = pki.createCertificate()
  const spki = toBinary(request.publicKey.export({ type: 'spki', format: 'der' }))
  const issuing = issuer.certificateDer ? readForgeCertificate(issuer.certificateDer) : undefined
  // forge knows RSA only, so a CA's key: it lays a certificate out with that, and the right one is put in its place.
  certificate.publicKey = issuing ? issuing.publicKey : pki.publicKeyFromAsn1(asn1.fromDer(spki))
  certificate.serialNumber = newSerial()
  certificate.validity.notBefore = wholeSeconds(request.notBefore)
  certificate.validity.notAfter = wholeSeconds(request.notAfter)
  const subject: Attribute[] = [
    { shortName: 'O', value: 'Yizhan' },
    { shortName: 'CN', value: request.commonName },
  ]
  certificate.setSubject(subject)
  certificate.setIssuer(issuing ? issuing.subject.attributes : subject)
  certificate.setExtensions([
    {
      name: 'basicConstraints',
      critical: true,
      ...(request.use === 'ca' ? { cA: true, pathLenConstraint: 0 } : {}),
    },
    { name: 'keyUsage', critical: true, ...keyUsage(request.use) },
    ...(request.use === 'ca' ? [] : [{ name: 'extKeyUsage', [request.use]: true }]),
    {
      name: 'subjectAltName',
      altNames: request.altNames.map(({ type, value }) =>
        type === 'ip' ? { type: ALT_NAME_TYPES.ip, ip: value } : { type: ALT_NAME_TYPES[type], value },
      ),
    },
    { name: 'subjectKeyIdentifier', value: keyIdentifier(request.publicKey) },
    {
      name: 'authorityKeyIdentifier',
      keyIdentifier: (issuing ?? certificate).generateSubjectKeyIdentifier().getBytes(),
    },
  ])
  return signed(certificate, spki, issuer.privateKey)
}

function signed(certificate: Certificate, spki: string, privateKey: KeyObject): Uint8Array {
  certificate.signatureOid = SHA256_WITH_RSA
  certificate.siginfo.algorithmOid = SHA256_WITH_RSA
  certificate.tbsCertificate = pki.getTBSCertificate(certificate)
  const fields = certificate.tbsCertificate.value as Asn1[]
  fields[SPKI_AT] = asn1.fromDer(spki)
  const body = Buffer.from(asn1.toDer(certificate.tbsCertificate).getBytes(), 'latin1')
  // forge's own RSA is plain JavaScript: a hundred times slower, and it would want the key as numbers.
  certificate.signature = toBinary(sign('sha256', body, privateKey))
  return new Uint8Array(Buffer.from(asn1.toDer(pki.certificateToAsn1(certificate)).getBytes(), 'latin1'))
}

/** The DER of an OCTET STRING: SHA-1 of the key's bits, without the byte in front that counts unused ones (RFC 5280, 4.2.1.2). */
function keyIdentifier(key: KeyObject): string {
  const spki = toBinary(key.export({ type: 'spki', format: 'der' }))
  const [, bits] = asn1.fromDer(spki, { decodeBitStrings: false }).value as Asn1[]
  const digest = createHash('sha1').update(String(bits?.value).slice(1), 'latin1').digest()
  return toBinary(Buffer.from([asn1.Type.OCTETSTRING, digest.length, ...digest]))
}

function keyUsage(use: CertificateRequest['use']): Record<string, boolean> {
  // TLS 1.3 only: no key is ever enciphered.
  return use === 'ca' ? { keyCertSign: true, cRLSign: true } : { digitalSignature: true }
}

function readForgeCertificate(der: Uint8Array): Certificate {
  return pki.certificateFromAsn1(asn1.fromDer(toBinary(der)))
}

/** 127 random bits: positive, and its first byte never zero, so that it is minimal DER. */
function newSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES)
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 0x01
  return bytes.toString('hex')
}

/** DER has whole seconds; cutting off keeps what the certificate says equal to what is reported of it. */
function wholeSeconds(ms: number): Date {
  return new Date(Math.floor(ms / 1_000) * 1_000)
}

/** forge's bytes: one character each. */
export function toBinary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
