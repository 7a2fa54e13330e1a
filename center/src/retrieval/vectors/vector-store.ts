import type { TenantId } from '@yizhan/kernel'

export interface StoredVector {
  /** SHA-256 in hex of the text that it was made of. */
  readonly id: string
  /** Of length 1. */
  readonly vector: Float32Array
}

export interface Neighbour {
  readonly id: string
  /** Cosine, -1 to 1. */
  readonly similarity: number
}

/** Where vectors of the tenants' passages lie. Each tenant has a space of its own; no method reads two. */
export interface VectorStore {
  /** Those of another dimension than the tenant's others are refused with `invalid_argument`; `clear` comes first then. */
  put(tenant: TenantId, vectors: readonly StoredVector[]): Promise<void>
  /** Unknown ids are passed over. */
  delete(tenant: TenantId, ids: readonly string[]): Promise<void>
  /** Of the tenant's vectors; undefined without any. */
  dimensions(tenant: TenantId): Promise<number | undefined>
  /** Every id that has a vector. */
  ids(tenant: TenantId): Promise<ReadonlySet<string>>
  /** At most `count`, the nearest first; none if the tenant has no vectors of this dimension. */
  nearest(tenant: TenantId, vector: Float32Array, count: number): Promise<readonly Neighbour[]>
  /** Everything of a tenant. */
  clear(tenant: TenantId): Promise<void>
  close(): Promise<void>
}
