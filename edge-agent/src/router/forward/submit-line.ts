import type { ForwardedTurn } from './forwarded-turn.js'

/**
 * The line to the uplink, in the order in which turns were received. Several are prepared at once (their records share
 * an fsync), but they are handed over in order.
 */
export class SubmitLine {
  readonly #prepare: (one: ForwardedTurn) => Promise<void>
  readonly #submit: (one: ForwardedTurn) => void
  readonly #waiting: ForwardedTurn[] = []
  readonly #started = new Set<ForwardedTurn>()
  #handing: Promise<void> = Promise.resolve()

  /** Neither may fail. */
  constructor(prepare: (one: ForwardedTurn) => Promise<void>, submit: (one: ForwardedTurn) => void) {
    this.#prepare = prepare
    this.#submit = submit
  }

  get length(): number {
    return this.#waiting.length
  }

  add(one: ForwardedTurn): void {
    let at = this.#waiting.length
    while (at > 0 && (this.#waiting[at - 1]?.turn.receivedSeq ?? 0) > one.turn.receivedSeq) at -= 1
    this.#waiting.splice(at, 0, one)
  }

  /** Hands turns over until `max` are with the uplink. */
  start(max: number): void {
    while (this.#started.size < max) {
      const one = this.#waiting.shift()
      if (!one) return
      if (!one.isLive) continue
      this.#started.add(one)
      const prepared = this.#prepare(one)
      this.#handing = this.#handing.then(() => prepared).then(() => this.#submit(one))
    }
  }

  /** A turn is no longer with the uplink, nor in line. */
  left(one: ForwardedTurn): void {
    this.#started.delete(one)
    const at = this.#waiting.indexOf(one)
    if (at >= 0) this.#waiting.splice(at, 1)
  }
}
