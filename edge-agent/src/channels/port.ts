import type { Running } from '@yizhan/kernel'
import type { Message } from '@yizhan/proto'
import type { ReplyContent, ReplyKind, Turn } from '../ledger/turn.js'

export interface ChannelCapabilities {
  /** A repeated delivery under the same reply id is shown once. */
  readonly idempotent: boolean
  /** The platform can be asked whether a reply was shown: `probe` is there. */
  readonly probe: boolean
  /** What was shown of a running answer is replaced by a later attempt or the final. */
  readonly edit: boolean
  readonly stream: boolean
  /** How long after the message a direct reply is possible, in milliseconds; undefined = for ever. */
  readonly deadlineMs?: number
  /** Past `deadlineMs` a reply can go out as a message of the bot's own. Default false: then such a reply fails. */
  readonly proactive?: boolean
  /** Largest text of one message, in bytes of UTF-8 unless `sizeOf` counts otherwise; longer ones go out in parts. */
  readonly maxBytes: number
  /** What the platform counts of a text. */
  readonly sizeOf?: (text: string) => number
}

/**
 * `confirmed`: it was seen to be shown. `sent`: the platform has taken it. `unreachable`: nobody listens now, nothing was
 * shown; the adapter calls `onReachable` when that changes. `expired`: the direct way is closed, nothing was shown.
 */
export type DeliveryOutcome = 'confirmed' | 'sent' | 'unreachable' | 'expired'

/** What the platform says of a reply id: `shown`, `absent` for certain, or `unsure`. */
export type ProbeOutcome = 'shown' | 'absent' | 'unsure'

/** A reply, or one part of it, as it goes to a platform. */
export interface Outgoing {
  /** The same for every delivery: `<turn>.notice`, `<turn>.final`, and `<turn>.final/2` for the second part of a long one. */
  readonly id: string
  readonly kind: ReplyKind
  /** The text is that of the part; what belongs below a text (sources, card, choices, hand-off) comes with the last. */
  readonly content: ReplyContent
  /** There if the text goes out in several messages. */
  readonly part?: { readonly index: number; readonly of: number }
  /** The time of a direct reply is over: to be sent as a message of the bot's own. */
  readonly proactive?: true
}

export interface Delta {
  readonly attempt: number
  /** From 1 within the attempt, without gaps; a higher attempt replaces what lower ones showed. */
  readonly seq: number
  readonly text: string
  /** `text` is everything of this attempt up to `seq`. */
  readonly snapshot?: true
}

/** Somebody who begins to watch in the middle of running answers. */
export interface Watcher {
  wants(turn: Turn): boolean
  show(turn: Turn, delta: Delta): void
}

/** A turn that waits for the center. */
export interface WaitingTicket {
  readonly turn: Turn
  readonly ticket: string
  /** 1 = next. */
  readonly place: number
}

/** The tickets of this edge, for channels that show how they move. */
export interface TicketSource {
  /** In the order in which their questions came. */
  waiting(): readonly WaitingTicket[]
  /** Called when a ticket has come, has ended, or may have another place. Often, and cheap to ignore. Returns the unsubscribe. */
  onChange(fn: () => void): () => void
}

/** One bot account on one platform. What the adapter needs of the agent comes in through `Inbound`. */
export interface ChannelAdapter extends Running {
  readonly id: string
  readonly platform: string
  readonly capabilities: ChannelCapabilities
  /**
   * Delivers a notice or final, or a part of it. Rejects with a YizhanError if the platform refused it: nothing was shown
   * then, unless the code is `deadline_exceeded`, which says that it is not known (no answer, a connection cut after the
   * request was written).
   */
  deliver(turn: Turn, reply: Outgoing, signal: AbortSignal): Promise<DeliveryOutcome>
  /** Whether a reply that was sent once has been shown; needed where `capabilities.probe` says so. Rejects as `deliver`. */
  probe?(turn: Turn, replyId: string, signal: AbortSignal): Promise<ProbeOutcome>
  /** Shows a piece of a running answer; false = the client is slow, skip until it drains (the final has the whole text). */
  delta(turn: Turn, delta: Delta): boolean
  /** Called with a conversation id whose replies can be delivered now. Returns the unsubscribe. */
  onReachable(fn: (conversation: string) => void): () => void
  /** Called with who begins to watch, before the next `delta`; not there if the channel cannot stream. Returns the unsubscribe. */
  onWatcher?(fn: (watcher: Watcher) => void): () => void
  health(): {
    readonly state: 'connected' | 'connecting' | 'closed'
    readonly lastInboundAt: number
    readonly clients: number
  }
}

export type AcceptOutcome =
  | { readonly outcome: 'accepted'; readonly turnId: string }
  | { readonly outcome: 'duplicate'; readonly turnId: string }
  | {
      readonly outcome: 'refused'
      readonly code:
        | 'overloaded'
        | 'disk_full'
        | 'not_found'
        | 'too_large'
        | 'invalid_argument'
        | 'permission_denied'
      readonly message: string
    }

/** Where an adapter hands a decoded message in. Resolves when it is durable: only then may the platform be acked. */
export type Inbound = (message: Message) => Promise<AcceptOutcome>
