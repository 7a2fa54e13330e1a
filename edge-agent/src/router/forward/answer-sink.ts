import type { YizhanError } from '@yizhan/kernel'
import type { Delta } from '../../channels/port.js'
import type { InferenceResult, InferenceSink } from '../../uplink/port.js'
import type { ForwardedTurn } from './forwarded-turn.js'

/** What becomes of an answer as it comes in. */
export interface AnswerHooks {
  /** The center has taken the request. */
  moves(): void
  /** The first piece is here. */
  begins(): void
  shows(delta: Delta): void
  ends(result: InferenceResult): void
  fails(error: YizhanError): void
}

/** Takes one answer in for its turn; pieces of a superseded attempt, or after the end, go no further. */
export function answerSink(one: ForwardedTurn, hooks: AnswerHooks): InferenceSink {
  let streaming = false
  return {
    started: (attempt) => {
      one.accepted = true
      one.begin(attempt)
      hooks.moves()
    },
    tokens: (attempt, seq, text) => {
      if (!one.isLive || !one.take(attempt, text)) return
      if (!streaming) {
        streaming = true
        hooks.begins()
      }
      // A late answer comes whole, with its question.
      if (one.ticket === undefined && one.turn.successorOf === undefined) hooks.shows({ attempt, seq, text })
    },
    final: (result) => hooks.ends(result),
    failed: (error) => hooks.fails(error),
  }
}
