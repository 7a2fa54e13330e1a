import { join } from 'node:path'
import type { Frame } from './frame.js'
import type { JournalHost } from './host.js'
import { type Segment, segmentName, walkFrames } from './segment.js'

/** Two: whoever reads on, and what that looks up further back. */
const KEPT = 2

/** The frames of segments, read and checked; of the last two that have ended they stay in memory until `clear`. */
export class WalkedSegments {
  readonly #host: JournalHost
  readonly #dir: string
  readonly #epoch: bigint
  #kept: { readonly index: number; readonly frames: Promise<readonly Frame[]> }[] = []

  constructor(host: JournalHost, dir: string, epoch: bigint) {
    this.#host = host
    this.#dir = dir
    this.#epoch = epoch
  }

  /** None if the segment is gone. `isWritten`: it still grows. */
  frames({ index }: Segment, isWritten: boolean): Promise<readonly Frame[]> {
    if (isWritten) return this.#walk(index)
    const known = this.#kept.find((one) => one.index === index)
    const used = known ?? { index, frames: this.#walk(index) }
    this.#kept = [used, ...this.#kept.filter((one) => one !== used)].slice(0, KEPT)
    // A read that failed may do the next time.
    used.frames.catch(() => this.clear())
    return used.frames
  }

  /** Some were rewritten, or nobody has read for a while. */
  clear(): void {
    this.#kept = []
  }

  async #walk(index: number): Promise<readonly Frame[]> {
    const bytes = await this.#host.read(join(this.#dir, segmentName(index)))
    return bytes ? walkFrames(bytes, this.#epoch, index).frames : []
  }
}
