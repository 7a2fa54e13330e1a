import type { Clock } from '@yizhan/kernel'

/** Records of one read that are read where they are asked for; more go to LevelDB's threads. */
const FEW = 16
/** From this many milliseconds a read has waited for the disk. */
const SLOW_MS = 1
/** So many reads after a slow one go to the threads, which may wait. */
const THREADED = 64

/**
 * Whether a read is done on the calling thread. Of what lies in memory, the system's included, a record takes some 8 µs, and
 * to hand a read to another thread and back takes 30 to 130 (two cores, Node 20). A disk that lets reads wait gets them in
 * threads.
 */
export class ReadPace {
  readonly #clock: Pick<Clock, 'monotonic'>
  #threaded = 0

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  async read<T>(records: number, here: () => T, threaded: () => Promise<T>): Promise<T> {
    if (records > FEW) return threaded()
    if (this.#threaded > 0) {
      this.#threaded -= 1
      return threaded()
    }
    const begun = this.#clock.monotonic()
    try {
      return here()
    } finally {
      if (this.#clock.monotonic() - begun > SLOW_MS) this.#threaded = THREADED
    }
  }
}
