import type { Delta, Out } from '../support/chat-client.js'

/** What a question of the demo is there to show. */
export type Role =
  /** The branch knows the answer. */
  | 'local'
  /** The center answers; the same question as the stream's, without a cut. */
  | 'uncut'
  /** The link is cut while it is answered. */
  | 'stream'
  /** The branch answers while there is no link. */
  | 'offline'
  /** Needs the center, asked while there is no link. */
  | 'ticket'

export interface Asked {
  readonly id: string
  readonly role: Role
  readonly text: string
}

/** All that was asked, and all that came, in the order in which it came. */
export interface Transcript {
  readonly asked: readonly Asked[]
  readonly out: readonly Out[]
  readonly deltas: readonly Delta[]
  /** How many pieces of the stream had come when it was certain that the link was down. */
  readonly piecesBeforeRestore: number
  /** Ids of the questions whose final came while there was no link. */
  readonly answeredOffline: readonly string[]
}
