import type { Message } from '@yizhan/proto'
import type {
  DeliveredParts,
  Feedback,
  Reply,
  ReplyContent,
  ReplyKind,
  ReplyState,
  Turn,
  TurnState,
} from './turn.js'

export type Received =
  | { readonly outcome: 'accepted'; readonly turn: Turn }
  | { readonly outcome: 'duplicate'; readonly turnId: string }

export interface Transition {
  readonly to: TurnState
  readonly cause: string
  /** `edge`, `center`, or the id of the person who asked for it. Default `edge`. */
  readonly actor?: string
  readonly ticket?: string
}

/** What an asker says of a final; `none` takes back what was said before. */
export interface Rating {
  readonly rating: Feedback['rating'] | 'none'
  readonly reason: string
  /** Wall clock, milliseconds. */
  readonly at: number
  /** `receivedSeq` of the event that says it. */
  readonly by: number
}

/** Whether an account is of a person that is meant. */
export type WhoseAccount = (tenant: string, channel: string, sender: string) => boolean

/**
 * The turns of this edge: the truth until a turn is terminal. Every call that changes a turn resolves once the change
 * is durable (group commit), except where said; an illegal transition throws `conflict`.
 */
export interface Ledger {
  /** Records an inbound message, unless (tenant, channel, platform id) is known. Resolves after the fsync. */
  receive(message: Message): Promise<Received>
  transition(turnId: string, transition: Transition): Promise<Turn>
  /** Records the notice or final with its text in state `pending`; a second one of the same kind throws `conflict`. */
  addReply(turnId: string, kind: ReplyKind, content: ReplyContent): Promise<Turn>
  /**
   * Moves a reply on; `pending`, `sent` and `confirmed`, and the `done` that follows them, are not waited for by fsync (a
   * crash re-sends under the same id). `delivered`: parts of a long text that need not go out again.
   */
  replyState(turnId: string, kind: ReplyKind, state: ReplyState, delivered?: DeliveredParts): Promise<Turn>
  /**
   * Keeps what the asker says of a turn's final, also of a settled turn. Of several the one that was received last counts,
   * in whatever order they come here. `not_found` once the turn is no longer in memory.
   */
  rate(turnId: string, rating: Rating): Promise<Turn>
  get(turnId: string): Turn | undefined
  /** Turns that are not terminal, or whose reply is not settled, in the order in which they were received. */
  open(): Turn[]
  /** Recent turns, newest first, for status pages. */
  recent(limit: number): Turn[]
  /** Called after each durable change. Returns the unsubscribe. */
  onChange(fn: (turn: Turn, change: { state?: TurnState; reply?: Reply }) => void): () => void
  /**
   * Takes what was said out of turns, in memory and in every file; who said it where stays, for a reply under way.
   * Unknown turns are passed over.
   */
  blank(turnIds: readonly string[]): Promise<void>
  /**
   * Takes everything of persons out of their turns that have ended, in memory and in every file, and what others quoted
   * of them. Ids, states and what de-duplicates stay. Rejects with the signal's reason; what was done by then stays done.
   */
  erase(
    whose: WhoseAccount,
    signal: AbortSignal,
  ): Promise<{ readonly turns: number; readonly records: number }>
  /** Random incarnation of the journal on this disk. */
  readonly epoch: bigint
}
