import { type Clock, type Logger, type SealedFiles, YizhanError } from '@yizhan/kernel'
import { create, Enrollment, EnrollRequestSchema, PROTOCOL } from '@yizhan/proto'
import { openEnrolmentChannel } from './center-channel.js'
import { signingRequest } from './edge-key.js'
import { acceptIdentity, type HeldIdentity } from './held-identity.js'
import { openIdentityStore } from './identity-store.js'
import { parseJoinToken } from './join-token.js'
import { findPinnedCenter } from './pinned-center.js'
import { rpcError } from './rpc-error.js'

export interface EnrolConfig {
  /** host:port of the center's enrolment listener. */
  readonly enrollAddress: string
  /** `yzj1.<secret>.<pin>`. */
  readonly token: string
  /** Where the identity is kept. */
  readonly dir: string
  readonly agentVersion: string
  readonly signal: AbortSignal
}

const CALL_MS = 20_000

/**
 * Joins this edge to the center that the token pins, and keeps the identity that it got. Safe to repeat: the key is
 * kept until an answer has arrived, and the same token with the same key gets the same certificate. Throws
 * `unauthenticated` before anything is sent if the server is not the pinned center.
 */
export async function enrol(
  { clock, log, files }: { clock: Clock; log: Logger; files: SealedFiles },
  { enrollAddress, token, dir, agentVersion, signal }: EnrolConfig,
): Promise<HeldIdentity> {
  const { secret, caSpkiSha256 } = parseJoinToken(token)
  const store = await openIdentityStore({ clock, log, files }, dir)
  const center = await findPinnedCenter(clock, enrollAddress, caSpkiSha256, signal)
  const key = await store.enrolmentKey()
  const client = openEnrolmentChannel(enrollAddress, center.ca, center.trustDomain)
  try {
    const request = create(EnrollRequestSchema, {
      protocol: PROTOCOL,
      token: secret,
      csrDer: signingRequest(key),
      agentVersion,
    })
    const answer = await client.unary(Enrollment.method.enroll, request, CALL_MS, signal).catch((thrown) => {
      throw rpcError(thrown)
    })
    if (!answer.identity) throw new YizhanError('unauthenticated', 'the center answered without an identity')
    const identity = acceptIdentity(answer.identity, key)
    if (identity.trustDomain !== center.trustDomain) {
      throw new YizhanError('unauthenticated', 'the center gave an identity of another trust domain')
    }
    await store.save(identity)
    log.info({ edge: identity.edgeId, trustDomain: identity.trustDomain }, 'this edge has joined the center')
    return identity
  } finally {
    client.close()
  }
}
