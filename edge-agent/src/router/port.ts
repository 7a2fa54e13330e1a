import type { Delta } from '../channels/port.js'
import type { ReplyContent, Turn } from '../ledger/index.js'
import type { LiveTenant } from '../tenants/index.js'

export interface ScoredIntent {
  readonly intent: string
  readonly score: number
}

export interface Classification {
  /** `oos`: out of scope. */
  readonly intent: string
  /** Probability, 0..1. */
  readonly score: number
  /** `exact`: the text is one of the examples. */
  readonly match: 'exact' | 'model'
  /** Intents in scope, best first. */
  readonly top: readonly ScoredIntent[]
  /** From here on the edge answers by itself; between `askBack` and this it asks which one is meant. */
  readonly accept: number
  readonly askBack: number
  readonly ms: number
}

/** The local model. A rejection counts as out of scope: the question goes to the center. */
export interface Classifier {
  /** With the model of the bundle that `tenant` came with: labels, thresholds and answers belong together. */
  classify(
    tenant: Pick<LiveTenant, 'tenant' | 'digest'>,
    text: string,
    signal: AbortSignal,
  ): Promise<Classification>
}

export interface Replies {
  /** Records and sends the one notice; resolves once it is durable. A second one is ignored. */
  notice(turn: Turn, content: ReplyContent): Promise<Turn>
  /**
   * Records and sends the one final; resolves once it is durable. Takes a turn that is not terminal to `replying` and,
   * delivered, to `done`; one that has ended keeps its state.
   */
  final(turn: Turn, content: ReplyContent): Promise<Turn>
  delta(turn: Turn, delta: Delta): void
}

export interface RecordedReplies extends Replies {
  /** Sends a final that was recorded by another hand. */
  show(turn: Turn): void
}

/** What the center lets this edge do now. */
export interface RouterPolicy {
  readonly maintenance: boolean
  /** Longest question in characters; 0 = whatever intake takes. */
  readonly maxTextChars: number
  /** Without a word from the center for so long that this edge has destroyed what it held of persons: it takes nothing. */
  readonly leaseOver?: boolean
}

export const OPEN_POLICY: RouterPolicy = { maintenance: false, maxTextChars: 0 }
