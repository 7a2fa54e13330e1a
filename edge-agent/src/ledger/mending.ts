import { type Clock, newId, parseJson, YizhanError } from '@yizhan/kernel'
import type { Message } from '@yizhan/proto'
import { withoutQuestion } from './emptied.js'
import { decodeEntry, type LedgerEntry } from './entries.js'
import type { Journal } from './journal.js'
import type { MendOrder, MendOutcome, MendPlan, MendResult } from './port.js'
import { isTerminal, type ReplyContent, type Turn } from './turn.js'
import { applyEntry, type Page } from './turn-book.js'
import { notFound, type TurnPages } from './turn-pages.js'
import type { TurnQueue } from './turn-queue.js'
import { continued, type NewChange, type TurnRecords, type Written } from './turn-records.js'

export interface MendingDeps {
  readonly journal: Pick<Journal, 'append' | 'known' | 'scan' | 'age'>
  readonly clock: Clock
  readonly pages: TurnPages
  readonly queue: TurnQueue
  readonly records: TurnRecords
}

/** What people do to turns. What comes of a command and the command's id are one append: both are there, or neither. */
export class Mending {
  readonly #deps: MendingDeps

  constructor(deps: MendingDeps) {
    this.#deps = deps
  }

  /** What came of a command that was carried out; undefined for one that was not. */
  outcomeOf(commandId: string): MendOutcome | undefined {
    const known = this.#deps.journal.known(keyOf(commandId))
    if (known !== undefined) return parseJson(known) as MendOutcome
    // Its key may be forgotten before the center stops asking. What went on in its own turn has another version by then.
    const made = this.#deps.pages.find(
      ({ successorOf, mended }) => successorOf !== undefined && mended?.commandId === commandId,
    )
    if (made?.successorOf === undefined) return undefined
    const { turn } = this.#deps.pages.get(made.successorOf) ?? { turn: undefined }
    return {
      turn: made.successorOf,
      version: turn?.version ?? 0,
      state: turn?.state ?? 'done',
      successor: made.id,
    }
  }

  mend(turnId: string, order: MendOrder, plan: (turn: Turn) => MendPlan): Promise<MendResult> {
    return this.#deps.queue.run(turnId, async () => {
      if (this.#deps.pages.get(turnId)) await this.#deps.records.durable(turnId)
      const outcome = this.outcomeOf(order.command.id)
      if (outcome) return { outcome, isNew: false }
      const page = this.#deps.pages.get(turnId) ?? (await this.#fromJournal(turnId))
      if (!page) throw notFound(turnId)
      checkVersion(page.turn, order.expect)
      const planned = plan(page.turn)
      switch (planned.do) {
        case 'move':
          return this.#change(page, order, [
            this.#state(planned.to, page.turn.version + 1, planned.cause, order),
          ])
        case 'answer':
          return this.#change(page, order, this.#answered(page.turn, planned.content, order))
        case 'succeed':
          return this.#succeed(page, order, planned.message, planned.content)
        default:
          return planned satisfies never
      }
    })
  }

  async #change(page: Page, order: MendOrder, changes: readonly NewChange[]): Promise<MendResult> {
    const written = continued(page, changes)
    const outcome = outcomeFor(written.page.turn)
    await this.#write(written, order, outcome)
    return { outcome, isNew: true, turn: written.page.turn }
  }

  async #succeed(
    old: Page,
    order: MendOrder,
    message: Message,
    content: ReplyContent | undefined,
  ): Promise<MendResult> {
    this.#checkAlone(old.turn)
    const at = this.#deps.clock.wall()
    const id = newId('t', at)
    const received = {
      k: 'received',
      id,
      at,
      // Nothing else has this id, and nobody sends it.
      message: { ...message, platformId: `~${id}` },
      successorOf: old.turn.id,
      // Its message has the question as it is now.
      ...withoutQuestion({ command: order.command }),
    } as const
    const fresh = applyEntry(undefined, received, 0, this.#deps.journal.age())
    const cleared: Page = old.cleared === undefined ? fresh : { ...fresh, cleared: 'noted' }
    const successor = continued(cleared, content ? this.#answered(fresh.turn, content, order) : [])
    // One whose reply is of unknown fate leaves the list: its successor stands for it.
    const left = isTerminal(old.turn.state)
      ? []
      : [this.#state('abandoned', old.turn.version + 1, `succeeded-by ${id}`, order)]
    const before = continued(old, left)
    const outcome = { ...outcomeFor(before.page.turn), successor: id }
    const end = await this.#write(before, order, outcome, [received, ...successor.entries])
    const receivedSeq = end - successor.entries.length
    const page = { ...successor.page, turn: { ...successor.page.turn, receivedSeq } }
    this.#deps.records.written(page, end)
    return { outcome, isNew: true, turn: before.page.turn, successor: page.turn }
  }

  /** In one append, with the command's key. Gives the position of the last record. */
  async #write(
    { entries, page }: Written,
    { command }: MendOrder,
    outcome: MendOutcome,
    more: readonly LedgerEntry[] = [],
  ): Promise<number> {
    const { records } = this.#deps
    const own = entries.length === 0 ? [] : [...records.riding(page.turn.id), ...entries]
    const dedupe = { key: keyOf(command.id), value: JSON.stringify(outcome) }
    // A successor is new work; what is done with accepted work must get through.
    const first = await records.append([...own, ...more], { dedupe, intake: more.length > 0 })
    if (own.length > 0) records.written(page, first + own.length - 1)
    return first + own.length + more.length - 1
  }

  #state(to: Turn['state'], version: number, cause: string, { command, actor }: MendOrder): NewChange {
    return { k: 'state', at: this.#deps.clock.wall(), to, version, cause, actor, command }
  }

  #answered({ version }: Turn, content: ReplyContent, order: MendOrder): NewChange[] {
    const state = this.#state('replying', version + 1, 'answered', order)
    return [state, { k: 'reply', at: this.#deps.clock.wall(), kind: 'final', content }]
  }

  #checkAlone({ id, version }: Turn): void {
    const live = this.#deps.pages.find(({ successorOf, state }) => successorOf === id && !isTerminal(state))
    if (!live) return
    throw new YizhanError('conflict', `turn ${id} is carried on by ${live.id}, which has not ended`, {
      details: { turnId: id, version, successor: live.id },
    })
  }

  /** A settled turn that is no longer in memory. */
  async #fromJournal(turnId: string): Promise<Page | undefined> {
    let page: Page | undefined
    for await (const scanned of this.#deps.journal.scan(0)) {
      if (scanned.kind === 'lost' || !Buffer.from(scanned.bytes).includes(turnId)) continue
      const entry = decodeEntry(scanned.bytes)
      if (entry.id !== turnId || entry.k === 'known' || (entry.k !== 'received' && !page)) continue
      page = applyEntry(page, entry, scanned.seq, scanned.age)
    }
    return page
  }
}

/** `conflict` with the version that the turn has. */
export function checkVersion({ id, state, version }: Turn, expect: number): void {
  if (version === expect) return
  throw new YizhanError('conflict', `turn ${id} stands at version ${version} (${state}), not ${expect}`, {
    details: { turnId: id, version, state },
  })
}

function outcomeFor({ id, state, version }: Turn): MendOutcome {
  return { turn: id, version, state }
}

/** Digests of platform ids are hexadecimal: no other key looks like this. */
function keyOf(commandId: string): string {
  return `command:${commandId}`
}
