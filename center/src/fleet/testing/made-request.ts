import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** Signing requests in DER as a well-behaved edge would not write them. For tests. */
export interface MadeRequest {
  readonly privateKey: KeyObject
  /** DER of further names that the certificate shall have. */
  readonly altNames?: readonly Uint8Array[]
  readonly wantsCa?: boolean
  /** Bytes of an attribute that means nothing. */
  readonly padding?: number
  readonly algorithm?: string
  readonly hash?: string
}

const OID = {
  commonName: '550403',
  extensionRequest: '2a864886f70d01090e',
  challengePassword: '2a864886f70d010907',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  sha256WithRsa: '2a864886f70d01010b',
}
export const SHA1_WITH_RSA = '2a864886f70d010105'

export function rsaKey(modulusLength = 2_048, publicExponent = 65_537): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey
}

export function signingRequest(made: MadeRequest): Uint8Array {
  const spki = createPublicKey(made.privateKey).export({ type: 'spki', format: 'der' })
  const name = sequence(
    der(0x31, sequence(oid(OID.commonName), der(0x0c, Buffer.from('edge-of-somebody-else')))),
  )
  const info = sequence(der(0x02, Buffer.from([0])), name, spki, der(0xa0, ...attributes(made)))
  const signature = sign(made.hash ?? 'sha256', info, made.privateKey)
  const algorithm = sequence(oid(made.algorithm ?? OID.sha256WithRsa), der(0x05))
  return new Uint8Array(sequence(info, algorithm, der(0x03, Buffer.from([0]), signature)))
}

export const uriName = (uri: string) => der(0x86, Buffer.from(uri))
export const dnsName = (name: string) => der(0x82, Buffer.from(name))

function attributes({ altNames = [], wantsCa = false, padding = 0 }: MadeRequest): Buffer[] {
  const extensions: Buffer[] = []
  if (altNames.length > 0) {
    extensions.push(sequence(oid(OID.subjectAltName), der(0x04, sequence(...altNames))))
  }
  if (wantsCa) {
    const ca = sequence(der(0x01, Buffer.from([0xff])))
    extensions.push(sequence(oid(OID.basicConstraints), der(0x01, Buffer.from([0xff])), der(0x04, ca)))
  }
  const found: Buffer[] = []
  if (extensions.length > 0) {
    found.push(sequence(oid(OID.extensionRequest), der(0x31, sequence(...extensions))))
  }
  if (padding > 0) {
    found.push(sequence(oid(OID.challengePassword), der(0x31, der(0x0c, Buffer.alloc(padding, 'x')))))
  }
  return found
}

const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts)

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), content])
}
