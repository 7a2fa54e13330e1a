import type { SignedAnchor } from './anchor.js'

/** A place off the center's data that keeps anchors. */
export interface AnchorTarget {
  /** The same as long as the settings name the same place: kind and a digest of the address. */
  readonly id: string
  /** Anchors that one call takes. */
  readonly maxBatch: number
  /** Resolves once the place has them, as far as it tells. Throws `unavailable`, `storage_failed`, `disk_full`. */
  send(anchors: readonly SignedAnchor[], signal: AbortSignal): Promise<void>
  close(): Promise<void>
}
