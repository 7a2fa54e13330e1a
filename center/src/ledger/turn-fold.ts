import { type EdgeId, YizhanError } from '@yizhan/kernel'
import {
  MessageSchema,
  type TurnFeedback,
  type TurnReply,
  type TurnReplyChange,
  TurnReplyKind,
  type TurnStep,
  type TurnTransition,
  toBinary,
  type UploadRecord,
} from '@yizhan/proto'
import type { Turn, TurnReplyRecord } from './turn-collection.js'
import { withSteps } from './turn-moves.js'
import { ratingName, replyStateName, turnStateName } from './turn-names.js'

/** Whose records they are. */
export interface Source {
  readonly edge: EdgeId
  /** 16 hex digits. */
  readonly epoch: string
}

/** What a new turn gets that its record does not say. */
export interface NewTurn {
  readonly subject?: string
  readonly conversation: string
}

/** The records of an upload that tell of turns. */
export type TurnChange = Extract<UploadRecord['record'], { case: 'turn' | 'reply' | 'feedback' }>

const MAX_SHORT = 512
const MAX_TEXT = 65_536
const MAX_CITATIONS = 16
const TURN_ID = /^t_[0-9a-hjkmnp-tv-z]{26}$/

/** Throws `invalid_argument` unless the record names a turn and says something that this build knows. */
export function checkChange(change: TurnChange): void {
  if (!TURN_ID.test(change.value.turnId)) throw refuse('the id of a turn is not one')
  if (change.case === 'turn') {
    const { state, version, timeMs, receivedMs, ticket, successorOf } = change.value
    if (turnStateName(state) === undefined) throw refuse('the state of a turn is not known')
    if (version > BigInt(Number.MAX_SAFE_INTEGER)) throw refuse('the version of a turn is too large')
    if (!isTime(timeMs) || !isTime(receivedMs)) throw refuse('a time is out of range')
    if (ticket.length > MAX_SHORT) throw refuse('a ticket is too long')
    checkEarlier(change.value)
    if (successorOf !== '' && !TURN_ID.test(successorOf)) throw refuse('the id of a turn is not one')
    const { channelId = '-', sender } = change.value.message ?? {}
    if (channelId === '' || [channelId, sender?.id ?? ''].some((part) => Buffer.byteLength(part) > MAX_SHORT))
      throw refuse('the channel or the sender is not one')
  } else if (!isTime(change.value.timeMs)) throw refuse('a time is out of range')
}

/** Steps before the last: each one as a transition by itself, and in their order. */
function checkEarlier({ earlier, version }: TurnTransition): void {
  for (const [i, step] of earlier.entries()) {
    if (turnStateName(step.state) === undefined) throw refuse('the state of a turn is not known')
    if (!isTime(step.timeMs)) throw refuse('a time is out of range')
    if (step.version >= (earlier[i + 1]?.version ?? version))
      throw refuse('the steps of a turn are not in their order')
  }
}

/**
 * The turn after one more record; the same object if it changes nothing: older than what is known, of a turn that the
 * center decides by itself, or of a turn that was not told of. Pure.
 */
export function foldTurn(
  turn: Turn | undefined,
  change: TurnChange,
  source: Source,
  fresh: () => NewTurn | undefined,
): Turn | undefined {
  if (turn && (turn.edge !== source.edge || turn.takenOver)) return turn
  switch (change.case) {
    case 'turn':
      return turn ? moved(turn, change.value, source) : created(change.value, source, fresh())
    case 'reply':
      return turn && withReply(turn, change.value)
    case 'feedback':
      return turn && withFeedback(turn, change.value)
    default:
      return change satisfies never
  }
}

function created(change: TurnTransition, source: Source, fresh: NewTurn | undefined): Turn | undefined {
  const { message } = change
  if (!message || !fresh) return undefined
  const [step = stepOf(change), ...later] = stepsOf(change)
  const turn: Turn = {
    id: change.turnId,
    ...source,
    ...step,
    ...(change.ticket === '' ? {} : { ticket: change.ticket }),
    channel: message.channelId.slice(0, MAX_SHORT),
    receivedAt: Number(change.receivedMs),
    receivedSeq: change.receivedSeq.toString(),
    ...(change.successorOf === '' ? {} : { successorOf: change.successorOf }),
    message: Buffer.from(toBinary(MessageSchema, message)).toString('base64'),
    history: [step],
    omitted: 0,
    ...fresh,
  }
  return withSteps(turn, later)
}

