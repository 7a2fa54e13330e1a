import type { Clock, Logger } from '@yizhan/kernel'
import type { Ballast } from './ballast.js'
import type { JournalHost } from './segments/index.js'

const SAMPLE_MS = 1_000

export interface RoomDeps {
  readonly host: Pick<JournalHost, 'freeBytes'>
  readonly ballast: Ballast
  readonly clock: Clock
  readonly log: Logger
}

export interface RoomConfig {
  readonly dir: string
  readonly minFreeBytes: number
  readonly ballastBytes: number
}

/** How much the disk still takes, looked at once a second while somebody asks. */
export class Room {
  readonly #deps: RoomDeps
  readonly #config: RoomConfig
  #tight = false
  #free = 0
  #sampledAt = Number.NEGATIVE_INFINITY

  constructor(deps: RoomDeps, config: RoomConfig) {
    this.#deps = deps
    this.#config = config
  }

  /** Too little is left for new work. */
  isTight(): boolean {
    if (this.#deps.clock.monotonic() - this.#sampledAt >= SAMPLE_MS) {
      this.look().catch((thrown: unknown) => {
        this.#deps.log.warn({ err: thrown }, 'free space could not be read')
      })
    }
    return this.#tight
  }

  /** Whether so much more would leave enough for new work. */
  hasFor(bytes: number): boolean {
    return this.#free >= this.#config.minFreeBytes + bytes
  }

  /** Looks at the free space now; restores the ballast once there is plenty again. */
  async look(): Promise<void> {
    const { host, ballast, clock, log } = this.#deps
    const { dir, minFreeBytes, ballastBytes } = this.#config
    this.#sampledAt = clock.monotonic()
    const free = await host.freeBytes(dir)
    const enough = free >= (this.#tight ? minFreeBytes + 2 * ballastBytes : minFreeBytes)
    if (enough) await ballast.restore()
    if (enough === this.#tight) log.warn({ free }, enough ? 'space is back' : 'space is short')
    this.#tight = !enough
    this.#free = free
  }

  /** The disk has shown to be full. With `give` the ballast is given up; false if there was none or it is not to go. */
  async full(give: boolean): Promise<boolean> {
    this.#tight = true
    this.#free = 0
    return give && (await this.#deps.ballast.drop())
  }
}
