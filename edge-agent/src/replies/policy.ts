import type { Turn } from '../ledger/turn.js'

/** What may be shown of an outgoing text. */
export interface OutgoingPolicy {
  /** The text as it may be shown. */
  text(turn: Turn, text: string): string
  /**
   * A filter for one run of a streamed answer: takes the next piece, gives what may be shown now, holding back as much
   * as it has to look ahead. What it still holds at the end comes with the final, which passes `text`.
   */
  stream(turn: Turn): (piece: string) => string
}
