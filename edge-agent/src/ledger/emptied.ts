import { create, type Message, MessageSchema } from '@yizhan/proto'
import type { CommandMark, LedgerEntry } from './entries.js'
import type { Emptied, ReplyContent, Turn } from './turn.js'

/** `text`: without what was said and by whom in words. `all`: without everything but the tenant, channel and kind. */
export function emptyMessage(message: Message, what: Emptied): Message {
  const { tenantId, channelId, conversationId, chatType, kind, platformId, sender, locale } = message
  const bare = { tenantId, channelId, chatType, kind }
  if (what === 'all') return create(MessageSchema, bare)
  return create(MessageSchema, {
    ...bare,
    conversationId,
    platformId,
    locale,
    sender: { id: sender?.id ?? '' },
  })
}

/** The turn as the journal tells it after its records were emptied. */
export function emptyTurn(turn: Turn, what: Emptied): Turn {
  const { notice, final, feedback, mended, ...rest } = turn
  const message = emptyMessage(turn.message, what)
  const bare = { ...rest, ...(mended ? { mended: withoutAsked(mended) } : {}), message, emptied: what }
  if (what === 'all') return bare
  return {
    ...bare,
    ...(notice ? { notice } : {}),
    ...(final ? { final } : {}),
    ...(feedback ? { feedback } : {}),
  }
}

/** A record of an erased person's turn without content; undefined if there is none in it. */
export function emptyEntry(entry: LedgerEntry): LedgerEntry | undefined {
  switch (entry.k) {
    case 'received':
      return { ...withoutQuestion(entry), message: emptyMessage(entry.message, 'all'), emptied: 'all' }
    case 'reply':
      return { ...entry, content: emptyContent(entry.content) }
    case 'feedback':
      return { ...entry, reason: '' }
    case 'state':
      return entry.command?.asked === undefined ? undefined : withoutQuestion(entry)
    case 'reply-state':
    case 'known':
      return undefined
    default:
      return entry satisfies never
  }
}

/** What a person made of the question is the asker's as well. */
export function withoutQuestion<E extends { readonly command?: CommandMark }>(entry: E): E {
  if (!entry.command) return entry
  return { ...entry, command: withoutAsked(entry.command) }
}

function withoutAsked<T extends { readonly asked?: string }>({ asked: _asked, ...rest }: T) {
  return rest
}

function emptyContent({ answeredBy, finish }: ReplyContent): ReplyContent {
  return { text: '', answeredBy, citations: [], finish }
}
