import { ChatEventType, MessageKind } from '@yizhan/proto'
import { laneKey } from '../../intake/index.js'
import type { EdgeLedger, Turn } from '../../ledger/index.js'
import { type ConversationMemory, isSameAsker } from '../conversation-memory.js'
import type { CancelCause, Endings } from '../endings.js'
import type { RouterHandler } from '../visit.js'

export interface AskerEventDeps {
  readonly ledger: Pick<EdgeLedger, 'open' | 'get' | 'rate'>
  readonly endings: Endings
  /** False if the turn has ended, or its end is decided. */
  readonly cancel: (turn: Turn, cause: CancelCause) => Promise<boolean>
  /** A recalled message is in no later history. */
  readonly memory: Pick<ConversationMemory, 'unsay'>
}

/**
 * What an asker says of a turn: a message is recalled, a question cancelled, an answer rated. Such an event is never
 * answered, whatever the policy says; one about a turn that is unknown or somebody else's has no effect.
 */
export function askerEventHandler(deps: AskerEventDeps): RouterHandler {
  return {
    name: 'asker-event',
    async handle(visit, next) {
      const { turn } = visit
      const type = isAskerEvent(turn) ? turn.message.chatEvent?.type : undefined
      switch (type) {
        case ChatEventType.RECALLED:
          return deps.endings.silent(turn, await recall(deps, turn))
        case ChatEventType.CANCEL:
          return deps.endings.silent(turn, await cancel(deps, turn))
        case ChatEventType.FEEDBACK:
          return deps.endings.silent(turn, await rate(deps, turn))
        default:
          return next(visit)
      }
    },
  }
}

const ABOUT_A_TURN: ReadonlySet<ChatEventType | undefined> = new Set([
  ChatEventType.RECALLED,
  ChatEventType.CANCEL,
  ChatEventType.FEEDBACK,
])

/** Whether a turn is an event about another turn; it does not wait behind that one. */
export function isAskerEvent({ message }: Turn): boolean {
  return message.kind === MessageKind.EVENT && ABOUT_A_TURN.has(message.chatEvent?.type)
}

async function recall({ ledger, cancel, memory }: AskerEventDeps, turn: Turn): Promise<string> {
  const { subject = '' } = turn.message.chatEvent ?? {}
  memory.unsay(turn, subject)
  const recalled = ledger
    .open()
    .find((other) => other.message.platformId === subject && laneKey(other) === laneKey(turn))
  return recalled && (await cancel(recalled, 'recalled')) ? 'recalled' : 'recalled-unknown'
}

async function cancel({ ledger, cancel }: AskerEventDeps, turn: Turn): Promise<string> {
  const subject = turn.message.chatEvent?.subject ?? ''
  const own = ledger
    .open()
    .filter((other) => other.message.kind !== MessageKind.EVENT && isSameAsker(turn, other))
  const named =
    own.find(({ message }) => message.platformId === subject) ??
    // By the turn's id, before which the channel has put what it puts before a client's id.
    own.find(({ id }) => subject === id || subject.endsWith(`/${id}`))
  return named && (await cancel(named, 'command')) ? 'cancel' : 'cancel-unknown'
}

async function rate({ ledger }: AskerEventDeps, turn: Turn): Promise<string> {
  const { subject = '', rating = '', reason = '' } = turn.message.chatEvent ?? {}
  const rated = ledger.get(subject)
  if (!rated?.final || !isSameAsker(turn, rated)) return 'feedback-unknown'
  await ledger.rate(rated.id, {
    rating: rating === 'up' || rating === 'down' ? rating : 'none',
    reason,
    at: turn.receivedAt,
    by: turn.receivedSeq,
  })
  return 'feedback'
}
