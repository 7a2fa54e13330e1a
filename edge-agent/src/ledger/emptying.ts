import type { Logger } from '@yizhan/kernel'
import { emptyMessage, emptyTurn, withoutQuestion } from './emptied.js'
import { encodeEntry } from './entries.js'
import { entriesToEmpty } from './erasing.js'
import { entriesOf } from './history.js'
import type { Journal, Replacement } from './journal.js'
import type { WhoseAccount } from './port.js'
import { isTerminal } from './turn.js'
import type { Page } from './turn-book.js'
import type { TurnPages } from './turn-pages.js'
import type { TurnQueue } from './turn-queue.js'
import type { TurnRecords } from './turn-records.js'

export interface EmptyingDeps {
  readonly journal: Journal
  readonly log: Logger
  readonly pages: TurnPages
  readonly records: TurnRecords
  readonly queue: TurnQueue
}

/** Takes what persons said out of turns, in memory and in every file. */
export class Emptying {
  readonly #deps: EmptyingDeps

  constructor(deps: EmptyingDeps) {
    this.#deps = deps
  }

  async blank(turnIds: readonly string[]): Promise<void> {
    const { journal, pages, queue, records } = this.#deps
    const replacements: Replacement[] = []
    for (const turnId of turnIds) {
      await queue.run(turnId, async () => {
        // One that is refused meanwhile is none.
        if (pages.get(turnId)) await records.durable(turnId).catch(() => undefined)
        const page = pages.get(turnId)
        // One that is emptied already may not be so on disk, if that was full.
        if (!page || page.turn.emptied === 'all') return
        const { id, receivedAt: at, receivedSeq: seq } = page.turn
        const message = emptyMessage(page.turn.message, 'text')
        const bytes = encodeEntry({ k: 'received', id, at, message, emptied: 'text' })
        replacements.push({ seq, age: page.age, bytes }, ...(await this.#editsOf(page)))
        pages.keep({ ...page, turn: emptyTurn(page.turn, 'text') })
      })
    }
    await journal.replace(replacements)
  }

  async erase(whose: WhoseAccount, signal: AbortSignal): Promise<{ turns: number; records: number }> {
    const { journal, log, pages, queue, records } = this.#deps
    await records.writeRiding()
    const isOpen = (turnId: string) => {
      const state = pages.get(turnId)?.turn.state
      return state !== undefined && !isTerminal(state)
    }
    const found = await entriesToEmpty({ journal, log }, whose, isOpen, signal)
    for (const turnId of found.turns) {
      await queue.run(turnId, async () => {
        const page = pages.get(turnId)
        if (page) pages.keep({ ...page, turn: emptyTurn(page.turn, 'all') })
      })
    }
    for (const [turnId, message] of found.quoting) {
      const page = pages.get(turnId)
      if (page) pages.keep({ ...page, turn: { ...page.turn, message } })
    }
    await journal.replace(found.replacements, { whole: true })
    return { turns: found.turns.size, records: found.replacements.length }
  }

  /** Records that hold the question as a person has edited it. */
  async #editsOf(page: Page): Promise<Replacement[]> {
    if (page.turn.mended?.asked === undefined) return []
    const edits: Replacement[] = []
    for await (const { seq, age, entry } of entriesOf(this.#deps.journal, page)) {
      if (entry.k !== 'state' || entry.command?.asked === undefined) continue
      edits.push({ seq, age, bytes: encodeEntry(withoutQuestion(entry)) })
    }
    return edits
  }
}
