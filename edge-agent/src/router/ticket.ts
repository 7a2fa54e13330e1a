import type { Turn } from '../ledger/index.js'

/**
 * The short number that an asker gets for a turn that waits: `A-0042`. Made from the place where the turn was received,
 * so it is unique in its journal, the same after a restart, and needs no counter.
 */
export function ticketFor(turn: Pick<Turn, 'receivedSeq'>): string {
  const digits = String(turn.receivedSeq % 10_000).padStart(4, '0')
  return `${letters(Math.floor(turn.receivedSeq / 10_000))}-${digits}`
}

/** 0 → A, 25 → Z, 26 → AA. */
function letters(value: number): string {
  const last = String.fromCharCode(65 + (value % 26))
  return value < 26 ? last : letters(Math.floor(value / 26) - 1) + last
}
