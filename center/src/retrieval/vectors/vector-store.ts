import { type TenantId, YizhanError } from '@yizhan/kernel'

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

/** What makes the vectors of a store: those of another model cannot be compared with them. */
export interface VectorModel {
  readonly name: string
  readonly dimensions: number
}

/**
 * Where vectors of the tenants' passages lie, opened for one model. Each tenant has a space of its own; no method reads
 * two. Vectors of another dimension are refused with `invalid_argument`; a store that cannot be reached throws
 * `unavailable`, `deadline_exceeded` or `backend_failed` within its own time-outs, and is well again by itself.
 */
export interface VectorStore {
  /** Reaches the store and makes it fit; what could not be done then is done by the first call that needs it. */
  prepare(): Promise<void>
  /** In place of those with the same ids. */
  put(tenant: TenantId, vectors: readonly StoredVector[]): Promise<void>
  /** Unknown ids are passed over. */
  delete(tenant: TenantId, ids: readonly string[]): Promise<void>
  /** Every id that has a vector. */
  ids(tenant: TenantId): Promise<ReadonlySet<string>>
  /** At most `count`, the nearest first. */
  nearest(tenant: TenantId, vector: Float32Array, count: number): Promise<readonly Neighbour[]>
  /** Those of whom anything is held, made by whatever model. */
  tenants(): Promise<readonly TenantId[]>
  /** Deletes what other models made of a tenant's passages. */
  dropFormer(tenant: TenantId): Promise<void>
  /** Deletes everything of a tenant, made by whatever model. */
  clear(tenant: TenantId): Promise<void>
  close(): Promise<void>
}

/** Throws `invalid_argument` for a vector that is not of the model's dimension. */
export function checkDimensions({ dimensions }: VectorModel, vectors: readonly Float32Array[]): void {
  const other = vectors.find(({ length }) => length !== dimensions)
  if (other) {
    throw new YizhanError(
      'invalid_argument',
      `a vector of ${other.length} numbers among those of ${dimensions}`,
    )
  }
}
