import type { AnsweredBy, ReplyCard, ReplyContent, Route } from '../../ledger/turn.js'

/** What each topic carries, as JSON in UTF-8; `docs/reference/mqtt.md` says it in words. */
export interface TopicPayloads {
  'yizhan/info': Info
  'yizhan/{tenant}/{user}/{chat}/in': InPayload
  'yizhan/{tenant}/{user}/{chat}/out': OutPayload
  'yizhan/{tenant}/{user}/{chat}/delta': DeltaPayload
  'yizhan/{tenant}/{user}/{chat}/tickets': TicketsPayload
}

/** One text in several languages, keyed by BCP 47 tag. */
export type LocalText = Readonly<Record<string, string>>

export interface Info {
  readonly edge: string
  readonly site: string
  readonly version: string
  readonly link: {
    readonly state: string
    /** ISO 8601. */
    readonly since: string
    /** Turns that wait for the center. */
    readonly waiting: number
  }
  /** How the edge works: `degraded` says why. */
  readonly mode: {
    readonly state: 'online' | 'degraded' | 'offline'
    readonly reason?: string
    /** ISO 8601. */
    readonly since: string
  }
  readonly tenants: readonly TenantInfo[]
  readonly defaultTenant: string
  readonly chat: {
    readonly showRoute: boolean
    readonly maxTextChars: number
    /** Whether the edge takes what an attachment holds; if not it says so politely. */
    readonly attachments: boolean
    /** The demo's switches are there: `/demo` on the page's own server. */
    readonly demo: boolean
  }
}

export interface TenantInfo {
  readonly id: string
  readonly name: LocalText
  /** First = default. */
  readonly languages: readonly string[]
  readonly welcome: { readonly text: LocalText; readonly suggest: readonly LocalText[] }
}

export interface InPayload {
  /** Version of this payload: 1, or left out. */
  readonly v?: 1
  /** The promise: exactly once into the ledger with it, at most once without. */
  readonly id?: string
  readonly kind?: 'text' | 'card' | 'event'
  /** Who waits for the answer; default a person. What is not interactive waits behind those who are. */
  readonly priority?: 'interactive' | 'task' | 'batch'
  readonly text?: string
  readonly locale?: string
  readonly quoted?: { readonly id?: string; readonly text: string }
  readonly card?: {
    readonly id: string
    readonly action: string
    readonly values?: Readonly<Record<string, string>>
  }
  readonly event?: {
    readonly type: InEventType
    /** Of recalled, cancel: the client's id of the message. Of feedback: the turn id of the reply. */
    readonly subject?: string
    /** Of feedback; `none` takes it back. */
    readonly rating?: 'up' | 'down' | 'none'
    /** Of feedback: at most 1,000 characters. */
    readonly reason?: string
  }
  readonly attachments?: readonly InAttachment[]
  readonly sender?: { readonly name?: string; readonly department?: string }
  /** Always true in a direct chat, whatever is said here. */
  readonly mentioned?: boolean
}

export type InEventType =
  | 'joined'
  | 'left'
  | 'recalled'
  | 'cancel'
  | 'feedback'
  | 'consent-given'
  | 'consent-withdrawn'

/** Names content; content itself never travels in a message. */
export interface InAttachment {
  readonly name: string
  readonly mediaType: string
  readonly size: number
  /** Lower-case hex. */
  readonly sha256?: string
}

export interface CitationPayload {
  readonly document: string
  readonly title: string
  readonly heading: string
  readonly passage: string
  readonly score: number
}

export interface ReplyPayload {
  readonly type: 'final' | 'notice'
  /** The same for every delivery of this reply, or of this part of it: what a client de-duplicates by. */
  readonly id: string
  readonly turnId: string
  /** The client's id; not there if it gave none. */
  readonly inReplyTo?: string
  /** There if the message had no id. */
  readonly promise?: 'at-most-once'
  readonly text: string
  /** There if the text is too long for one packet: this is one of `of` messages, each whole in itself, in order. */
  readonly part?: { readonly index: number; readonly of: number }
  readonly answeredBy: AnsweredBy
  readonly intent: string | null
  readonly score: number | null
  readonly citations: readonly CitationPayload[]
  readonly ticket?: string
  /** With a notice that is a ticket: its place in the line, 1 = next. */
  readonly place?: number
  readonly card?: ReplyCard
  /** Buttons that say `text`: what can be answered to a question back. */
  readonly choices?: readonly { readonly label: string; readonly text: string }[]
  /** On a notice: a person takes over, no final comes by itself. */
  readonly handoff?: string
  /** The question, if other messages may stand between it and this answer. */
  readonly quoted?: string
  readonly late?: true
  readonly finish: ReplyContent['finish']
  readonly model?: string
  readonly route?: Route
  /** ISO 8601. */
  readonly at: string
}

export interface RefusedPayload {
  readonly type: 'refused'
  readonly code: string
  readonly message: string
  readonly inReplyTo?: string
  readonly at: string
}

export type OutPayload = ReplyPayload | RefusedPayload

export interface DeltaPayload {
  readonly turnId: string
  readonly inReplyTo?: string
  /** A higher attempt replaces what lower ones showed. */
  readonly attempt: number
  /** From 1 within the attempt; after a gap the text is whole again with the final only. */
  readonly seq: number
  readonly text: string
  /** `text` is everything of this attempt up to `seq`: for who came in the middle of it. */
  readonly snapshot?: true
}

/** The tickets of a chat that still wait, in order; comes on subscribing and whenever one of them moves. */
export interface TicketsPayload {
  readonly tickets: readonly {
    readonly ticket: string
    readonly turnId: string
    /** The client's id of the question; not there if it gave none. */
    readonly inReplyTo?: string
    /** 1 = next. */
    readonly place: number
  }[]
}
