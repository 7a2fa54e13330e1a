import type { Sealer } from '@yizhan/kernel'
import type { Frame } from './frame.js'
import { openPayloads } from './payload.js'

/** Of opened records in memory, about: those of some thousand turns. */
const MAX_BYTES = 2 << 20

interface Opened {
  readonly records: readonly Buffer[]
  readonly bytes: number
}

/** Where the frames lie. */
interface Place {
  readonly epoch: bigint
  readonly segment: number
}

/**
 * Opens frames and keeps the last of them open, at most 2 MiB: who reads on from the middle of a frame, or looks up how the
 * turn of each record began, would have the same ones opened again and again.
 */
export class OpenedFrames {
  readonly #sealer: Sealer
  /** The longest unused first. */
  readonly #kept = new Map<string, Opened>()
  #bytes = 0
  /** Grows with each `clear`: what was being opened then is not kept. */
  #generation = 0

  constructor(sealer: Sealer) {
    this.#sealer = sealer
  }

  /** The records of each frame; undefined for those whose seal does not hold or whose key is not there any more. */
  async open(place: Place, frames: readonly Frame[]): Promise<(readonly Buffer[] | undefined)[]> {
    const keys = frames.map(({ first }) => `${place.segment}/${first}`)
    const known = keys.map((key) => this.#use(key))
    const missing = frames.filter((_, i) => !known[i])
    if (missing.length === 0) return known.map((one) => one?.records)
    const generation = this.#generation
    const opened = await openPayloads(this.#sealer, place, missing)
    let at = 0
    return frames.map((_, i) => {
      const had = known[i]
      if (had) return had.records
      const records = opened[at++]
      if (records && generation === this.#generation) this.#keep(keys[i] as string, records)
      return records
    })
  }

  /** Some were rewritten, or nobody has read for a while. */
  clear(): void {
    this.#generation += 1
    this.#kept.clear()
    this.#bytes = 0
  }

  #use(key: string): Opened | undefined {
    const one = this.#kept.get(key)
    if (!one) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, one)
    return one
  }

  #keep(key: string, records: readonly Buffer[]): void {
    const bytes = records.reduce((sum, { length }) => sum + length, 0)
    this.#bytes += bytes - (this.#kept.get(key)?.bytes ?? 0)
    this.#kept.delete(key)
    this.#kept.set(key, { records, bytes })
    for (const [oldest, { bytes: freed }] of this.#kept) {
      if (this.#bytes <= MAX_BYTES) break
      this.#kept.delete(oldest)
      this.#bytes -= freed
    }
  }
}
