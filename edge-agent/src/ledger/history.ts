import { decodeEntry, type LedgerEntry } from './entries.js'
import type { Journal } from './journal.js'
import type { TurnState } from './turn.js'
import type { Page } from './turn-book.js'

export interface HistoryStep {
  readonly state: TurnState
  /** Wall clock, milliseconds. */
  readonly at: number
  readonly cause?: string
  readonly actor?: string
}

type OnPage = Pick<Page, 'turn' | 'lastSeq'>

/** The states of a turn as the journal has them, and those that are not written yet. Steps that are pruned or lost are missing. */
export async function historyOf(
  journal: Pick<Journal, 'scan'>,
  page: OnPage,
  riding: readonly LedgerEntry[],
): Promise<HistoryStep[]> {
  const steps: HistoryStep[] = []
  const take = (entry: LedgerEntry) => {
    if (entry.k === 'received') steps.push({ state: 'received', at: entry.at })
    if (entry.k !== 'state') return
    const { to, at, cause, actor } = entry
    steps.push({ state: to, at, cause, actor })
  }
  for await (const { entry } of entriesOf(journal, page)) take(entry)
  for (const entry of riding) take(entry)
  return steps
}

/** What the journal has of one turn, in order. */
export async function* entriesOf(
  journal: Pick<Journal, 'scan'>,
  { turn, lastSeq }: OnPage,
): AsyncIterable<{ readonly seq: number; readonly age: number; readonly entry: LedgerEntry }> {
  for await (const scanned of journal.scan(turn.receivedSeq)) {
    const seq = scanned.kind === 'record' ? scanned.seq : scanned.from
    if (seq > lastSeq) break
    // Most records are of other turns: not worth decoding.
    if (scanned.kind === 'lost' || !Buffer.from(scanned.bytes).includes(turn.id)) continue
    const entry = decodeEntry(scanned.bytes)
    if (entry.id === turn.id) yield { seq, age: scanned.age, entry }
  }
}
