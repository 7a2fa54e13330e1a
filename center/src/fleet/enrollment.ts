import { type Clock, type EdgeId, type Logger, parseIdentity, YizhanError } from '@yizhan/kernel'
import type { Enrollment, IssuedIdentity } from '../gateway/port.js'
import { AttemptLimiter } from './attempt-limiter.js'
import type { CertificateAuthority } from './certificate-authority.js'
import type { FleetRegistry } from './edge-registry.js'
import type { JoinTokens } from './join-tokens.js'
import type { Signer } from './port.js'
import { readSigningRequest } from './signing-request.js'

export interface EnrollmentEvent {
  readonly type: 'enrolled' | 'renewed'
  readonly edgeId: EdgeId
  /** Where the call came from; only for enrolments. */
  readonly address?: string
  /** Of the certificate, lower-case hex. */
  readonly serial: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

export interface EnrollmentDeps {
  readonly ca: CertificateAuthority
  readonly tokens: Pick<JoinTokens, 'redeem'>
  readonly registry: Pick<FleetRegistry, 'get' | 'enrol' | 'addKey'>
  readonly signer: Signer
  readonly clock: Clock
  readonly log: Logger
  /** Awaited before the certificate is given out: if it throws, there is none. */
  readonly audit?: (event: EnrollmentEvent) => Promise<void>
}

const RENEWALS_A_MINUTE = 6
const RENEWALS_OVERALL = 60_000

/**
 * The way to a certificate. `enroll` throws `invalid_argument`, `too_large`, `unauthenticated`, `permission_denied`
 * or `overloaded`, and no failure uses the token up; `renew` the same, `permission_denied` for an edge that is
 * revoked or not registered.
 */
export function createEnrollment(deps: EnrollmentDeps, config: { readonly edgeTtlMs: number }): Enrollment {
  const { ca, tokens, registry, signer, clock, log } = deps
  const { edgeTtlMs } = config
  const renewals = new AttemptLimiter({ clock }, { perSource: RENEWALS_A_MINUTE, overall: RENEWALS_OVERALL })

  const identity = (edgeId: EdgeId, certificateDer: Uint8Array): IssuedIdentity => ({
    edgeId,
    trustDomain: ca.trustDomain,
    certificateDer,
    caDer: [ca.certificateDer],
    signingKeys: signer.publicKeys,
  })

  const record = async (
    event: Pick<EnrollmentEvent, 'type' | 'edgeId' | 'address'>,
    certificateDer: Uint8Array,
  ) => {
    const { serial, notAfter, spkiSha256 } = parseIdentity(certificateDer)
    await deps.audit?.({ ...event, serial, at: clock.wall() })
    log.info({ ...event, serial, notAfter: new Date(notAfter).toISOString() }, 'an edge got a certificate')
    return { spkiSha256, notAfter }
  }

  return {
    async enroll({ token, csrDer, address }) {
      const attempt = { secret: token, remote: address }
      const { grant, certificateDer } = await tokens.redeem(attempt, ({ edgeId }) => {
        if (registry.get(edgeId)?.revoked) throw revoked(edgeId)
        const key = readSigningRequest(csrDer)
        return { spkiSha256: key.spkiSha256, issue: () => ca.issueEdgeFor(key, edgeId, edgeTtlMs) }
      })
      const { edgeId } = grant
      const key = await record({ type: 'enrolled', edgeId, address }, certificateDer)
      await registry.enrol(edgeId, { ...grant, key })
      return identity(edgeId, certificateDer)
    },

    async renew(edgeId, csrDer) {
      const entry = registry.get(edgeId)
      if (!entry) throw new YizhanError('permission_denied', `the edge ${edgeId} is not registered`)
      if (entry.revoked) throw revoked(edgeId)
      renewals.take(edgeId)
      const certificateDer = ca.issueEdge(csrDer, edgeId, edgeTtlMs)
      await registry.addKey(edgeId, await record({ type: 'renewed', edgeId }, certificateDer))
      return identity(edgeId, certificateDer)
    },
  }
}

function revoked(edgeId: EdgeId): YizhanError {
  return new YizhanError('permission_denied', `the edge ${edgeId} is revoked`)
}
