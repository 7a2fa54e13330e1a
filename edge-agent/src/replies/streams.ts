import type { ChannelAdapter, Delta, Watcher } from '../channels/port.js'
import type { Turn } from '../ledger/turn.js'
import type { OutgoingPolicy } from './policy.js'

interface Stream {
  readonly turn: Turn
  readonly attempt: number
  readonly filter: ((piece: string) => string) | undefined
  /** Of the last piece that was shown. */
  seq: number
  /** What a slow client has not been given yet; goes out in front of the next piece. */
  held: string
  /** Everything up to `seq`, for who comes in the middle; undefined once it is longer than any final may be. */
  shown: string | undefined
  shownBytes: number
  /** A lower attempt stands on a screen that cannot take it back: nothing more is shown before the final. */
  readonly isMute: boolean
}

/**
 * The running answers. Pieces are numbered here, as they are shown: what the policy holds back or a slow client does
 * not take yet leaves no gap, it comes with a later piece or with the final. What was shown is kept until the end of
 * the turn, so that who comes in the middle gets it at once.
 */
export class Streams {
  readonly #policy: OutgoingPolicy | undefined
  readonly #streams = new Map<string, Stream>()

  constructor(policy: OutgoingPolicy | undefined) {
    this.#policy = policy
  }

  show(adapter: ChannelAdapter, turn: Turn, delta: Delta): void {
    const stream = this.#streamOf(turn, delta.attempt, adapter.capabilities.edit)
    if (!stream || stream.isMute) return
    const text = stream.held + (stream.filter ? stream.filter(delta.text) : delta.text)
    if (text === '') return
    const taken = adapter.delta(turn, { attempt: stream.attempt, seq: stream.seq + 1, text })
    stream.held = taken ? '' : text
    if (!taken) return
    stream.seq++
    keep(stream, text, adapter.capabilities.maxBytes)
  }

  /** Shows a newcomer what the others see of the running answers of its channel; the next pieces follow on that. */
  showTo(adapter: ChannelAdapter, watcher: Watcher): void {
    for (const { turn, attempt, seq, shown } of this.#streams.values()) {
      if (seq === 0 || shown === undefined) continue
      if (turn.message.channelId !== adapter.id || !watcher.wants(turn)) continue
      watcher.show(turn, { attempt, seq, text: shown, snapshot: true })
    }
  }

  /** Whether what was shown of the turn was superseded where it cannot be replaced. */
  isSuperseded(turnId: string): boolean {
    return this.#streams.get(turnId)?.isMute ?? false
  }

  /** The turn has its final, or never will. */
  end(turnId: string): void {
    this.#streams.delete(turnId)
  }

  get size(): number {
    return this.#streams.size
  }

  /** Undefined for a late piece of a superseded attempt. */
  #streamOf(turn: Turn, attempt: number, canEdit: boolean): Stream | undefined {
    const known = this.#streams.get(turn.id)
    if (known && known.attempt === attempt) return known
    if (known && known.attempt > attempt) return undefined
    const filter = this.#policy?.stream(turn)
    const isMute = known !== undefined && (known.isMute || (known.seq > 0 && !canEdit))
    const stream: Stream = { turn, attempt, filter, seq: 0, held: '', shown: '', shownBytes: 0, isMute }
    this.#streams.set(turn.id, stream)
    return stream
  }
}

function keep(stream: Stream, text: string, maxBytes: number): void {
  stream.shownBytes += Buffer.byteLength(text)
  stream.shown = stream.shownBytes > maxBytes ? undefined : (stream.shown ?? '') + text
}
