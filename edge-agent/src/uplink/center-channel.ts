import type { X509Certificate } from 'node:crypto'
import { createSecureContext, type PeerCertificate } from 'node:tls'
import { type ChannelOptions, credentials } from '@grpc/grpc-js'
import { parseIdentity, toYizhanError, YizhanError } from '@yizhan/kernel'
import { RpcClient, WIRE_LIMITS } from '@yizhan/proto'
import { ClosingCredentials } from './closing-credentials.js'
import type { HeldIdentity } from './held-identity.js'

/** The name sent in SNI: the center is known by its URI, whatever host or address it is reached at. */
const SERVER_NAME = 'center'

const OPTIONS: ChannelOptions = {
  ...WIRE_LIMITS,
  'grpc.ssl_target_name_override': SERVER_NAME,
  // Every channel is a connection of its own: make-before-break, and the backoff is the link's alone.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  // With the link's own heartbeat: a half-open connection is seen within 45 s.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
}

/** A mutually authenticated channel to the center of the identity's trust domain. Nothing is sent before a call. */
export function openLinkChannel(
  address: string,
  identity: HeldIdentity,
  options: ChannelOptions = {},
): RpcClient {
  const context = createSecureContext({
    minVersion: 'TLSv1.3',
    ca: identity.ca.map((one) => one.toString()),
    key: identity.key.export({ type: 'pkcs8', format: 'pem' }),
    cert: identity.certificate.toString(),
  })
  const creds = credentials.createFromSecureContext(context, {
    checkServerIdentity: (_host, peer) => checkCenter(peer, identity.trustDomain),
  })
  return new RpcClient(address, new ClosingCredentials(creds), { ...OPTIONS, ...options })
}

/** A server-authenticated channel to a center whose certificate `ca` issued; for enrolment. */
export function openEnrolmentChannel(address: string, ca: X509Certificate, trustDomain: string): RpcClient {
  const context = createSecureContext({ minVersion: 'TLSv1.3', ca: ca.toString() })
  const creds = credentials.createFromSecureContext(context, {
    checkServerIdentity: (_host, peer) => checkCenter(peer, trustDomain),
  })
  return new RpcClient(address, new ClosingCredentials(creds), OPTIONS)
}

/** Called by TLS after the chain was verified; an error ends the connection before anything is sent. */
function checkCenter(peer: PeerCertificate, trustDomain: string): Error | undefined {
  try {
    const identity = parseIdentity(peer.raw)
    if (identity.kind === 'center' && identity.trustDomain === trustDomain) return undefined
    return new YizhanError(
      'unauthenticated',
      `the server is ${identity.uri}, not the center of ${trustDomain}`,
    )
  } catch (thrown) {
    return toYizhanError(thrown, 'unauthenticated')
  }
}
