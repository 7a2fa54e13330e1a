import { createHash, createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  type Clock,
  type EdgeId,
  type Logger,
  parseIdentity,
  readFileIfExists,
  writeFileAtomic,
  YizhanError,
} from '@yizhan/kernel'
import { type AltName, buildCertificate, type Issuer } from './certificate-builder.js'
import { createSecretOnce } from './create-once.js'
import { type RequestedKey, readSigningRequest } from './signing-request.js'

export interface CaConfig {
  /** Holds the key (0600) and its pin; made if it is missing. */
  readonly dir: string
  /** Lower-case host name form, e.g. `yizhan.example`. Fixed for the life of the CA. */
  readonly trustDomain: string
}

export interface ServerNames {
  readonly dnsNames: readonly string[]
  readonly ips: readonly string[]
  readonly ttlMs: number
}

export interface ServerCertificate {
  readonly certificatePem: string
  readonly keyPem: string
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

export interface CertificateAuthority {
  readonly trustDomain: string
  readonly certificateDer: Uint8Array
  readonly certificatePem: string
  /** SHA-256 of the CA's SubjectPublicKeyInfo, lower-case hex: what join tokens pin. */
  readonly spkiSha256: string
  /** A client certificate for the key in the request, and nothing else of it. `invalid_argument`, `too_large`. */
  issueEdge(csrDer: Uint8Array, edgeId: EdgeId, ttlMs: number): Uint8Array
  /** The same, for a request that was read before. */
  issueEdgeFor(key: RequestedKey, edgeId: EdgeId, ttlMs: number): Uint8Array
  /** The center's own certificate with a fresh key. `invalid_argument` for a name that is none. */
  issueServer(names: ServerNames): Promise<ServerCertificate>
}

const CA_YEARS_MS = 10 * 365 * 24 * 3_600_000
/** How far a peer's clock may be behind ours; less for certificates that live for minutes only. */
const BACKDATE_MS = 5 * 60_000
const MIN_TTL_MS = 1_000
const TRUST_DOMAIN = /^[a-z0-9](?:[a-z0-9.-]{0,126}[a-z0-9])?$/
const DNS_NAME =
  /^(?=.{1,253}$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/
const makeKeyPair = promisify(generateKeyPair)

/**
 * The fleet's CA: made at the first start, loaded ever after. Throws `data_corrupt` if its files are damaged or its
 * key is gone, `config_invalid` for another trust domain, `clock_skew` before its first day, `failed_precondition`
 * after its last.
 */
export async function openCa(
  deps: { readonly clock: Clock; readonly log: Logger },
  config: CaConfig,
): Promise<CertificateAuthority> {
  const { trustDomain, dir } = config
  if (!TRUST_DOMAIN.test(trustDomain) || trustDomain.includes('..')) {
    throw new YizhanError('config_invalid', 'the trust domain is not a lower-case host name')
  }
  const path = join(dir, 'ca.pem')
  const pinPath = join(dir, 'ca.pin')
  const pin = (await readFileIfExists(pinPath))?.toString('utf8').trim()
  if (pin !== undefined && (await readFileIfExists(path)) === undefined)
    throw corruptCa(path, 'its key is gone')
  const { content, made } = await createSecretOnce(deps.log, path, () => makeCa(deps.clock, trustDomain))
  const ca = loadCa(path, content)
  if (pin !== undefined && pin !== ca.spkiSha256)
    throw corruptCa(path, 'it is not the one that was made here')
  if (pin === undefined) await writeFileAtomic(pinPath, `${ca.spkiSha256}\n`)
  checkTrustDomain(ca.certificate, trustDomain)
  checkDates(ca.certificate, deps.clock)
  if (made) deps.log.info({ trustDomain, spkiSha256: ca.spkiSha256 }, 'a certificate authority was made')
  return authority(deps.clock, trustDomain, ca)
}

interface LoadedCa {
  readonly certificate: X509Certificate
  readonly privateKey: KeyObject
  readonly spkiSha256: string
}

/** Key and certificate in one file: they are there together or not at all. */
async function makeCa(clock: Clock, trustDomain: string): Promise<string> {
  const { publicKey, privateKey } = await makeKeyPair('rsa', { modulusLength: 3_072, publicExponent: 65_537 })
  const now = clock.wall()
  const der = buildCertificate(
    {
      publicKey,
      commonName: 'Yizhan CA',
      altNames: [{ type: 'uri', value: `spiffe://${trustDomain}` }],
      notBefore: now - BACKDATE_MS,
      notAfter: now + CA_YEARS_MS,
      use: 'ca',
    },
    { privateKey },
  )
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  return `${new X509Certificate(der).toString()}${keyPem}`
}

function loadCa(path: string, content: string): LoadedCa {
  let certificate: X509Certificate
  let privateKey: KeyObject
  try {
    certificate = new X509Certificate(content)
    privateKey = createPrivateKey(content)
  } catch (cause) {
    throw corruptCa(path, 'it cannot be read', cause)
  }
  if (!certificate.ca) throw corruptCa(path, 'its certificate is not a CA’s')
  if (!certificate.checkPrivateKey(privateKey) || !certificate.verify(certificate.publicKey)) {
    throw corruptCa(path, 'its key and certificate do not belong together')
  }
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return { certificate, privateKey, spkiSha256: createHash('sha256').update(spki).digest('hex') }
}

function checkTrustDomain(certificate: X509Certificate, trustDomain: string): void {
  if (certificate.subjectAltName === `URI:spiffe://${trustDomain}`) return
  throw new YizhanError('config_invalid', 'the certificate authority was made for another trust domain', {
    details: { configured: trustDomain, made: certificate.subjectAltName ?? '' },
    hint: 'set the former trust domain again; another one needs a new state directory and every edge enrolled anew',
  })
}

function checkDates(certificate: X509Certificate, clock: Clock): void {
  const now = clock.wall()
  if (now < Date.parse(certificate.validFrom)) {
    throw new YizhanError(
      'clock_skew',
      'the clock is before the day on which the certificate authority was made',
      {
        details: {
          validFrom: new Date(certificate.validFrom).toISOString(),
          now: new Date(now).toISOString(),
        },
        hint: 'set the clock of this machine',
      },
    )
  }
  if (now >= Date.parse(certificate.validTo)) {
    throw new YizhanError('failed_precondition', 'the certificate authority has expired', {
      details: { validTo: new Date(certificate.validTo).toISOString() },
    })
  }
}

function authority(clock: Clock, trustDomain: string, ca: LoadedCa): CertificateAuthority {
  const certificateDer = new Uint8Array(ca.certificate.raw)
  const issuer: Issuer = { privateKey: ca.privateKey, certificateDer }
  const validity = (ttlMs: number) => {
    if (!Number.isFinite(ttlMs) || ttlMs < MIN_TTL_MS) {
      throw new YizhanError('invalid_argument', 'a certificate lives for a second at least')
    }
    const now = clock.wall()
    // One that outlived its CA would fail on its last days without a reason to be seen.
    const notAfter = Math.min(now + ttlMs, Date.parse(ca.certificate.validTo))
    return { notBefore: now - Math.min(BACKDATE_MS, ttlMs / 2), notAfter }
  }
  const issueEdgeFor = (key: RequestedKey, edgeId: EdgeId, ttlMs: number) => {
    const uri = `spiffe://${trustDomain}/edge/${edgeId}`
    const altNames: AltName[] = [{ type: 'uri', value: uri }]
    const { publicKey } = key
    return buildCertificate(
      { publicKey, commonName: edgeId, altNames, use: 'clientAuth', ...validity(ttlMs) },
      issuer,
    )
  }
  return {
    trustDomain,
    certificateDer,
    certificatePem: ca.certificate.toString(),
    spkiSha256: ca.spkiSha256,
    issueEdge: (csrDer, edgeId, ttlMs) => issueEdgeFor(readSigningRequest(csrDer), edgeId, ttlMs),
    issueEdgeFor,
    async issueServer({ dnsNames, ips, ttlMs }) {
      const altNames = serverNames(trustDomain, dnsNames, ips)
      // RSA takes a quarter of a second to make, at each start, and 0.9 ms of each handshake in place of 0.06.
      const { publicKey, privateKey } = await makeKeyPair('ec', { namedCurve: 'prime256v1' })
      const der = buildCertificate(
        { publicKey, commonName: 'Yizhan center', altNames, use: 'serverAuth', ...validity(ttlMs) },
        issuer,
      )
      const { notBefore, notAfter } = parseIdentity(der)
      return {
        certificatePem: new X509Certificate(der).toString(),
        keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        notBefore,
        notAfter,
      }
    },
  }
}

function serverNames(trustDomain: string, dnsNames: readonly string[], ips: readonly string[]): AltName[] {
  for (const name of dnsNames) {
    if (!DNS_NAME.test(name) || isIP(name) !== 0) {
      throw new YizhanError('invalid_argument', 'a name for the server certificate is not a DNS name')
    }
  }
  for (const ip of ips) {
    if (isIP(ip) === 0)
      throw new YizhanError('invalid_argument', 'an address for the server certificate is not one')
  }
  return [
    { type: 'uri', value: `spiffe://${trustDomain}/center` },
    ...dnsNames.map((value): AltName => ({ type: 'dns', value })),
    ...ips.map((value): AltName => ({ type: 'ip', value })),
  ]
}

function corruptCa(path: string, why: string, cause?: unknown): YizhanError {
  return new YizhanError('data_corrupt', `the certificate authority in ${path} is damaged: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { path },
    hint: 'restore the file from a backup; a new authority would mean to enrol every edge anew',
  })
}
