import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 4_096

/** Random bytes, drawn in blocks: a draw for each value costs more than half its cipher. None is handed out twice. */
export class NoncePool {
  readonly #pool = new Uint8Array(POOL_BYTES)
  #used = POOL_BYTES

  /** Valid until the next call. */
  take(bytes: number): Uint8Array {
    if (this.#used + bytes > POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const from = this.#used
    this.#used += bytes
    return this.#pool.subarray(from, this.#used)
  }
}
