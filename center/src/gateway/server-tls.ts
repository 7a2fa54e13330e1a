import { constants } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { ServerCredentials } from '@grpc/grpc-js'
import { toYizhanError, YizhanError } from '@yizhan/kernel'
import type { TlsMaterial } from './port.js'

const HANDSHAKE_MS = 10_000

/**
 * TLS 1.3 and nothing older, said at the listener and again in every context: `setSecureContext` forgets what a new
 * context does not repeat. grpc-js's own credentials cannot say it at all.
 */
export class ListenerCredentials extends ServerCredentials {
  readonly #clientCertificates: boolean

  /** `clientCertificates`: peers must show a certificate of `ca`, good for client authentication. */
  constructor(material: TlsMaterial, clientCertificates: boolean) {
    super(
      {
        requestCert: clientCertificates,
        rejectUnauthorized: clientCertificates,
        minVersion: 'TLSv1.3',
        handshakeTimeout: HANDSHAKE_MS,
      },
      contextOf(material, clientCertificates),
    )
    this.#clientCertificates = clientCertificates
  }

  /** New handshakes use `material`; open connections stay. Throws `config_invalid` and keeps the old one if unusable. */
  reload(material: TlsMaterial): void {
    this.updateSecureContextOptions(contextOf(material, this.#clientCertificates))
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this
  }
}

function contextOf(material: TlsMaterial, clientCertificates: boolean): SecureContextOptions {
  const options: SecureContextOptions = {
    key: material.key,
    // An edge that enrols knows only the CA's hash, so the CA itself goes along.
    cert: clientCertificates ? material.cert : `${material.cert}\n${material.ca}`,
    ...(clientCertificates ? { ca: material.ca } : {}),
    minVersion: 'TLSv1.3',
    // Without tickets every connection shows its certificate anew, to the CAs trusted now.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
  try {
    // grpc-js drops every connection from the moment that a context cannot be built: find out before it does.
    createSecureContext(options)
  } catch (thrown) {
    throw new YizhanError('config_invalid', "the center's TLS key, certificate or CA is not usable", {
      cause: toYizhanError(thrown),
    })
  }
  return options
}
