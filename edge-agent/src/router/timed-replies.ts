import type { EdgeLedger, ReplyContent, Turn } from '../ledger/index.js'
import type { Replies } from './port.js'

/** Writes into the route of each final how long its turn waited for its start and how long it took in all. */
export class TimedReplies implements Replies {
  readonly #ledger: Pick<EdgeLedger, 'waitedMs'>
  readonly #replies: Replies
  /** Turn → how long it had waited when its handler started. */
  readonly #waited = new Map<string, number>()

  constructor({ ledger, replies }: { ledger: Pick<EdgeLedger, 'waitedMs'>; replies: Replies }) {
    this.#ledger = ledger
    this.#replies = replies
  }

  /** The handler of a turn starts; a second start after a full disk counts as work. */
  began(turnId: string): void {
    if (!this.#waited.has(turnId)) this.#waited.set(turnId, this.#ledger.waitedMs(turnId))
  }

  /** The turn has ended, maybe without a final. */
  ended(turnId: string): void {
    this.#waited.delete(turnId)
  }

  notice(turn: Turn, content: ReplyContent): Promise<Turn> {
    return this.#replies.notice(turn, content)
  }

  async final(turn: Turn, content: ReplyContent): Promise<Turn> {
    const next = await this.#replies.final(turn, this.#timed(turn.id, content))
    this.ended(turn.id)
    return next
  }

  delta(...[turn, delta]: Parameters<Replies['delta']>): void {
    this.#replies.delta(turn, delta)
  }

  #timed(turnId: string, content: ReplyContent): ReplyContent {
    const { route } = content
    if (!route) return content
    const waited = this.#waited.get(turnId)
    const tookMs = rounded(this.#ledger.waitedMs(turnId))
    const timed = waited === undefined ? { tookMs } : { waitedMs: rounded(waited), tookMs }
    return { ...content, route: { ...route, ...timed } }
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
