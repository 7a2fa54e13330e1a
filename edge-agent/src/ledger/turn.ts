import type { TenantId } from '@yizhan/kernel'
import type { Citation, Message } from '@yizhan/proto'
import type { OpenQuestion } from './open-question.js'

/** DESIGN section 3, step 7; `held`: waits for its sender's consent, and is in no upload. */
export type TurnState =
  | 'received'
  | 'routed'
  | 'held'
  | 'answering'
  | 'forwarded'
  | 'streaming'
  | 'replying'
  | 'waiting'
  | 'done'
  | 'handed-off'
  | 'rerouted'
  | 'expired'
  | 'cancelled'
  | 'refused'
  | 'failed'
  | 'abandoned'

/** Where a turn goes by itself from each state; states without an entry are terminal. See `Mended` for what people do. */
export const NEXT_STATES: Readonly<Partial<Record<TurnState, readonly TurnState[]>>> = {
  received: ['routed', 'refused', 'cancelled', 'failed', 'abandoned'],
  routed: [
    'answering',
    'forwarded',
    'waiting',
    'replying',
    'refused',
    'cancelled',
    'failed',
    'abandoned',
    'handed-off',
    'rerouted',
    'held',
  ],
  held: ['routed', 'refused', 'expired', 'cancelled', 'failed', 'abandoned'],
  answering: ['replying', 'forwarded', 'waiting', 'cancelled', 'failed', 'abandoned', 'handed-off'],
  forwarded: ['streaming', 'replying', 'waiting', 'cancelled', 'failed', 'expired', 'abandoned', 'rerouted'],
  streaming: ['streaming', 'replying', 'waiting', 'cancelled', 'failed', 'expired', 'abandoned', 'rerouted'],
  waiting: [
    'forwarded',
    'streaming',
    'replying',
    'cancelled',
    'failed',
    'expired',
    'abandoned',
    'handed-off',
    'rerouted',
  ],
  replying: ['done', 'failed', 'abandoned'],
}

export function isTerminal(state: TurnState): boolean {
  return NEXT_STATES[state] === undefined
}

/** Who or what answered: the edge by itself, the center, nobody yet (a ticket), or an operator by hand. */
export type AnsweredBy = 'edge' | 'center' | 'queued' | 'person'

/** How a turn was decided; shown behind the route chip, kept with the reply. */
export interface Route {
  readonly intent: string
  readonly score: number
  readonly accept: number
  readonly match: 'exact' | 'model' | 'none'
  readonly top: readonly { readonly intent: string; readonly score: number }[]
  /**
   * What `decide` said: answer, slots, handoff, forward, queue, ask-back, refuse; or what else ended it: command, card,
   * event, attachments.
   */
  readonly decision: string
  /** What was understood, if that is not the message's own text. */
  readonly question?: string
  /** Milliseconds of the classification. */
  readonly classifyMs: number
  /** Milliseconds from being received to being worked on: behind other turns of its conversation. */
  readonly waitedMs?: number
  /** Milliseconds from being received to the recorded reply. */
  readonly tookMs?: number
  /** Milliseconds in the center's queue, of an answer from there. */
  readonly centerQueueMs?: number
}

/** A button as one reader sees it. */
export interface ReplyButton {
  readonly label: string
  readonly style?: 'primary' | 'danger'
  /** `action`: comes back as a pressed card; `say`: is asked as if typed; `url`: opens. */
  readonly does:
    | { readonly kind: 'action'; readonly action: string }
    | { readonly kind: 'say'; readonly text: string }
    | { readonly kind: 'url'; readonly url: string }
}

/** A card in the reader's language; the reply's `text` says the same for channels without cards. */
export interface ReplyCard {
  /** What a pressed button names. */
  readonly id: string
  readonly title: string
  /** Markdown; may be empty. */
  readonly text: string
  readonly facts: readonly { readonly name: string; readonly value: string }[]
  readonly buttons: readonly ReplyButton[]
}

/** What the asker thinks of an answer. */
export interface Feedback {
  readonly rating: 'up' | 'down'
  /** In the asker's words; may be empty. */
  readonly reason: string
  /** Wall clock, milliseconds. */
  readonly at: number
}

export interface ReplyContent {
  readonly text: string
  readonly answeredBy: AnsweredBy
  readonly citations: readonly Citation[]
  readonly route?: Route
  readonly ticket?: string
  /** With a ticket: how many wait for the center up to and including this one, at the time of the notice. */
  readonly place?: number
  readonly card?: ReplyCard
  /** What can be answered to a question back, in order: shown as buttons that say `text`. */
  readonly choices?: readonly { readonly label: string; readonly text: string }[]
  /** On a notice: who takes over; no final comes by itself. */
  readonly handoff?: string
  /** With a ticket: the question, if the message alone ("1") does not say it, so that it outlives a restart. Never sent. */
  readonly asked?: string
  /** On a final that asks: what its asker can answer to, so that it outlives a restart. Never sent. */
  readonly opens?: OpenQuestion
  /** Set on a late final: the question that it answers. */
  readonly quoted?: string
  /** The model that wrote the text, if one did. */
  readonly model?: string
  /** A cut-short or failed answer says so. */
  readonly finish: 'stop' | 'length' | 'cancelled' | 'failed' | 'no-answer'
}

export type ReplyKind = 'notice' | 'final'
/** DESIGN section 3, step 6. */
export type ReplyState = 'pending' | 'attempting' | 'sent' | 'confirmed' | 'unknown' | 'failed'

export interface Reply {
  /** Deterministic: `<turn id>.notice` or `<turn id>.final`; what a client de-duplicates by. */
  readonly id: string
  readonly kind: ReplyKind
  readonly content: ReplyContent
  readonly state: ReplyState
  /** Of a text that goes out in parts: what has been delivered; `state` is then that of the next part. */
  readonly delivered?: DeliveredParts
}

export interface DeliveredParts {
  readonly parts: number
  /** Where in the text the next part begins, in UTF-16 units. */
  readonly upTo: number
}

export type Emptied = 'text' | 'all'

export type MendAction = 'retry' | 'edit' | 'reroute' | 'answer' | 'abandon'

/** That a person had a turn started again, and how. */
export interface Mended {
  readonly commandId: string
  /** What a run from before this version still says of the turn counts no more. */
  readonly version: number
  /** The question from now on, in place of the message's text. */
  readonly asked?: string
  /** Decided by hand: `center`, `intent:<name>` or `handoff:<key>`. */
  readonly target?: string
}

/** One inbound message and all that comes of it. Immutable: each transition makes the next value. */
export interface Turn {
  readonly id: string
  readonly tenant: TenantId
  readonly message: Message
  readonly state: TurnState
  /** Why it went into this state; absent while `received`. */
  readonly cause?: string
  /** Grows by one with each transition. */
  readonly version: number
  /** Position in the journal where it was received; the order of turns, also across restarts. */
  readonly receivedSeq: number
  /** Wall clock, milliseconds; shown, never used for order. */
  readonly receivedAt: number
  readonly ticket?: string
  readonly notice?: Reply
  readonly final?: Reply
  /**
   * `text`: what was said was taken out, the rest is as it was. `all`: the person was erased; ids and states are left,
   * and no reply.
   */
  readonly emptied?: Emptied
  /** The last that the asker said of the final. */
  readonly feedback?: Feedback
  /** The turn that this one carries on. */
  readonly successorOf?: string
  readonly mended?: Mended
}

/** What is asked, also if the message is a number or a pressed button, or a person has edited it. */
export function questionOf({ mended, message, notice }: Turn): string {
  return mended?.asked ?? notice?.content.asked ?? message.text
}
