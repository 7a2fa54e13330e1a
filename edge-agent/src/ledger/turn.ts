import type { TenantId } from '@yizhan/kernel'
import type { Citation, Message } from '@yizhan/proto'

/** DESIGN section 3, step 7. */
export type TurnState =
  | 'received'
  | 'routed'
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

/** Where a turn may go from each state; states without an entry are terminal. */
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
  ],
  answering: ['replying', 'forwarded', 'waiting', 'cancelled', 'failed', 'abandoned'],
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

/** Who or what answered: the edge by itself, the center, or nobody yet (a ticket). */
export type AnsweredBy = 'edge' | 'center' | 'queued'

/** How a turn was decided; shown behind the route chip, kept with the reply. */
export interface Route {
  readonly intent: string
  readonly score: number
  readonly accept: number
  readonly match: 'exact' | 'model' | 'none'
  readonly top: readonly { readonly intent: string; readonly score: number }[]
  /** What `decide` said: answer, forward, ask-back, queue, refuse; or `command`, `policy`. */
  readonly decision: string
  /** Milliseconds of the classification. */
  readonly classifyMs: number
}

export interface ReplyContent {
  readonly text: string
  readonly answeredBy: AnsweredBy
  readonly citations: readonly Citation[]
  readonly route?: Route
  readonly ticket?: string
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
}
