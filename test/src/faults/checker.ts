import type { Asked, LoadLog, Shown } from './log-of-load.js'

/** A turn that the edge shows to a person: a row of `turns list`. */
export interface VisibleTurn {
  /** `<user>/<chat>/<the client's id of its message>`. */
  readonly platformId: string
  readonly state: string
  /** ISO 8601, by the clock of the edge. */
  readonly receivedAt: string
}

export interface Verdict {
  readonly acked: number
  /** With their one final. */
  readonly answered: number
  /** Refused by name; the client was told. */
  readonly refused: number
  /** Without a final, and in front of a person. */
  readonly visible: number
  /** Acknowledged, and neither. */
  readonly lost: number
  /** A second final or notice, under an id of its own or with another text. */
  readonly doubled: number
  /** Out of the order of their conversation. */
  readonly reordered: number
  /** With another text than the engine wrote. */
  readonly garbled: number
  /** The same reply again under the same id: what a client drops. */
  readonly redelivered: number
  /** What is wrong, in words. */
  readonly wrong: readonly string[]
}

interface Message {
  readonly asked: Asked
  acked: boolean
  refused: boolean
  readonly notices: Shown[]
  readonly finals: Shown[]
}

/**
 * Holds what clients saw against the reference model: every acknowledged message has exactly one final and at most one notice,
 * or is in front of a person; in a conversation the first replies come in the order of the questions, and so do the finals of
 * those that had a ticket (DESIGN section 3, steps 3 and 8).
 */
export function check(log: LoadLog, visible: readonly VisibleTurn[] = []): Verdict {
  const messages = new Map<string, Message>()
  const conversations = new Map<string, Shown[]>()
  const wrong: string[] = []
  const count = { doubled: 0, garbled: 0, redelivered: 0 }
  for (const seen of log) {
    if (seen.k === 'asked') {
      messages.set(seen.id, { asked: seen, acked: false, refused: false, notices: [], finals: [] })
      continue
    }
    const message = messages.get(seen.id)
    if (message === undefined) {
      wrong.push(`${seen.k} of ${seen.id}, which nobody asked`)
      continue
    }
    if (seen.k === 'acked') message.acked = true
    else if (seen.type === 'refused') message.refused = true
    else show(message, seen)
  }

  function show(message: Message, seen: Shown): void {
    const before = seen.type === 'final' ? message.finals : message.notices
    const same = before.find(({ replyId }) => replyId === seen.replyId)
    if (same?.text === seen.text) {
      count.redelivered += 1
      return
    }
    if (before.length > 0) {
      count.doubled += 1
      wrong.push(`a second ${seen.type} of ${seen.id}: ${before[0]?.replyId} and ${seen.replyId}`)
      return
    }
    before.push(seen)
    if (seen.expected !== undefined && seen.text !== seen.expected) {
      count.garbled += 1
      wrong.push(`${seen.id} was answered with "${seen.text}" and not with "${seen.expected}"`)
    }
    const line = conversations.get(message.asked.conversation) ?? []
    line.push(seen)
    conversations.set(message.asked.conversation, line)
  }

  const all = [...messages.values()]
  const order = new Map(all.map(({ asked }, i) => [asked.id, i]))
  const reordered = [...conversations.values()].reduce(
    (sum, shown) => sum + outOfOrder(shown, (id) => order.get(id) ?? -1, wrong),
    0,
  )
  const inView = new Set(visible.map(({ platformId }) => platformId))
  const acked = all.filter((message) => message.acked)
  const answered = acked.filter(({ finals }) => finals.length > 0)
  const refused = acked.filter((message) => message.refused && message.finals.length === 0)
  const open = acked.filter((message) => message.finals.length === 0 && !message.refused)
  const lost = open.filter(({ asked }) => !inView.has(`${asked.conversation}/${asked.id}`))
  wrong.push(...lost.map(({ asked }) => `${asked.id} of ${asked.conversation} was acknowledged and is lost`))
  return {
    acked: acked.length,
    answered: answered.length,
    refused: refused.length,
    visible: open.length - lost.length,
    lost: lost.length,
    ...count,
    reordered,
    wrong,
  }
}

function outOfOrder(shown: readonly Shown[], at: (id: string) => number, wrong: string[]): number {
  const first = new Set<string>()
  const ticketed = new Set<string>()
  const heads: Shown[] = []
  const late: Shown[] = []
  for (const reply of shown) {
    if (!first.has(reply.id)) heads.push(reply)
    first.add(reply.id)
    if (reply.type === 'notice') ticketed.add(reply.id)
    else if (ticketed.has(reply.id)) late.push(reply)
  }
  // A notice that comes after its final is in neither line.
  const afterFinal = shown.filter(
    (reply, i) =>
      reply.type === 'notice' &&
      shown.slice(0, i).some(({ id, type }) => id === reply.id && type === 'final'),
  )
  for (const { id } of afterFinal) wrong.push(`the notice of ${id} came after its final`)
  return afterFinal.length + descents(heads, at, wrong) + descents(late, at, wrong)
}

function descents(line: readonly Shown[], at: (id: string) => number, wrong: string[]): number {
  let count = 0
  let last: Shown | undefined
  for (const reply of line) {
    if (last && at(reply.id) < at(last.id)) {
      count += 1
      wrong.push(
        `the ${reply.type} of ${reply.id} came after the ${last.type} of ${last.id}, which was asked later`,
      )
    } else last = reply
  }
  return count
}
