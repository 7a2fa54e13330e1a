import type { EdgeId, TenantId } from '@yizhan/kernel'
import type { SigningKey, SubjectReport } from '@yizhan/proto'
import type { Source, Uploaded, UploadStart } from '../ledger/index.js'

/** The center's own key and certificate and the CAs that it trusts, PEM; `ca` may hold several. */
export interface TlsMaterial {
  readonly key: string | Buffer
  /** The leaf first, then what stands between it and the CA. */
  readonly cert: string | Buffer
  readonly ca: string | Buffer
}

/** TLS material that may be exchanged while the listeners serve. */
export interface TlsSource {
  current(): TlsMaterial
  /** Called after a change; returns the unsubscribe. */
  onChange(fn: () => void): () => void
}

/** What an edge gets with its certificate. */
export interface IssuedIdentity {
  readonly edgeId: string
  readonly trustDomain: string
  readonly certificateDer: Uint8Array
  readonly caDer: readonly Uint8Array[]
  readonly signingKeys: readonly SigningKey[]
}

/** Gives certificates. Tells refusals by `invalid_argument`, `permission_denied`, `conflict`, `overloaded`. */
export interface Enrollment {
  /** The same token with the same key within its window gets the same certificate. */
  enroll(request: {
    readonly token: string
    readonly csrDer: Uint8Array
    readonly agentVersion: string
    /** Where the call came from, for the record only. */
    readonly address: string
  }): Promise<IssuedIdentity>
  /** A new certificate for an edge that has shown a valid one. */
  renew(edge: EdgeId, csrDer: Uint8Array): Promise<IssuedIdentity>
}

/** Keeps what persons said of their data. */
export interface SubjectReports {
  /** Durable when it resolves; the same report of the same edge counts once. The tenant is one that the edge serves. */
  take(edge: EdgeId, tenant: TenantId, report: SubjectReport): Promise<void>
}

/** Keeps what edges upload of their turns. */
export interface TurnUploads {
  /** Durable when it resolves: how far the center is, and what was open in earlier journals of the edge. */
  open(source: Source): Promise<UploadStart>
  /** Durable when it resolves with the position that is reached; the same again changes nothing. */
  take(source: Source, records: readonly Uploaded[]): Promise<bigint>
}
