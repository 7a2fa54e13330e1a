import type { Turn } from '../../ledger/turn.js'
import type { Delta, Outgoing } from '../port.js'
import type { DeltaPayload, ReplyPayload } from './contract.js'
import { clientMessageId } from './platform-id.js'

/** A reply as clients get it; `showRoute` adds how the turn was decided. */
export function replyPayload(
  turn: Turn,
  reply: Outgoing,
  { showRoute, wallMs }: ReplyPayloadOptions,
): ReplyPayload {
  const { content } = reply
  const { route } = content
  return {
    type: reply.kind,
    id: reply.id,
    turnId: turn.id,
    ...promiseOf(turn),
    text: content.text,
    ...(reply.part === undefined ? {} : { part: reply.part }),
    answeredBy: content.answeredBy,
    intent: route?.intent ?? null,
    score: route?.score ?? null,
    citations: content.citations.map(({ document, title, heading, passage, score }) => ({
      document,
      title,
      heading,
      passage,
      score,
    })),
    ...(content.ticket === undefined ? {} : { ticket: content.ticket }),
    ...(content.place === undefined ? {} : { place: content.place }),
    ...(content.card === undefined ? {} : { card: content.card }),
    ...(content.choices === undefined ? {} : { choices: content.choices }),
    ...(content.handoff === undefined ? {} : { handoff: content.handoff }),
    ...(content.quoted === undefined ? {} : { quoted: content.quoted, late: true }),
    finish: content.finish,
    ...(content.model === undefined ? {} : { model: content.model }),
    ...(showRoute && route ? { route } : {}),
    at: new Date(wallMs).toISOString(),
  }
}

export interface ReplyPayloadOptions {
  readonly showRoute: boolean
  readonly wallMs: number
}

export function deltaPayload(turn: Turn, { attempt, seq, text, snapshot }: Delta): DeltaPayload {
  const inReplyTo = clientMessageId(turn.message.platformId)
  return {
    turnId: turn.id,
    ...(inReplyTo === undefined ? {} : { inReplyTo }),
    attempt,
    seq,
    text,
    ...(snapshot ? { snapshot } : {}),
  }
}

function promiseOf(turn: Turn): { inReplyTo: string } | { promise: 'at-most-once' } {
  const inReplyTo = clientMessageId(turn.message.platformId)
  return inReplyTo === undefined ? { promise: 'at-most-once' } : { inReplyTo }
}
