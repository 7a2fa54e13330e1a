import { childrenOf, type DerNode, readDer, refuseCertificate, TAG } from './der.js'

/** The parts of a certificate that identity rests on, as byte ranges and values. */
export interface CertificateParts {
  readonly serial: string
  readonly notBefore: number
  readonly notAfter: number
  /** The SubjectPublicKeyInfo with its header. */
  readonly spki: Uint8Array
  /** Names of the one SubjectAltName extension, in order: context tag and content. */
  readonly altNames: readonly { readonly tag: number; readonly bytes: Uint8Array }[]
}

const VERSION = 0xa0
const ISSUER_UNIQUE_ID = 0x81
const SUBJECT_UNIQUE_ID = 0x82
const EXTENSIONS = 0xa3
const BIT_STRING = 0x03
const SUBJECT_ALT_NAME = '551d11'

/** Takes a certificate apart (RFC 5280, section 4.1); throws `unauthenticated` on anything out of place. */
export function readCertificate(der: Uint8Array): CertificateParts {
  const root = readDer(der)
  if (root.tag !== TAG.sequence) throw refuseCertificate('it is not a sequence')
  const [tbs, signatureAlgorithm, signature, ...rest] = childrenOf(der, root)
  expect(tbs, TAG.sequence, 'body')
  expect(signatureAlgorithm, TAG.sequence, 'signature algorithm')
  expect(signature, BIT_STRING, 'signature')
  if (rest.length > 0) throw refuseCertificate('it has parts after its signature')
  return readBody(der, tbs)
}

function readBody(der: Uint8Array, tbs: DerNode): CertificateParts {
  const [version, serial, algorithm, issuer, validity, subject, spki, ...tail] = childrenOf(der, tbs)
  expect(version, VERSION, 'version')
  // Extensions exist in version 3 only, which is written as 2.
  if (hex(der, version.content, version.end) !== '020102') throw refuseCertificate('it is not of version 3')
  expect(serial, TAG.integer, 'serial number')
  expect(algorithm, TAG.sequence, 'algorithm')
  expect(issuer, TAG.sequence, 'issuer')
  expect(validity, TAG.sequence, 'validity')
  expect(subject, TAG.sequence, 'subject')
  expect(spki, TAG.sequence, 'public key')
  const [notBefore, notAfter, ...more] = childrenOf(der, validity)
  if (more.length > 0) throw refuseCertificate('its validity has more than two times')
  return {
    serial: readSerial(der, serial),
    notBefore: readTime(der, notBefore),
    notAfter: readTime(der, notAfter),
    spki: der.subarray(spki.start, spki.end),
    altNames: readAltNames(der, readExtensions(der, tail)),
  }
}

function readSerial(der: Uint8Array, node: DerNode): string {
  const bytes = der.subarray(node.content, node.end)
  const [first, second] = bytes
  if (first === undefined || first >= 0x80) throw refuseCertificate('its serial number is not positive')
  if (first === 0 && second !== undefined && second < 0x80) {
    throw refuseCertificate('its serial number is not minimal')
  }
  const digits = hex(der, node.content + (first === 0 && second !== undefined ? 1 : 0), node.end)
  if (digits.length > 40 || digits === '00') throw refuseCertificate('its serial number is out of range')
  return digits
}

function readTime(der: Uint8Array, node: DerNode | undefined): number {
  const form =
    node?.tag === TAG.utcTime
      ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
      : node?.tag === TAG.generalizedTime
        ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
        : undefined
  if (!node || !form) throw refuseCertificate('a time is missing')
  const parts = form
    .exec(latin1(der, node.content, node.end))
    ?.slice(1)
    .map(Number)
  if (!parts) throw refuseCertificate('a time is not in its one allowed form')
  const [written = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
  // RFC 5280, 4.1.2.5.1: two digits from 50 on are of the last century.
  const year = node.tag === TAG.generalizedTime ? written : written >= 50 ? 1900 + written : 2000 + written
  const time = Date.UTC(year, month - 1, day, hour, minute, second)
  const back = new Date(time)
  const whole =
    back.getUTCFullYear() === year &&
    back.getUTCMonth() === month - 1 &&
    back.getUTCDate() === day &&
    back.getUTCHours() === hour &&
    back.getUTCMinutes() === minute &&
    back.getUTCSeconds() === second
  if (!whole) throw refuseCertificate('a time does not exist')
  return time
}

/** Extension content by object id (hex); RFC 5280, 4.2: no extension may appear twice. */
function readExtensions(der: Uint8Array, tail: readonly DerNode[]): Map<string, DerNode> {
  const tags = tail.map((node) => node.tag)
  const allowed = [ISSUER_UNIQUE_ID, SUBJECT_UNIQUE_ID, EXTENSIONS]
  if (
    tags.some((tag, i) => !allowed.includes(tag) || allowed.indexOf(tag) <= allowed.indexOf(tags[i - 1] ?? 0))
  ) {
    throw refuseCertificate('its body has parts out of place')
  }
  const found = new Map<string, DerNode>()
  const wrapper = tail.find((node) => node.tag === EXTENSIONS)
  if (!wrapper) return found
  const [list, ...others] = childrenOf(der, wrapper)
  expect(list, TAG.sequence, 'extensions')
  if (others.length > 0) throw refuseCertificate('it has two lists of extensions')
  for (const extension of childrenOf(der, list)) {
    expect(extension, TAG.sequence, 'extension')
    const parts = childrenOf(der, extension)
    const [id, second] = parts
    expect(id, TAG.objectId, 'extension id')
    const critical = second?.tag === TAG.boolean
    if (critical && hex(der, second.content, second.end) !== 'ff')
      throw refuseCertificate('a flag is not DER')
    const value = parts[critical ? 2 : 1]
    expect(value, TAG.octetString, 'extension value')
    if (parts.length !== (critical ? 3 : 2)) throw refuseCertificate('an extension has too many parts')
    const key = hex(der, id.content, id.end)
    if (found.has(key)) throw refuseCertificate('an extension appears twice')
    found.set(key, value)
  }
  return found
}

function readAltNames(
  der: Uint8Array,
  extensions: ReadonlyMap<string, DerNode>,
): CertificateParts['altNames'] {
  const extension = extensions.get(SUBJECT_ALT_NAME)
  if (!extension) throw refuseCertificate('it has no subject alternative name')
  const inner = der.subarray(extension.content, extension.end)
  const names = readDer(inner)
  if (names.tag !== TAG.sequence) throw refuseCertificate('its alternative names are not a sequence')
  return childrenOf(inner, names).map((node) => ({
    tag: node.tag,
    bytes: inner.subarray(node.content, node.end),
  }))
}

function expect(node: DerNode | undefined, tag: number, what: string): asserts node is DerNode {
  if (node?.tag !== tag) throw refuseCertificate(`its ${what} is missing or out of place`)
}

function hex(der: Uint8Array, from: number, to: number): string {
  return Buffer.from(der.buffer, der.byteOffset + from, to - from).toString('hex')
}

function latin1(der: Uint8Array, from: number, to: number): string {
  return Buffer.from(der.buffer, der.byteOffset + from, to - from).toString('latin1')
}
