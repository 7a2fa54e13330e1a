import type { KeyObject } from 'node:crypto'
import type { EdgeId, TenantId } from '@yizhan/kernel'
import type { SignedDesiredState, SigningKey } from '@yizhan/proto'

/** What the center knows of an edge. The tenants of an edge come from here, never from a message. */
export interface EdgeEntry {
  readonly edgeId: EdgeId
  readonly tenants: readonly TenantId[]
  readonly site: string
  readonly revoked: boolean
  readonly enrolledAt: number
  readonly journalEpoch?: string
  readonly linkGeneration: number
  readonly appliedRevision: number
  readonly rejected?: { readonly revision: number; readonly code: string; readonly message: string }
  readonly lastSeenAt: number
  readonly agentVersion?: string
}

export interface EdgeRegistry {
  /** From memory; durable changes keep it current. */
  get(edge: EdgeId): EdgeEntry | undefined
  list(): readonly EdgeEntry[]
  /** Whether a certificate with this key (SHA-256 of its SPKI, hex) may speak for the edge; false if revoked or unknown. */
  keyCounts(edge: EdgeId, spkiSha256: string): boolean
  /** Persists and returns the next link generation of the edge; `not_found`, `permission_denied` if revoked. */
  openLink(
    edge: EdgeId,
    hello: { readonly journalEpoch: string; readonly agentVersion: string; readonly site: string },
  ): Promise<{ readonly generation: number; readonly epochChanged: boolean }>
  noteApplied(edge: EdgeId, revision: number): Promise<void>
  noteRejected(edge: EdgeId, revision: number, code: string, message: string): Promise<void>
  /** In memory; written with the next durable change. */
  noteSeen(edge: EdgeId): void
  setTenants(edge: EdgeId, tenants: readonly TenantId[]): Promise<void>
  revoke(edge: EdgeId, actor: string): Promise<void>
  /** Called after a revocation is durable. Returns the unsubscribe. */
  onRevoked(fn: (edge: EdgeId) => void): () => void
}

/** Signs desired states and bundle manifests (Ed25519). */
export interface Signer {
  readonly current: { readonly keyId: string; readonly privateKey: KeyObject }
  /** Every key that edges shall trust now. */
  readonly publicKeys: readonly SigningKey[]
}

export interface DesiredStates {
  /** The signed state that this edge shall run now; its revision grows only when the content changes. */
  current(edge: EdgeId): Promise<SignedDesiredState & { readonly revision: number }>
  /** Called when the states of these edges may have changed. */
  onChange(fn: (edges: readonly EdgeId[]) => void): () => void
}

/** What the desired state asks of the tenants' side. */
export interface TenantBundles {
  /** The bundle in force for a tenant; undefined before its first apply. */
  current(tenant: TenantId):
    | {
        readonly digest: string
        readonly sizeBytes: number
        /** How long an edge may keep what it holds of the tenant's people without the center; 0 or left out: for ever. */
        readonly offlineLeaseMs?: number
      }
    | undefined
  onChange(fn: (tenant: TenantId) => void): () => void
}

/** Bundles on the center's disk, by digest. */
export interface BundleFiles {
  manifest(digest: string): Promise<
    | {
        readonly manifest: Uint8Array
        readonly signature: Uint8Array
        readonly keyId: string
        readonly tenant: TenantId
      }
    | undefined
  >
  /** Absolute path of a file that the manifest lists; undefined if it lists no such file. */
  file(digest: string, path: string): Promise<{ readonly path: string; readonly size: number } | undefined>
}
