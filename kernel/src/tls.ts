import type { SecureVersion } from 'node:tls'

/**
 * Makes TLS 1.3 the least that this process speaks, for servers and clients that say nothing else. grpc-js offers
 * no setting of its own: `createSsl` has no minVersion, and its certificate providers accept 1.2 whatever the cipher
 * suites. Called once, with `node:tls` itself, before anything opens a socket.
 */
export function requireTls13(tls: { DEFAULT_MIN_VERSION: SecureVersion }): void {
  tls.DEFAULT_MIN_VERSION = 'TLSv1.3'
}

/** For clients of hosts that are not ours (IM platforms, model servers), many of which stop at TLS 1.2. */
export const outboundTls = { minVersion: 'TLSv1.2' } as const satisfies { minVersion: SecureVersion }
