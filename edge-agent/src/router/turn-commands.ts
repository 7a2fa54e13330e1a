import { type Logger, YizhanError } from '@yizhan/kernel'
import { create, MessageKind, MessageSchema } from '@yizhan/proto'
import {
  type EdgeLedger,
  isTerminal,
  type MendAction,
  type MendOutcome,
  type MendPlan,
  type MendResult,
  questionOf,
  type ReplyContent,
  type Turn,
} from '../ledger/index.js'
import type { LiveTenant } from '../tenants/index.js'
import type { RecordedReplies } from './port.js'
import { lateBy } from './quoting-replies.js'
import { checkTarget, targetOf } from './target.js'

/** What a person wants done to a turn. */
export interface TurnOrder {
  readonly commandId: string
  /** The person's or service's id. */
  readonly actor: string
  readonly turnId: string
  /** Whose turn it is said to be; another's is not found. Default: anybody's. */
  readonly tenant?: string
  /** The turn's version as the person saw it. */
  readonly expect: number
  readonly action: MendAction
  /** `edit`: the new question; `answer`: the answer. */
  readonly text?: string
  /** `reroute`: see `target.ts`. */
  readonly target?: string
}

export interface TurnCommandsDeps {
  readonly ledger: Pick<EdgeLedger, 'get' | 'mend' | 'outcomeOf'>
  readonly replies: Pick<RecordedReplies, 'show'>
  readonly tenants: { get(tenant: Turn['tenant']): LiveTenant | undefined }
  /** Ends what runs or waits of a turn whose fate is recorded. */
  readonly drop: (turn: Turn) => Promise<void>
  /** Lets a turn go its way from its start. */
  readonly enter: (turn: Turn) => void
  readonly log: Logger
}

const MAX_TEXT_CHARS = 20_000

/**
 * What people do to turns by hand. Nothing is shown twice: a turn that has been answered, or has ended, stays as it is, and
 * a successor carries it on; one that still runs is started again under its own id. Recorded first, so that a crash
 * leaves either the turn as it was, or what the person wanted.
 */
export class TurnCommands {
  readonly #deps: TurnCommandsDeps

  constructor(deps: TurnCommandsDeps) {
    this.#deps = deps
  }

  /**
   * How the turn stands after the order; the same for a repeated one. `conflict` with `details.version` if it has another
   * version than expected, `not_found`, `invalid_argument`, `failed_precondition`, `erased`.
   */
  async take(order: TurnOrder): Promise<MendOutcome> {
    const { ledger, log } = this.#deps
    const { commandId: id, actor, action, expect, turnId } = order
    const known = ledger.outcomeOf(id)
    if (known) return known
    checkText(order)
    const command = {
      id,
      action,
      ...(action === 'edit' ? { asked: order.text ?? '' } : {}),
      ...(action === 'reroute' ? { target: order.target ?? '' } : {}),
    }
    const result = await ledger.mend(turnId, { command, actor, expect }, (turn) => this.#plan(turn, order))
    if (!result.isNew) return result.outcome
    log.info({ turnId, action, actor, successor: result.outcome.successor }, 'a person mends a turn')
    await this.#act(result)
    return result.outcome
  }

  async #act({ turn, successor }: MendResult): Promise<void> {
    const { drop, enter, replies } = this.#deps
    if (turn) await drop(turn)
    const next = successor ?? turn
    if (!next) return
    if (next.final?.content.answeredBy === 'person') replies.show(next)
    else if (!isTerminal(next.state)) enter(next)
  }

  #plan(turn: Turn, order: TurnOrder): MendPlan {
    const { action, target = '' } = order
    if (order.tenant !== undefined && order.tenant !== turn.tenant) {
      throw new YizhanError('not_found', `there is no turn ${turn.id} of ${order.tenant}`)
    }
    if (action === 'abandon') {
      if (isTerminal(turn.state)) throw ended(turn, 'it has ended already')
      return { do: 'move', to: 'abandoned', cause: 'given-up' }
    }
    this.#checkUsable(turn, order)
    const isOpen = !isTerminal(turn.state) && !turn.final && turn.state !== 'replying'
    if (targetOf(target)[0] === 'edge') {
      if (!isOpen) throw ended(turn, 'it has been answered or has ended here')
      return { do: 'move', to: 'rerouted', cause: target }
    }
    if (isOpen) {
      if (action === 'answer') return { do: 'answer', content: answerOf(turn, order) }
      return { do: 'move', to: 'routed', cause: action === 'reroute' ? `reroute ${target}` : action }
    }
    if (turn.state === 'rerouted') throw ended(turn, 'another edge has it')
    if (!isTerminal(turn.state) && turn.final?.state !== 'unknown') {
      throw ended(turn, 'its answer is on its way')
    }
    const text = action === 'edit' ? (order.text ?? '') : questionOf(turn)
    const message = create(MessageSchema, { ...turn.message, text })
    if (action !== 'answer') return { do: 'succeed', message }
    return { do: 'succeed', message, content: answerOf(turn, order) }
  }

  #checkUsable(turn: Turn, { action, target = '' }: TurnOrder): void {
    const { id, emptied, message, state } = turn
    if (emptied) throw new YizhanError('erased', `what turn ${id} asked was deleted`)
    if (state === 'held') throw unfit(turn, 'its sender has not consented to its use')
    if (message.kind === MessageKind.EVENT) throw unfit(turn, 'it is an event, which nobody answers')
    if (action === 'edit' && message.kind !== MessageKind.TEXT) {
      throw unfit(turn, 'it is a pressed button, which has no text')
    }
    if (action !== 'reroute') return
    const tenant = this.#deps.tenants.get(turn.tenant)
    if (!tenant) throw unfit(turn, 'its tenant is not served here')
    checkTarget(target, tenant)
  }
}

function checkText({ action, text = '' }: TurnOrder): void {
  if (action !== 'edit' && action !== 'answer') return
  if (text.trim() === '') throw new YizhanError('invalid_argument', `${action} needs a text`)
  if (text.length <= MAX_TEXT_CHARS) return
  throw new YizhanError('too_large', `the text is longer than ${MAX_TEXT_CHARS} characters`)
}

function answerOf(turn: Turn, { text = '' }: TurnOrder): ReplyContent {
  return { text, answeredBy: 'person', citations: [], finish: 'stop', ...lateBy(turn, {}) }
}

function ended({ id, state, version }: Turn, why: string): YizhanError {
  return new YizhanError('conflict', `turn ${id} cannot be treated so at version ${version}: ${why}`, {
    details: { turnId: id, version, state },
  })
}

function unfit({ id, version }: Turn, why: string): YizhanError {
  return new YizhanError('failed_precondition', `turn ${id} cannot be treated so: ${why}`, {
    details: { turnId: id, version },
  })
}
