import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import {
  create,
  type EdgeIdentity,
  EdgeIdentitySchema,
  type EnrollRequest,
  type EnrollResponse,
  EnrollResponseSchema,
  type RenewRequest,
  type RenewResponse,
  RenewResponseSchema,
} from '@yizhan/proto'
import type { GatewayMetrics } from './gateway-metrics.js'
import type { PeerGate } from './peer.js'
import type { Enrollment, IssuedIdentity } from './port.js'
import { negotiateProtocol } from './protocol-negotiation.js'
import { toServiceError } from './service-error.js'
import { noteRefusal } from './wire-stream.js'

export interface EnrollmentDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: GatewayMetrics
  readonly enrollment: Enrollment
}

const MAX_CSR_BYTES = 4_096
const MAX_TOKEN_CHARS = 256
const MAX_ENROLLING = 8

/** Serves Enrollment.Enroll, to callers that show a token and no certificate; eight at a time. */
export function enrollHandlers(deps: EnrollmentDeps) {
  let running = 0
  const enroll = async (
    call: ServerUnaryCall<EnrollRequest, EnrollResponse>,
    callback: sendUnaryData<EnrollResponse>,
  ) => {
    const address = call.getPeer()
    try {
      if (running >= MAX_ENROLLING) {
        throw new YizhanError('overloaded', 'too many enrolments at once', {
          details: { retryAfterMs: 1_000 },
        })
      }
      const { protocol, token, csrDer, agentVersion } = call.request
      mustSpeak(protocol)
      if (token === '' || token.length > MAX_TOKEN_CHARS) {
        throw new YizhanError('invalid_argument', `token has 1 to ${MAX_TOKEN_CHARS} characters`)
      }
      mustBeCsr(csrDer)
      running += 1
      try {
        const request = { token, csrDer, agentVersion: agentVersion.slice(0, 64), address }
        const identity = identityOf(deps.clock, await deps.enrollment.enroll(request))
        callback(null, create(EnrollResponseSchema, { identity }))
      } finally {
        running -= 1
      }
    } catch (thrown) {
      callback(refusal(deps, 'enroll', address, thrown))
    }
  }
  return { enroll }
}

/** Serves Enrollment.Renew, to edges with a valid certificate. */
export function renewHandlers(deps: EnrollmentDeps & { readonly gate: PeerGate }) {
  const renew = async (
    call: ServerUnaryCall<RenewRequest, RenewResponse>,
    callback: sendUnaryData<RenewResponse>,
  ) => {
    try {
      const peer = deps.gate.admit(call)
      mustSpeak(call.request.protocol)
      mustBeCsr(call.request.csrDer)
      const issued = await deps.enrollment.renew(peer.edgeId, call.request.csrDer)
      callback(null, create(RenewResponseSchema, { identity: identityOf(deps.clock, issued) }))
    } catch (thrown) {
      callback(refusal(deps, 'renew', call.getPeer(), thrown))
    }
  }
  return { renew }
}

function identityOf(clock: Clock, issued: IssuedIdentity): EdgeIdentity {
  return create(EdgeIdentitySchema, {
    ...issued,
    caDer: [...issued.caDer],
    signingKeys: [...issued.signingKeys],
    centerTimeMs: BigInt(clock.wall()),
  })
}

function mustSpeak(protocol: number): void {
  const spoken = negotiateProtocol({ protocol, oldestProtocol: protocol })
  if (spoken instanceof YizhanError) throw spoken
}

function mustBeCsr(der: Uint8Array): void {
  if (der.length === 0) throw new YizhanError('invalid_argument', 'csr_der is missing')
  if (der.length > MAX_CSR_BYTES)
    throw new YizhanError('too_large', `csr_der is larger than ${MAX_CSR_BYTES} bytes`)
}

function refusal(deps: EnrollmentDeps, rpc: string, address: string, thrown: unknown) {
  const error = toYizhanError(thrown)
  noteRefusal(deps, rpc, address, error)
  return toServiceError(error)
}
