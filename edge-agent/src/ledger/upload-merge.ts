import {
  create,
  type TurnReplyChange,
  type TurnReplyKind,
  TurnStepSchema,
  type TurnTransition,
  type UploadRecord,
} from '@yizhan/proto'

/** A record that others were put into, and its part that they change. */
interface Grown<T> {
  readonly record: UploadRecord
  readonly value: T
}

/** What was told of a turn so far, in one read. */
interface OfTurn {
  transition?: Grown<TurnTransition>
  readonly replies: Map<TurnReplyKind, Grown<TurnReplyChange>>
}

/**
 * What one read tells of a turn, in as few records as can say it: its transitions in one, with the steps before the last,
 * and each reply once, as it is now. The center then decodes, folds and seals a turn once and not seven times. They stand
 * where the first of them stood, so that a turn begins before its replies, and say how far they reach.
 */
export class MergedRecords {
  readonly #turns = new Map<string, OfTurn>()

  /** Puts what a record says into one that came before it, if there is one. False: it has to go by itself. */
  takes(record: UploadRecord): boolean {
    const told = record.record
    const into =
      told.case === 'turn'
        ? this.#transition({ record, value: told.value })
        : told.case === 'reply'
          ? this.#reply({ record, value: told.value })
          : record
    if (into === record) return false
    into.upTo = record.seq
    return true
  }

  #transition(next: Grown<TurnTransition>): UploadRecord {
    const of = this.#of(next.value.turnId)
    const { transition: known } = of
    // A turn begins with its message; what was told before that, without it, says nothing to the center.
    if (!known || next.value.message) {
      of.transition = next
      of.replies.clear()
      return next.record
    }
    const { version, state, timeMs, actor, cause } = known.value
    known.value.earlier.push(create(TurnStepSchema, { version, state, timeMs, actor, cause }))
    const { ticket } = next.value
    Object.assign(known.value, {
      version: next.value.version,
      state: next.value.state,
      timeMs: next.value.timeMs,
      actor: next.value.actor,
      cause: next.value.cause,
      ...(ticket === '' ? {} : { ticket }),
    })
    return known.record
  }

  #reply(next: Grown<TurnReplyChange>): UploadRecord {
    const { replies } = this.#of(next.value.turnId)
    const known = replies.get(next.value.kind)
    if (!known) {
      replies.set(next.value.kind, next)
      return next.record
    }
    const { state, timeMs, reply } = next.value
    if (reply || state !== known.value.state) Object.assign(known.value, { state, timeMs })
    if (reply) known.value.reply = reply
    return known.record
  }

  #of(turnId: string): OfTurn {
    const known = this.#turns.get(turnId)
    if (known) return known
    const fresh: OfTurn = { replies: new Map() }
    this.#turns.set(turnId, fresh)
    return fresh
  }
}
