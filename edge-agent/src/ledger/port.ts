import type { Message } from '@yizhan/proto'
import type { CommandMark } from './entries.js'
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
  /** Version of the turn that the caller acts upon: `conflict` if a person has had it started again since. Default: none. */
  readonly seen?: number
}

/** What a person wants done to a turn. */
export interface MendOrder {
  readonly command: CommandMark
  /** The person's id. */
  readonly actor: string
  /** Carried out only if the turn still has this version. */
  readonly expect: number
}

/** What is to be recorded of an order. */
export type MendPlan =
  | { readonly do: 'move'; readonly to: 'routed' | 'abandoned' | 'rerouted'; readonly cause: string }
  | { readonly do: 'answer'; readonly content: ReplyContent }
  /** Another turn carries it on; with `content`, that is its final. */
  | { readonly do: 'succeed'; readonly message: Message; readonly content?: ReplyContent }

/** How the turn stands after an order, and the turn that carries it on. */
export interface MendOutcome {
  readonly turn: string
  readonly version: number
  readonly state: TurnState
  readonly successor?: string
}

export interface MendResult {
  readonly outcome: MendOutcome
  /** False: this command was carried out before, and nothing was done now. */
  readonly isNew: boolean
  readonly turn?: Turn
  readonly successor?: Turn
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
  /**
   * Records an inbound message, unless (tenant, channel, platform id) is known. Resolves after the fsync. `taken` is called
   * at once with the turn, which can go its way while that goes on: nothing that it records is durable before its reception
   * is, and until then its `receivedSeq` is a lower bound. If this rejects there is no such turn any more.
   */
  receive(message: Message, taken?: (turn: Turn) => void): Promise<Received>
  /** The turn once its reception is durable: to be awaited before it does anything outside of the ledger. */
  durable(turnId: string): Promise<Turn>
  /**
   * Gives `work` back, which has no effect outside of the turn and takes milliseconds. A reception that is not written yet waits
   * for it, 20 ms at most, so that what the turn records then goes to disk with it; its sender is acknowledged after that.
   */
  awaiting<T>(turnId: string, work: Promise<T>): Promise<T>
  transition(turnId: string, transition: Transition): Promise<Turn>
  /**
   * Records the notice or final with its text in state `pending`; a second one of the same kind throws `conflict`.
   * `seen` as for a transition.
   */
  addReply(turnId: string, kind: ReplyKind, content: ReplyContent, seen?: number): Promise<Turn>
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
  /**
   * Carries out what a person wants of a turn, in one append with the command's id: a repeated command has the outcome of
   * the first, also after a restart, for as long as platform ids are remembered. `plan` sees the turn as it stands and
   * throws what speaks against it. `conflict` with `details.version` if it has another version than expected, or is
   * carried on already; `not_found` if the journal has it no more.
   */
  mend(turnId: string, order: MendOrder, plan: (turn: Turn) => MendPlan): Promise<MendResult>
  /** What came of a command that was carried out. */
  outcomeOf(commandId: string): MendOutcome | undefined
  /** Nothing forbids the use of this turn's message: from its next record on it may leave this edge. */
  clear(turnId: string): void
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
