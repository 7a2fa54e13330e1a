import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { type Clock, parseIdentity, YizhanError } from '@yizhan/kernel'

export interface PinnedCenter {
  readonly ca: X509Certificate
  readonly trustDomain: string
}

const TIMEOUT_MS = 15_000

/**
 * Looks at who listens at `address` (host:port) without sending anything: the chain must contain a CA certificate
 * whose SubjectPublicKeyInfo hashes to `pin`, and the leaf must be the center's, issued by it. Throws
 * `unauthenticated`, `clock_skew` or `unavailable`.
 */
export async function findPinnedCenter(
  clock: Clock,
  address: string,
  pin: Uint8Array,
  signal: AbortSignal,
): Promise<PinnedCenter> {
  const [leaf, ...rest] = await fetchChain(clock, address, signal)
  if (!leaf) throw new YizhanError('unauthenticated', `${address} showed no certificate`)
  const ca = rest.find((one) => one.ca && timingSafeEqual(spkiSha256(one), pin))
  if (!ca) {
    throw new YizhanError('unauthenticated', `${address} is not the center that this join token is for`, {
      hint: 'check the enrolment address, or make a new token at the center that this edge shall join',
    })
  }
  if (!leaf.checkIssued(ca) || !leaf.verify(ca.publicKey)) {
    throw new YizhanError('unauthenticated', `the certificate of ${address} was not issued by the pinned CA`)
  }
  const identity = parseIdentity(leaf.raw)
  if (identity.kind !== 'center') {
    throw new YizhanError('unauthenticated', `${address} is ${identity.uri}, not a center`)
  }
  checkTime(clock.wall(), identity.notBefore, identity.notAfter, address)
  return { ca, trustDomain: identity.trustDomain }
}

function checkTime(now: number, notBefore: number, notAfter: number, address: string): void {
  if (now >= notBefore && now <= notAfter) return
  const span = `${new Date(notBefore).toISOString()} to ${new Date(notAfter).toISOString()}`
  throw new YizhanError(
    'clock_skew',
    `the certificate of ${address} is valid from ${span}, and here it is ${new Date(now).toISOString()}`,
    { hint: 'set the clock of this machine, then try again' },
  )
}

function spkiSha256(certificate: X509Certificate): Buffer {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest()
}

/** The certificates that the server sends, leaf first. */
function fetchChain(clock: Clock, address: string, signal: AbortSignal): Promise<X509Certificate[]> {
  const { host, port } = splitAddress(address)
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      host,
      port,
      servername: 'center',
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
      // Only to see the chain, which is checked by hand above; nothing is written to this socket.
      rejectUnauthorized: false,
    })
    const fail = (error: unknown) => finish(() => reject(error))
    const finish = (settle: () => void) => {
      cancelTimeout()
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      settle()
    }
    const onAbort = () => fail(signal.reason)
    const cancelTimeout = clock.after(TIMEOUT_MS, () =>
      fail(new YizhanError('unavailable', `${address} did not answer within ${TIMEOUT_MS} ms`)),
    )
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    socket.once('secureConnect', () => {
      const chain = chainOf(socket.getPeerCertificate(true))
      finish(() => resolve(chain))
    })
    socket.on('error', (cause) =>
      fail(new YizhanError('unavailable', `no TLS connection to ${address}: ${cause.message}`, { cause })),
    )
    socket.once('close', () => fail(new YizhanError('unavailable', `${address} closed the connection`)))
  })
}

function chainOf(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = []
  const seen = new Set<DetailedPeerCertificate>()
  // A self-signed certificate is its own issuer; a peer without a certificate gives an empty object.
  for (let next: DetailedPeerCertificate | undefined = leaf; next?.raw && !seen.has(next); ) {
    seen.add(next)
    chain.push(new X509Certificate(next.raw))
    next = next.issuerCertificate
  }
  return chain
}

function splitAddress(address: string): { host: string; port: number } {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address)
  const host = parts?.[1] ?? parts?.[2]
  if (host === undefined) throw new YizhanError('config_invalid', `${address} is not of the form host:port`)
  return { host, port: Number(parts?.[3]) }
}
