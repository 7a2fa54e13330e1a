import { type Clock, type Logger, type Running, toYizhanError } from '@yizhan/kernel'
import type { CertificateAuthority, ServerCertificate, ServerNames } from './certificate-authority.js'

const MAX_CHECK_MS = 60_000
/** A new one is made when less than this share of its life remains. */
const RENEW_SHARE = 1 / 3

/** PEM, as a TLS listener wants it. */
export interface ServerTls {
  readonly key: string
  readonly cert: string
  /** The fleet's CA. */
  readonly ca: string
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number
}

export interface ServerCertificates extends Running {
  current(): ServerTls
  /** Called after each renewal; the listener reloads. Returns the unsubscribe. */
  onChange(fn: () => void): () => void
}

/** Whether too little of its life remains, or the clock was set back to before its first day. */
export function isRenewalDue(
  certificate: Pick<ServerCertificate, 'notBefore' | 'notAfter'>,
  ttlMs: number,
  wallMs: number,
): boolean {
  return certificate.notAfter - wallMs < ttlMs * RENEW_SHARE || wallMs < certificate.notBefore
}

/**
 * The center's own certificate, renewed in time. Its key lives in memory only: a restart makes a new one, which edges
 * accept because they pin the CA. `stop` ends the renewals.
 */
export async function openServerCertificate(
  deps: {
    readonly ca: Pick<CertificateAuthority, 'issueServer' | 'certificatePem'>
    readonly clock: Clock
    readonly log: Logger
  },
  names: ServerNames,
): Promise<ServerCertificates> {
  const { ca, clock, log } = deps
  const listeners = new Set<() => void>()
  let certificate = await ca.issueServer(names)
  let stopped = false
  let cancel: () => void = () => undefined

  const renewIfDue = async () => {
    if (!isRenewalDue(certificate, names.ttlMs, clock.wall())) return
    certificate = await ca.issueServer(names)
    if (stopped) return
    log.info({ notAfter: new Date(certificate.notAfter).toISOString() }, 'the server certificate was renewed')
    for (const fn of listeners) fn()
  }
  const watch = () => {
    if (stopped) return
    // Short steps: the wall clock may jump past the moment that a long timer would wait for.
    cancel = clock.after(Math.min(MAX_CHECK_MS, names.ttlMs / 10), () => {
      renewIfDue()
        .catch((thrown: unknown) => {
          log.error({ err: toYizhanError(thrown) }, 'the server certificate was not renewed')
        })
        .finally(watch)
    })
  }
  watch()

  let end: () => void = () => undefined
  const done = new Promise<void>((resolve) => {
    end = resolve
  })
  return {
    done,
    current: () => ({
      key: certificate.keyPem,
      cert: certificate.certificatePem,
      ca: ca.certificatePem,
      notAfter: certificate.notAfter,
    }),
    onChange(fn) {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
    async stop() {
      stopped = true
      cancel()
      end()
    },
  }
}
