import type { ChannelAdapter, Delta } from '../channels/port.js'
import type { Turn } from '../ledger/turn.js'
import type { OutgoingPolicy } from './policy.js'

interface Stream {
  readonly attempt: number
  readonly filter: ((piece: string) => string) | undefined
  /** Of the last piece that was shown. */
  seq: number
  /** What a slow client has not been given yet; goes out in front of the next piece. */
  held: string
}

/**
 * The running answers. Pieces are numbered here, as they are shown: what the policy holds back or a slow client does
 * not take yet leaves no gap, it comes with a later piece or with the final.
 */
export class Streams {
  readonly #policy: OutgoingPolicy | undefined
  readonly #streams = new Map<string, Stream>()

  constructor(policy: OutgoingPolicy | undefined) {
    this.#policy = policy
  }

  show(adapter: ChannelAdapter, turn: Turn, delta: Delta): void {
    const stream = this.#streamOf(turn, delta.attempt)
    if (!stream) return
    const text = stream.held + (stream.filter ? stream.filter(delta.text) : delta.text)
    if (text === '') return
    const taken = adapter.delta(turn, { attempt: stream.attempt, seq: stream.seq + 1, text })
    stream.held = taken ? '' : text
    if (taken) stream.seq++
  }

  /** The turn has its final, or never will. */
  end(turnId: string): void {
    this.#streams.delete(turnId)
  }

  get size(): number {
    return this.#streams.size
  }

  /** Undefined for a late piece of a superseded attempt. */
  #streamOf(turn: Turn, attempt: number): Stream | undefined {
    const known = this.#streams.get(turn.id)
    if (known && known.attempt === attempt) return known
    if (known && known.attempt > attempt) return undefined
    const stream = { attempt, filter: this.#policy?.stream(turn), seq: 0, held: '' }
    this.#streams.set(turn.id, stream)
    return stream
  }
}
