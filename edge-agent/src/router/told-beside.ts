import type { ReplyContent, Turn } from '../ledger/index.js'
import type { Replies } from './port.js'

interface Telling {
  readonly text: string
  readonly told: () => Promise<void>
}

/** Tells something beside the first reply of a turn: a notice that nothing waits for. */
export class TellingReplies implements Replies {
  readonly #replies: Replies
  readonly #telling = new Map<string, Telling>()

  constructor(replies: Replies) {
    this.#replies = replies
  }

  /** `told` is called once the reply that says it is durable. */
  tell(turnId: string, text: string, told: () => Promise<void>): void {
    this.#telling.set(turnId, { text, told })
  }

  /** The turn has ended, maybe without a reply. */
  ended(turnId: string): void {
    this.#telling.delete(turnId)
  }

  notice(turn: Turn, content: ReplyContent): Promise<Turn> {
    return this.#say(turn, content, (told) => this.#replies.notice(turn, told))
  }

  final(turn: Turn, content: ReplyContent): Promise<Turn> {
    return this.#say(turn, content, (told) => this.#replies.final(turn, told))
  }

  delta(...[turn, delta]: Parameters<Replies['delta']>): void {
    this.#replies.delta(turn, delta)
  }

  async #say(
    turn: Turn,
    content: ReplyContent,
    say: (content: ReplyContent) => Promise<Turn>,
  ): Promise<Turn> {
    const telling = this.#telling.get(turn.id)
    if (!telling || content.card) return say(content)
    const next = await say({ ...content, text: `${content.text}\n\n${telling.text}` })
    this.#telling.delete(turn.id)
    await telling.told()
    return next
  }
}
