import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** Certificates for tests: a small CA of its own, EC keys, made in about a millisecond each. Not for production. */
export interface TestCertificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
  readonly der: Buffer
}

export interface TestCertificateOptions {
  /** URI names, in order; two of them make a certificate that must be refused. */
  readonly uris?: readonly string[]
  readonly dns?: readonly string[]
  /** IPv4 addresses. */
  readonly ips?: readonly string[]
  readonly usage?: readonly ('client' | 'server')[]
  /** Milliseconds since the Unix epoch; default: an hour ago, and in a day. */
  readonly notBefore?: number
  readonly notAfter?: number
  /** The subject's common name; default `test`. */
  readonly name?: string
}

const HOUR = 3_600_000
const ECDSA_SHA256 = oid('2a8648ce3d040302')
const COMMON_NAME = oid('550403')
const BASIC_CONSTRAINTS = oid('551d13')
const KEY_USAGE = oid('551d0f')
const EXTENDED_KEY_USAGE = oid('551d25')
const ALT_NAME = oid('551d11')
const USAGE = { server: oid('2b06010505070301'), client: oid('2b06010505070302') }

export class TestCa {
  readonly trustDomain: string
  /** The CA's own certificate, PEM and DER. */
  readonly cert: string
  readonly der: Buffer
  readonly #name: string
  readonly #key: KeyObject

  constructor(trustDomain = 'test.yizhan') {
    this.trustDomain = trustDomain
    this.#name = `test CA ${randomBytes(4).toString('hex')}`
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#key = privateKey
    const extensions = [
      extension(BASIC_CONSTRAINTS, true, sequence(tlv(0x01, Buffer.from([0xff])))),
      extension(KEY_USAGE, true, tlv(0x03, Buffer.from([1, 0x06]))),
    ]
    this.der = this.#sign(publicKey, this.#name, Date.now() - HOUR, Date.now() + 24 * HOUR, extensions)
    this.cert = pem(this.der)
  }

  /** The certificate of a center at localhost. */
  center(options: TestCertificateOptions = {}): TestCertificate {
    return this.issue({
      uris: [`spiffe://${this.trustDomain}/center`],
      dns: ['localhost'],
      ips: ['127.0.0.1'],
      usage: ['server'],
      ...options,
    })
  }

  edge(edgeId: string, options: TestCertificateOptions = {}): TestCertificate {
    return this.issue({
      uris: [`spiffe://${this.trustDomain}/edge/${edgeId}`],
      usage: ['client'],
      ...options,
    })
  }

  issue(options: TestCertificateOptions): TestCertificate {
    const { uris = [], dns = [], ips = [], usage = ['client'] } = options
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const names = [
      ...uris.map((uri) => tlv(0x86, Buffer.from(uri, 'latin1'))),
      ...dns.map((name) => tlv(0x82, Buffer.from(name, 'latin1'))),
      ...ips.map((ip) => tlv(0x87, Buffer.from(ip.split('.').map(Number)))),
    ]
    const extensions = [
      extension(BASIC_CONSTRAINTS, true, sequence()),
      extension(KEY_USAGE, true, tlv(0x03, Buffer.from([7, 0x80]))),
      extension(EXTENDED_KEY_USAGE, false, sequence(...usage.map((one) => USAGE[one]))),
      ...(names.length > 0 ? [extension(ALT_NAME, false, sequence(...names))] : []),
    ]
    const der = this.#sign(
      publicKey,
      options.name ?? 'test',
      options.notBefore ?? Date.now() - HOUR,
      options.notAfter ?? Date.now() + 24 * HOUR,
      extensions,
    )
    return { cert: pem(der), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), der }
  }

  #sign(key: KeyObject, subject: string, from: number, to: number, extensions: readonly Buffer[]): Buffer {
    const serial = randomBytes(12)
    serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f)
    const body = sequence(
      tlv(0xa0, integer(Buffer.from([2]))),
      integer(serial),
      sequence(ECDSA_SHA256),
      nameOf(this.#name),
      sequence(time(from), time(to)),
      nameOf(subject),
      key.export({ type: 'spki', format: 'der' }),
      tlv(0xa3, sequence(...extensions)),
    )
    const signature = sign('sha256', body, this.#key)
    return sequence(body, sequence(ECDSA_SHA256), tlv(0x03, Buffer.concat([Buffer.from([0]), signature])))
  }
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes)
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'))
}

function nameOf(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(COMMON_NAME, tlv(0x0c, Buffer.from(commonName)))))
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return tlv(0x17, Buffer.from(`${digits.slice(2)}Z`, 'latin1'))
}

function extension(id: Buffer, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [tlv(0x01, Buffer.from([0xff]))] : []
  return sequence(id, ...flag, tlv(0x04, value))
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
