import { type TenantId, YizhanError } from '@yizhan/kernel'
import { CitationSchema, create, fromBinary, type Message, MessageSchema, toBinary } from '@yizhan/proto'
import type {
  DeliveredParts,
  Emptied,
  Feedback,
  MendAction,
  ReplyContent,
  ReplyKind,
  ReplyState,
  TurnState,
} from './turn.js'

/** What a person asked for, on the record that came of it. */
export interface CommandMark {
  readonly id: string
  readonly action: MendAction
  /** EDIT: the question from now on. */
  readonly asked?: string
  /** REROUTE: where to, instead of what would be decided. */
  readonly target?: string
}

/**
 * The turn may leave this edge: nothing forbids the use of its message. 1 on the first state that has it, 2 on what
 * comes after that.
 */
export type Cleared = 1 | 2

/**
 * What the ledger writes to the journal, as JSON with short keys. `n` counts the records of a turn from 0, so that a
 * lost one is noticed; `r` is where the turn was received, or if that was in the same append, how far before this record
 * that is: −1 for the one before.
 */
export type LedgerEntry =
  | {
      readonly k: 'received'
      readonly id: string
      readonly at: number
      readonly message: Message
      /** What of it was taken out later; see emptied.ts. */
      readonly emptied?: Emptied
      /** The turn that this one carries on, because a person asked for that. */
      readonly successorOf?: string
      readonly command?: CommandMark
    }
  | {
      readonly k: 'state'
      readonly id: string
      readonly r: number
      readonly n: number
      readonly at: number
      readonly to: TurnState
      readonly version: number
      readonly cause: string
      readonly actor: string
      readonly ticket?: string
      readonly c?: Cleared
      readonly command?: CommandMark
    }
  | {
      readonly k: 'reply'
      readonly id: string
      readonly r: number
      readonly n: number
      /** Not there in records of an earlier build. */
      readonly at?: number
      readonly kind: ReplyKind
      readonly content: ReplyContent
      readonly c?: Cleared
    }
  | {
      readonly k: 'reply-state'
      readonly id: string
      readonly r: number
      readonly n: number
      readonly at?: number
      readonly kind: ReplyKind
      readonly state: ReplyState
      readonly c?: Cleared
      readonly delivered?: DeliveredParts
    }
  | {
      readonly k: 'feedback'
      readonly id: string
      readonly r: number
      readonly n: number
      readonly at: number
      /** Where the event that says it was received: of two, the later one counts. */
      readonly by: number
      readonly rating: Feedback['rating'] | 'none'
      readonly reason: string
      readonly c?: Cleared
    }
  /** A turn that a journal before this one had; its dedupe key is remembered with this. */
  | { readonly k: 'known'; readonly id: string; readonly at: number }

/** What changes a turn that has been received. */
export type ChangeEntry = Exclude<LedgerEntry, { k: 'received' | 'known' }>

const KINDS: ReadonlySet<string> = new Set<LedgerEntry['k']>([
  'received',
  'state',
  'reply',
  'reply-state',
  'feedback',
  'known',
])

const decoder = new TextDecoder('utf-8', { fatal: true })

export function encodeEntry(entry: LedgerEntry): Uint8Array {
  // Small buffers come from a pool; a TextEncoder makes one of its own each time.
  if (entry.k !== 'received') return Buffer.from(JSON.stringify(entry))
  const { buffer, byteOffset, byteLength } = toBinary(MessageSchema, entry.message)
  const message = Buffer.from(buffer, byteOffset, byteLength).toString('base64')
  return Buffer.from(JSON.stringify({ ...entry, message }))
}

/** The entry in a record whose checksum held; `data_corrupt` if it is not one (a program error, not a bit flip). */
export function decodeEntry(bytes: Uint8Array): LedgerEntry {
  const value: unknown = JSON.parse(decoder.decode(bytes))
  if (!isEntry(value)) throw new YizhanError('data_corrupt', 'a journal record is not a ledger entry')
  if (value.k === 'received') {
    const message = fromBinary(MessageSchema, Buffer.from(String(value.message), 'base64'))
    return { ...value, message }
  }
  if (value.k === 'reply') {
    const citations = value.content.citations.map((citation) => create(CitationSchema, citation))
    return { ...value, content: { ...value.content, citations } }
  }
  return value
}

function isEntry(value: unknown): value is LedgerEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'k' in value &&
    KINDS.has(String(value.k)) &&
    'id' in value &&
    typeof value.id === 'string'
  )
}

/** The dedupe key of a message; undefined without a platform id: then nothing tells two deliveries apart. */
export function dedupeKeyOf(
  message: Pick<Message, 'tenantId' | 'channelId' | 'platformId'>,
): string | undefined {
  if (message.platformId === '') return undefined
  return JSON.stringify([message.tenantId, message.channelId, message.platformId])
}

/** The tenant of a message; intake has checked that the edge serves it. */
export function tenantOf(message: Message): TenantId {
  return message.tenantId as TenantId
}
