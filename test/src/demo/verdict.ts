import { createHash } from 'node:crypto'
import type { Out } from '../support/chat-client.js'
import type { Asked, Role, Transcript } from './transcript.js'

export interface Check {
  readonly name:
    | 'answers'
    | 'answeredBy'
    | 'tickets'
    | 'cutInside'
    | 'pieces'
    | 'sameAttempt'
    | 'sameText'
    | 'offlineAnswer'
  readonly ok: boolean
  /** What was seen, as data for whoever looks into a failure. */
  readonly seen: unknown
}

export interface Verdict {
  readonly asked: number
  readonly answered: number
  /** Questions without a final. */
  readonly lost: number
  /** Notices and finals beyond the one of each that a question may have. */
  readonly doubled: number
  /** Late answers that came before one that was asked earlier. */
  readonly reordered: number
  readonly sha256: { readonly uncut: string; readonly cut: string }
  readonly pieces: { readonly beforeCut: number; readonly all: number; readonly attempts: readonly number[] }
  readonly checks: readonly Check[]
  readonly ok: boolean
}

/** Judges a run by what was seen from outside. */
export function judge(transcript: Transcript): Verdict {
  const { asked, out, deltas } = transcript
  const of = (role: Role) => asked.filter((one) => one.role === role)
  const finals = (one: Asked | undefined) =>
    distinct(out.filter(({ type, inReplyTo }) => type === 'final' && inReplyTo === one?.id))
  const notices = (one: Asked) =>
    distinct(out.filter(({ type, inReplyTo }) => type === 'notice' && inReplyTo === one.id))

  const answered = asked.filter((one) => finals(one).length > 0).length
  const doubled = asked.reduce(
    (sum, one) => sum + Math.max(0, finals(one).length - 1) + Math.max(0, notices(one).length - 1),
    // What answers nothing that was asked is one too many as well.
    out.filter(({ inReplyTo }) => !asked.some(({ id }) => id === inReplyTo)).length,
  )
  const reordered = inversions(
    of('ticket').map((one) => out.findIndex((o) => o.type === 'final' && o.inReplyTo === one.id)),
  )

  const [stream] = of('stream')
  const pieces = deltas.filter(({ inReplyTo }) => inReplyTo === stream?.id)
  const joined = pieces.map(({ text }) => text).join('')
  const attempts = [...new Set(pieces.map(({ attempt }) => attempt))]
  const uncutText = finals(of('uncut')[0])[0]?.text ?? ''
  const cutText = finals(stream)[0]?.text ?? ''
  const before = transcript.piecesBeforeRestore

  const by = (one: Asked) => finals(one).map(({ answeredBy }) => answeredBy)
  const wrongBy = asked.filter(
    (one) => !by(one).every((who) => who === (isLocal(one) ? 'edge' : 'center')) || by(one).length === 0,
  )
  const numbers = of('ticket').map((one) => notices(one)[0]?.ticket)
  const ticketsInOrder = of('ticket').every((one) => precedes(out, one))

  const checks: Check[] = [
    { name: 'answers', ok: answered === asked.length && doubled === 0 && reordered === 0, seen: null },
    { name: 'answeredBy', ok: wrongBy.length === 0, seen: wrongBy.map(({ text }) => text) },
    {
      name: 'tickets',
      ok:
        numbers.length > 0 &&
        numbers.every((ticket) => ticket !== undefined && ticket !== '') &&
        new Set(numbers).size === numbers.length &&
        ticketsInOrder,
      seen: numbers,
    },
    { name: 'offlineAnswer', ok: answeredOffline(transcript), seen: transcript.answeredOffline },
    {
      name: 'cutInside',
      ok: before > 0 && before < pieces.length,
      seen: { before, all: pieces.length },
    },
    {
      name: 'pieces',
      ok: pieces.length > 0 && pieces.every(({ seq }, at) => seq === at + 1) && joined === cutText,
      seen: pieces.map(({ seq }) => seq),
    },
    { name: 'sameAttempt', ok: attempts.length === 1 && attempts[0] === 1, seen: attempts },
    { name: 'sameText', ok: cutText !== '' && sha256(cutText) === sha256(uncutText), seen: cutText.length },
  ]
  return {
    asked: asked.length,
    answered,
    lost: asked.length - answered,
    doubled,
    reordered,
    sha256: { uncut: sha256(uncutText), cut: sha256(cutText) },
    pieces: { beforeCut: before, all: pieces.length, attempts },
    checks,
    ok: checks.every(({ ok }) => ok),
  }
}

const isLocal = ({ role }: Asked) => role === 'local' || role === 'offline'

/** QoS 1 may bring the same reply again, which clients show once: it counts by its id. */
function distinct(replies: readonly Out[]): Out[] {
  return replies.filter((one, at) => replies.findIndex(({ id }) => id === one.id) === at)
}

/** How many of the positions stand before an earlier one; what never came is lost, not out of order. */
function inversions(positions: readonly number[]): number {
  const came = positions.filter((at) => at >= 0)
  return came.filter((at, index) => came.slice(0, index).some((earlier) => earlier > at)).length
}

/** The ticket's notice came before its answer, which says that it is late. */
function precedes(out: readonly Out[], { id }: Asked): boolean {
  const notice = out.findIndex((o) => o.type === 'notice' && o.inReplyTo === id)
  const final = out.findIndex((o) => o.type === 'final' && o.inReplyTo === id)
  return notice >= 0 && final > notice && out[final]?.late === true
}

function answeredOffline({ asked, answeredOffline: ids }: Transcript): boolean {
  const offline = asked.filter(({ role }) => role === 'offline')
  // Nobody but the branch can have answered without a link.
  return offline.length > 0 && ids.length === offline.length && offline.every(({ id }) => ids.includes(id))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
