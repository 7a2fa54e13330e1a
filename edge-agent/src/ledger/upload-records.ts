import {
  create,
  ReplyState as ProtoReplyState,
  TurnState as ProtoTurnState,
  TurnFeedbackSchema,
  TurnRating,
  type TurnReplyChange,
  TurnReplyChangeSchema,
  TurnReplyKind,
  TurnReplySchema,
  TurnTransitionSchema,
  type UploadRecord,
} from '@yizhan/proto'
import type { ChangeEntry } from './entries.js'
import {
  isTerminal,
  type ReplyContent,
  type ReplyKind,
  type ReplyState,
  type Turn,
  type TurnState,
} from './turn.js'

type Told = UploadRecord['record']

/** What is left out if the frame would hold no more, in characters; the whole text stays at the edge. */
const MAX_TEXT_CHARS = 48 * 1024
const MAX_CITATIONS_CHARS = 24 * 1024
const MAX_QUESTION_CHARS = 8 * 1024

/** What the center is told of an entry; undefined if that stays here. `turn` as it was received, or as it is now. */
export function recordOf(entry: ChangeEntry, turn: UploadedTurn): Told | undefined {
  // Nobody has consented to more than that it ended.
  if (entry.c === undefined)
    return entry.k === 'state' && isTerminal(entry.to) ? transition(entry) : undefined
  switch (entry.k) {
    case 'state':
      return entry.to === 'held' ? undefined : transition(entry, turn)
    case 'reply': {
      const { id: turnId, at = 0, kind, content } = entry
      const reply = turn.emptied ? {} : { reply: replyOf(turnId, kind, content) }
      const state = ProtoReplyState.PENDING
      return replyChange({ turnId, timeMs: ms(at), kind: KIND[kind], state, ...reply })
    }
    case 'reply-state': {
      const { id: turnId, at = 0, kind, state } = entry
      return replyChange({ turnId, timeMs: ms(at), kind: KIND[kind], state: REPLY_STATE[state] })
    }
    case 'feedback': {
      const { id: turnId, at, by, rating } = entry
      const reason = turn.emptied ? '' : entry.reason
      const value = create(TurnFeedbackSchema, {
        turnId,
        timeMs: ms(at),
        rating: RATING[rating],
        reason,
        by: BigInt(by),
      })
      return { case: 'feedback', value }
    }
    default:
      return entry satisfies never
  }
}

/** What an upload needs to know of a turn. */
export type UploadedTurn = Pick<Turn, 'message' | 'receivedSeq' | 'receivedAt' | 'emptied' | 'successorOf'>

function replyChange(init: Partial<Omit<TurnReplyChange, '$typeName'>>): Told {
  return { case: 'reply', value: create(TurnReplyChangeSchema, init) }
}

function transition(entry: Extract<ChangeEntry, { k: 'state' }>, turn?: UploadedTurn): Told {
  const { id: turnId, version, to, at, actor, cause, ticket, c } = entry
  const value = create(TurnTransitionSchema, {
    turnId,
    version: BigInt(version),
    state: STATE[to],
    timeMs: ms(at),
    actor,
    cause,
    ...(ticket === undefined ? {} : { ticket }),
    ...(turn && c === 1 ? firstOf(turn) : {}),
  })
  return { case: 'turn', value }
}

function firstOf({ message, receivedAt, receivedSeq, successorOf, emptied }: UploadedTurn) {
  return {
    receivedSeq: BigInt(receivedSeq),
    receivedMs: ms(receivedAt),
    ...(emptied ? {} : { message }),
    ...(successorOf === undefined ? {} : { successorOf }),
  }
}

function replyOf(turnId: string, kind: ReplyKind, content: ReplyContent) {
  const { text, answeredBy, route, citations, finish, model, handoff } = content
  const chars = citations.reduce(
    (sum, { passage, title, heading }) => sum + passage.length + title.length + heading.length,
    0,
  )
  return create(TurnReplySchema, {
    replyId: `${turnId}.${kind}`,
    text: text.slice(0, MAX_TEXT_CHARS).replace(/[\ud800-\udbff]$/, ''),
    answeredBy,
    intent: route?.intent ?? '',
    score: route?.score ?? 0,
    citations: chars <= MAX_CITATIONS_CHARS ? [...citations] : [],
    state: ProtoReplyState.PENDING,
    finish,
    model: model ?? '',
    handoff: handoff ?? '',
    accept: route?.accept ?? 0,
    question: (route?.question ?? '').slice(0, MAX_QUESTION_CHARS),
  })
}

function ms(wall: number): bigint {
  return BigInt(Math.round(wall))
}

const STATE: Readonly<Record<TurnState, ProtoTurnState>> = {
  received: ProtoTurnState.RECEIVED,
  routed: ProtoTurnState.ROUTED,
  // Is in no upload.
  held: ProtoTurnState.UNSPECIFIED,
  answering: ProtoTurnState.ANSWERING,
  forwarded: ProtoTurnState.FORWARDED,
  streaming: ProtoTurnState.STREAMING,
  replying: ProtoTurnState.REPLYING,
  done: ProtoTurnState.DONE,
  waiting: ProtoTurnState.WAITING,
  'handed-off': ProtoTurnState.HANDED_OFF,
  rerouted: ProtoTurnState.REROUTED,
  expired: ProtoTurnState.EXPIRED,
  cancelled: ProtoTurnState.CANCELLED,
  refused: ProtoTurnState.REFUSED,
  failed: ProtoTurnState.FAILED,
  abandoned: ProtoTurnState.ABANDONED,
}

const KIND: Readonly<Record<ReplyKind, TurnReplyKind>> = {
  notice: TurnReplyKind.NOTICE,
  final: TurnReplyKind.FINAL,
}

const REPLY_STATE: Readonly<Record<ReplyState, ProtoReplyState>> = {
  pending: ProtoReplyState.PENDING,
  attempting: ProtoReplyState.ATTEMPTING,
  sent: ProtoReplyState.SENT,
  confirmed: ProtoReplyState.CONFIRMED,
  unknown: ProtoReplyState.UNKNOWN,
  failed: ProtoReplyState.FAILED,
}

const RATING = { up: TurnRating.UP, down: TurnRating.DOWN, none: TurnRating.NONE } as const
