import { type Ledger, questionOf, type ReplyContent, type Turn } from '../ledger/index.js'
import type { Replies } from './port.js'

/** Makes the final of a turn that a person had started again one that quotes its question: others may stand between. */
export class QuotingReplies implements Replies {
  readonly #ledger: Pick<Ledger, 'get'>
  readonly #replies: Replies

  constructor({ ledger, replies }: { ledger: Pick<Ledger, 'get'>; replies: Replies }) {
    this.#ledger = ledger
    this.#replies = replies
  }

  notice(turn: Turn, content: ReplyContent): Promise<Turn> {
    return this.#replies.notice(turn, content)
  }

  final(turn: Turn, content: ReplyContent): Promise<Turn> {
    const now = this.#ledger.get(turn.id) ?? turn
    const { mended, successorOf, ticket } = now
    const isLate =
      successorOf !== undefined || mended?.asked !== undefined || (mended && ticket !== undefined)
    return this.#replies.final(turn, isLate ? { ...content, ...lateBy(now, content) } : content)
  }

  delta(...[turn, delta]: Parameters<Replies['delta']>): void {
    this.#replies.delta(turn, delta)
  }
}

/** What a late final says besides its text. */
export function lateBy(turn: Turn, content: Partial<ReplyContent>): Pick<ReplyContent, 'quoted' | 'ticket'> {
  return {
    quoted: content.quoted ?? questionOf(turn),
    ...(turn.ticket === undefined ? {} : { ticket: turn.ticket }),
  }
}
