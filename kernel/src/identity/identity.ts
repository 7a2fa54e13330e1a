import { asEdgeId, type EdgeId } from '../ids.js'
import { sha256Hex } from '../json.js'
import { type CertificateParts, readCertificate } from './certificate.js'
import { refuseCertificate } from './der.js'

interface CertificateFacts {
  readonly trustDomain: string
  /** The one URI name, `spiffe://…`. */
  readonly uri: string
  /** Milliseconds since the Unix epoch; the caller compares them, at every message. */
  readonly notBefore: number
  readonly notAfter: number
  /** Lower-case hex, two digits a byte, no leading zero byte. */
  readonly serial: string
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string
}

/** Who a certificate speaks for. */
export type Identity =
  | (CertificateFacts & { readonly kind: 'edge'; readonly edgeId: EdgeId })
  | (CertificateFacts & { readonly kind: 'center' })

const URI = 0x86
const DNS = 0x82
const IP = 0x87
const MAX_URI_BYTES = 255
// Lower case, no percent, quote, port, user, query, fragment or empty part: what is not listed is refused.
const FORM = /^spiffe:\/\/([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)\/(?:(center)|edge\/([a-z0-9-]+))$/

/**
 * Reads an identity from a certificate's DER: exactly one SubjectAltName extension with exactly one URI,
 * `spiffe://<trust-domain>/edge/<edge-id>` (and no other name) or `spiffe://<trust-domain>/center` (DNS names and
 * addresses beside it). Throws `unauthenticated`. The signature and the dates are TLS's and the caller's to check.
 */
export function parseIdentity(der: Uint8Array): Identity {
  const parts = readCertificate(der)
  const uri = theUri(parts.altNames)
  const [, trustDomain, center, edge] = FORM.exec(uri) ?? []
  if (trustDomain === undefined || trustDomain.includes('..')) {
    throw refuseCertificate('its URI is not one of ours')
  }
  const facts: CertificateFacts = {
    trustDomain,
    uri,
    notBefore: parts.notBefore,
    notAfter: parts.notAfter,
    serial: parts.serial,
    spkiSha256: sha256Hex(parts.spki),
  }
  if (center !== undefined) return { kind: 'center', ...facts }
  const edgeId = asEdgeId(edge ?? '')
  if (!edgeId) throw refuseCertificate('its edge id is not one')
  if (parts.altNames.length !== 1) throw refuseCertificate('an edge has exactly one name')
  return { kind: 'edge', edgeId, ...facts }
}

function theUri(names: CertificateParts['altNames']): string {
  const uris = names.filter((name) => name.tag === URI)
  const [only] = uris
  if (!only || uris.length > 1) throw refuseCertificate('it does not have exactly one URI name')
  if (names.some((name) => name.tag !== URI && name.tag !== DNS && name.tag !== IP)) {
    throw refuseCertificate('it has a name of a kind that is not allowed')
  }
  if (only.bytes.length > MAX_URI_BYTES) throw refuseCertificate('its URI is too long')
  return Buffer.from(only.bytes).toString('latin1')
}
