import { YizhanError } from '@yizhan/kernel'
import { type ChangeEntry, type CommandMark, type LedgerEntry, tenantOf } from './entries.js'
import {
  type DeliveredParts,
  isTerminal,
  type Mended,
  NEXT_STATES,
  type Reply,
  type ReplyKind,
  type ReplyState,
  type Turn,
  type TurnState,
} from './turn.js'

/** A turn with what the ledger keeps beside it. */
export interface Page {
  readonly turn: Turn
  /** Journal age at which it was received. */
  readonly age: number
  /** Number of its records so far. */
  readonly n: number
  /** Position of its last record. */
  readonly lastSeq: number
  /** Where the last event with feedback on it was received. */
  readonly feedbackBy?: number
  /** It may leave this edge: known, or on disk already. */
  readonly cleared?: 'noted' | 'written'
}

export function canMove(from: TurnState, to: TurnState): boolean {
  return NEXT_STATES[from]?.includes(to) ?? false
}

/** Whether nothing more happens with a reply by itself. `unknown` waits for a probe, a repeat or a person. */
export function isSettledReply(reply: Reply | undefined): boolean {
  return !reply || reply.state === 'sent' || reply.state === 'confirmed' || reply.state === 'failed'
}

/** Causes of an end that the asker is not told: what they took back themselves, what may have been answered already. */
export const SILENT_CAUSES: ReadonlySet<string> = new Set(['recalled', 'journal-gap', 'erased'])

const TOLD: ReadonlySet<TurnState> = new Set(['cancelled', 'expired', 'failed', 'refused'])

/** Whether a crash came between the end of a turn and the final that tells of it. */
export function owesFinal(turn: Turn): boolean {
  if (turn.final || turn.emptied === 'all' || SILENT_CAUSES.has(turn.cause ?? '')) return false
  // The one notice of a turn that was held asked for consent: that a person takes over is told as its final.
  const toldByNotice = turn.notice === undefined || turn.notice.content.handoff !== undefined
  return TOLD.has(turn.state) || (turn.state === 'handed-off' && !toldByNotice)
}

export function isSettled(turn: Turn): boolean {
  // A person gave it up, whatever is known of its replies: nothing more is shown.
  if (turn.state === 'abandoned') return true
  const repliesDone = isSettledReply(turn.notice) && isSettledReply(turn.final)
  return isTerminal(turn.state) && repliesDone && !owesFinal(turn)
}

/** The page after one more entry; the same function serves live changes and the rebuild after a restart. */
export function applyEntry(
  page: Page | undefined,
  entry: Exclude<LedgerEntry, { k: 'known' }>,
  seq: number,
  age: number,
): Page {
  if (entry.k === 'received') {
    const { id, message, at, emptied, successorOf, command } = entry
    const turn: Turn = {
      id,
      tenant: tenantOf(message),
      message,
      state: 'received',
      version: 0,
      receivedSeq: seq,
      receivedAt: at,
      ...(emptied === undefined ? {} : { emptied }),
      ...(successorOf === undefined ? {} : { successorOf }),
      ...(command ? { mended: mendedBy(command, 0) } : {}),
    }
    return { turn, age, n: 1, lastSeq: seq }
  }
  if (!page) throw new YizhanError('data_corrupt', `a record of turn ${entry.id} has no turn`)
  const next: Page = Object.assign({}, page, {
    turn: changed(page.turn, entry),
    n: entry.n + 1,
    lastSeq: seq,
  })
  const cleared = clearedBy(page, entry)
  const feedbackBy = entry.k === 'feedback' ? { feedbackBy: entry.by } : undefined
  return cleared || feedbackBy ? Object.assign(next, cleared, feedbackBy) : next
}

/** Where only what may leave this edge comes to; an earlier build wrote no more than that. */
const CENTER_STATES: ReadonlySet<TurnState> = new Set(['forwarded', 'streaming', 'waiting'])

function clearedBy(page: Page, entry: ChangeEntry): Pick<Page, 'cleared'> | undefined {
  if (entry.c === 1) return { cleared: 'written' }
  const noted = page.cleared === undefined && entry.k === 'state' && CENTER_STATES.has(entry.to)
  return noted ? { cleared: 'noted' } : undefined
}

function mendedBy({ id, asked, target }: CommandMark, version: number, before?: Mended): Mended {
  const question = asked ?? before?.asked
  return {
    commandId: id,
    version,
    ...(question === undefined ? {} : { asked: question }),
    ...(target === undefined ? {} : { target }),
  }
}

function changed(turn: Turn, entry: ChangeEntry): Turn {
  switch (entry.k) {
    case 'state': {
      const { to, cause, version, ticket, command } = entry
      const next: Turn = Object.assign({}, turn, { state: to, cause, version })
      if (ticket === undefined && command === undefined) return next
      const mended = command && to === 'routed' ? mendedBy(command, version, turn.mended) : turn.mended
      return {
        ...next,
        ...(ticket === undefined ? {} : { ticket }),
        ...(mended === undefined ? {} : { mended }),
      }
    }
    case 'reply': {
      if (turn.emptied === 'all') return turn
      const { kind, content } = entry
      return withReply(turn, { id: `${turn.id}.${kind}`, kind, content, state: 'pending' })
    }
    case 'reply-state': {
      const reply = turn[entry.kind]
      const { state, delivered } = entry
      if (!reply) return turn
      const next: Reply = Object.assign({}, reply, { state }, delivered && { delivered })
      return withReply(turn, next)
    }
    case 'feedback': {
      if (turn.emptied === 'all') return turn
      const { feedback: _before, ...rest } = turn
      const { rating, reason, at } = entry
      return rating === 'none' ? rest : { ...rest, feedback: { rating, reason, at } }
    }
    default:
      return entry satisfies never
  }
}

function withReply(turn: Turn, reply: Reply): Turn {
  return Object.assign({}, turn, { [reply.kind]: reply })
}

/** Whether a person has had the turn started again after the version `seen`: what acts upon that version counts no more. */
export function isOvertaken(turn: Turn, seen: number): boolean {
  return seen < (turn.mended?.version ?? 0)
}

/** `seen`: the version that the caller acts upon. */
export function checkSeen(turn: Turn, seen: number | undefined): void {
  if (seen === undefined || !isOvertaken(turn, seen)) return
  throw new YizhanError('conflict', `turn ${turn.id} was started again`, {
    details: { turnId: turn.id, version: turn.version },
  })
}

export function checkMove(turn: Turn, to: TurnState): void {
  if (canMove(turn.state, to)) return
  throw new YizhanError('conflict', `turn ${turn.id} cannot go from ${turn.state} to ${to}`, {
    details: { turnId: turn.id, from: turn.state, to, version: turn.version },
  })
}

/** Whether a reply state is worth a record: a late or repeated one is not. */
export function replyMoves(turn: Turn, kind: ReplyKind, to: ReplyState, delivered?: DeliveredParts): boolean {
  const reply = turn[kind]
  if (!reply)
    throw new YizhanError('conflict', `turn ${turn.id} has no ${kind}`, { details: { turnId: turn.id } })
  if (reply.state === 'confirmed') return false
  return reply.state !== to || (delivered?.parts ?? 0) > (reply.delivered?.parts ?? 0)
}