function moved(turn: Turn, change: TurnTransition, { epoch }: Source): Turn {
  const steps = stepsOf(change).filter(({ version }) => version > turn.version)
  if (steps.length === 0) return turn
  // The edge tells of it again: what became of it is known.
  const { doubtSince: _doubt, ...rest } = turn
  const told = { ...rest, epoch, ...(change.ticket === '' ? {} : { ticket: change.ticket }) }
  return withSteps(told, steps)
}

type Step = Turn['history'][number]

/** All that a record tells, oldest first; at least one. */
function stepsOf(change: TurnTransition): Step[] {
  return [...change.earlier, change].map(stepOf)
}

function stepOf({ version, state, timeMs, actor, cause }: Omit<TurnStep, '$typeName'>): Step {
  const name = turnStateName(state)
  if (name === undefined) throw refuse('the state of a turn is not known')
  return {
    version: Number(version),
    state: name,
    at: Number(timeMs),
    actor: actor.slice(0, MAX_SHORT),
    cause: cause.slice(0, MAX_SHORT),
  }
}

function withReply(turn: Turn, { kind, reply, state, timeMs }: TurnReplyChange): Turn {
  const place = kind === TurnReplyKind.NOTICE ? 'notice' : kind === TurnReplyKind.FINAL ? 'final' : undefined
  if (place === undefined) return turn
  const known = turn[place]
  const at = Number(timeMs)
  const next = replyStateName(state) ?? (reply && replyStateName(reply.state)) ?? known?.state ?? 'pending'
  if (reply) return { ...turn, [place]: replyOf(reply, next, at) }
  if (!known || known.state === next) return turn
  return { ...turn, [place]: { ...known, state: next, at } }
}

function replyOf(reply: TurnReply, state: TurnReplyRecord['state'], at: number): TurnReplyRecord {
  const { replyId, text, answeredBy, intent, score, accept, question, finish, model, handoff } = reply
  return {
    id: replyId.slice(0, MAX_SHORT),
    text: text.slice(0, MAX_TEXT),
    ...(answeredBy === '' ? {} : { answeredBy: answeredBy.slice(0, MAX_SHORT) }),
    ...(intent === '' ? {} : { intent: intent.slice(0, MAX_SHORT) }),
    ...(finish === '' ? {} : { finish: finish.slice(0, MAX_SHORT) }),
    ...(model === '' ? {} : { model: model.slice(0, MAX_SHORT) }),
    ...(handoff === '' ? {} : { handoff: handoff.slice(0, MAX_SHORT) }),
    ...(intent === '' || !Number.isFinite(score) ? {} : { score }),
    ...(accept > 0 && Number.isFinite(accept) ? { accept } : {}),
    ...(question === '' ? {} : { question: question.slice(0, MAX_TEXT) }),
    citations: reply.citations.slice(0, MAX_CITATIONS).map(({ document, title, heading, score: fit }) => {
      return { document, title, heading, score: Number.isFinite(fit) ? fit : 0 }
    }),
    state,
    at,
  }
}

function withFeedback(turn: Turn, { rating, reason, timeMs, by }: TurnFeedback): Turn {
  const name = ratingName(rating)
  if (name === undefined || (turn.feedback && BigInt(turn.feedback.by) >= by)) return turn
  const feedback = { rating: name, reason: reason.slice(0, 4_096), at: Number(timeMs), by: by.toString() }
  return { ...turn, feedback }
}

function isTime(ms: bigint): boolean {
  return ms >= 0n && ms <= BigInt(Number.MAX_SAFE_INTEGER)
}

function refuse(message: string): YizhanError {
  return new YizhanError('invalid_argument', message)
}
