/**
 * Whoever holds the key-encryption key (KEK), on this machine or in a device that the key never leaves. Keys are
 * numbered by epochs from 1; the newest wraps, all open. `place` is bound into what is wrapped.
 */
export interface KekProvider {
  /** `file`, `env`, `systemd-creds`, `command`. */
  readonly id: string
  /** The newest epoch, by which `wrap` wraps. */
  epoch(): number
  /** At most 320 bytes. Throws `unavailable`, `deadline_exceeded` or `backend_failed` of a KEK that is elsewhere. */
  wrap(secret: Uint8Array, place: string): Promise<Wrapped>
  /** Throws `key_unknown` for an epoch that is not there, `data_corrupt` if key, place or any bit differs. */
  unwrap(epoch: number, wrapped: Uint8Array, place: string): Promise<Uint8Array>
  /**
   * Makes a newer epoch, or learns of one that was made elsewhere; answers the newest. Without it a newer epoch comes
   * with a restart only.
   */
  renew?(): Promise<number>
}

export interface Wrapped {
  readonly epoch: number
  readonly wrapped: Uint8Array
}
