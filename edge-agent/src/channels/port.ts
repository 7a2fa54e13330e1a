import type { Running } from '@yizhan/kernel'
import type { Message } from '@yizhan/proto'
import type { Reply, Turn } from '../ledger/turn.js'

export interface ChannelCapabilities {
  /** A repeated delivery under the same reply id is shown once. */
  readonly idempotent: boolean
  readonly probe: boolean
  readonly edit: boolean
  readonly stream: boolean
  /** How long after the message a direct reply is possible, in milliseconds; undefined = for ever. */
  readonly deadlineMs?: number
  /** Largest reply in bytes. */
  readonly maxBytes: number
}

/** `unreachable`: nobody listens now; the adapter calls `onReachable` when that changes. */
export type DeliveryOutcome = 'confirmed' | 'sent' | 'unreachable'

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
  /** Delivers a notice or final. Rejects with a YizhanError if the platform refused it. */
  deliver(turn: Turn, reply: Reply, signal: AbortSignal): Promise<DeliveryOutcome>
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
