import { type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import { decodeEntry, type LedgerEntry } from './entries.js'
import type { Journal, Scanned } from './journal.js'
import { applyEntry, isSettled, type Page } from './turn-book.js'

export interface Rebuilt {
  readonly pages: ReadonlyMap<string, Page>
  /** Turns that are not settled and may have lost records: what was done with them is not known. */
  readonly inDoubt: readonly Page[]
  /** Number of records that the medium has lost. */
  readonly lost: number
}

/** Reads the turns back from the journal, from position `from` on. Keeps every open turn and `keep` settled ones. */
export async function rebuild(log: Logger, journal: Journal, from: number, keep: number): Promise<Rebuilt> {
  const pages = new Map<string, Page>()
  const torn = new Set<string>()
  const settled = new Set<string>()
  let lost = 0
  let lastLost = 0

  function take(entry: LedgerEntry, seq: number, age: number): void {
    const page = pages.get(entry.id)
    if (entry.k === 'known') return
    // Received before this scan began, or in a lost record that has been counted.
    if (entry.k !== 'received' && !page) return
    if (entry.k !== 'received' && page && entry.n !== page.n) torn.add(entry.id)
    const next = applyEntry(page, entry, seq, age)
    pages.set(entry.id, next)
    if (!isSettled(next.turn)) return
    settled.delete(entry.id)
    settled.add(entry.id)
    for (const oldest of settled) {
      if (settled.size <= keep) break
      settled.delete(oldest)
      pages.delete(oldest)
    }
  }

  for await (const scanned of journal.scan(from)) {
    const entry = scanned.kind === 'record' ? entryOf(log, scanned) : undefined
    if (scanned.kind === 'record' && entry) {
      take(entry, scanned.seq, scanned.age)
      continue
    }
    const [first, last] = scanned.kind === 'lost' ? [scanned.from, scanned.to] : [scanned.seq, scanned.seq]
    log.error({ from: first, to: last }, 'journal records are lost')
    lost += last - first + 1
    lastLost = last
  }

  const inDoubt = [...pages.values()].filter(
    ({ turn, lastSeq }) => !isSettled(turn) && (lastSeq < lastLost || torn.has(turn.id)),
  )
  return { pages, inDoubt, lost }
}

function entryOf(log: Logger, scanned: Scanned & { kind: 'record' }): LedgerEntry | undefined {
  try {
    return decodeEntry(scanned.bytes)
  } catch (thrown) {
    const error = thrown instanceof YizhanError ? thrown : toYizhanError(thrown, 'data_corrupt')
    log.error({ err: error, seq: scanned.seq }, 'a journal record cannot be understood')
    return undefined
  }
}
