import { type Clock, type Logger, toYizhanError } from '@yizhan/kernel'
import { MessageKind } from '@yizhan/proto'
import type { LaneHold, RunTurn } from '../intake/index.js'
import { type EdgeLedger, isOvertaken, isTerminal, type Turn } from '../ledger/index.js'
import { wishIn } from '../privacy/index.js'
import { parseCommand } from '../skills/index.js'
import type { TenantHost } from '../tenants/index.js'
import type { Chain } from './chain.js'
import type { ConversationMemory } from './conversation-memory.js'
import type { Endings } from './endings.js'
import type { Forwarder } from './forward/index.js'
import { isAskerEvent } from './handlers/asker-event.js'
import { pressedIntent } from './pressed-intent.js'
import { targetOf } from './target.js'
import type { TimedReplies } from './timed-replies.js'
import { type Asked, notServed, type Understanding } from './understanding.js'
import type { Visit } from './visit.js'

export interface TurnRunnerDeps {
  readonly ledger: EdgeLedger
  readonly tenants: Pick<TenantHost, 'get'>
  readonly clock: Clock
  readonly log: Logger
  readonly replies: TimedReplies
  readonly endings: Endings
  readonly memory: ConversationMemory
  readonly understanding: Understanding
  readonly forwarder: Forwarder
  readonly chain: Chain<Visit>
  /** Lets a turn go its way once more. */
  readonly enter: (turn: Turn) => void
  /** Whether somebody asks before a message is used; if not, all may be. */
  readonly asksConsent: boolean
}

/** How long a turn that met a full disk waits before it is tried again. */
export const DISK_RETRY_MS = 5_000

/** Runs one turn that has its lane: through the chain, and to an end if no handler gives it one. */
export class TurnRunner {
  readonly #deps: TurnRunnerDeps
  #stopped = false

  constructor(deps: TurnRunnerDeps) {
    this.#deps = deps
  }

  /** Tries nothing again from now on. */
  stop(): void {
    this.#stopped = true
  }

  readonly run: RunTurn = async (entered, signal, lane) => {
    const { ledger } = this.#deps
    const turn = ledger.get(entered.id)
    if (!turn || turn.final || isTerminal(turn.state)) return
    this.#deps.replies.began(turn.id)
    try {
      await settledOrAborted(this.#visit(turn, signal, lane), signal)
    } catch (thrown) {
      await this.#settle(turn, thrown, signal)
    }
    // It was refused while it ran.
    if (!ledger.get(turn.id)) this.#deps.replies.ended(turn.id)
  }

  async #visit(entered: Turn, signal: AbortSignal, lane: LaneHold): Promise<void> {
    const received = this.#isPlain(entered) ? entered : await this.#deps.ledger.durable(entered.id)
    // A crash or a full disk came between the word that a person takes over and its record.
    if (received.notice?.content.handoff !== undefined) return this.#deps.endings.finishHandOff(received)
    const tenant = this.#deps.tenants.get(received.tenant)
    if (!tenant) {
      // Nobody consented to its being kept.
      if (received.state === 'held') await this.#deps.ledger.blank([received.id])
      const unserved = await this.#deps.endings.advance(received, 'routed', 'router')
      // Nobody waits for an answer to an event.
      if (isAskerEvent(unserved)) return this.#deps.endings.silent(unserved, 'not-served')
      return this.#deps.endings.refused(unserved, 'not-served')
    }
    if (received.state === 'forwarded' || received.state === 'streaming') {
      const plan = await this.#deps.understanding.plan(this.asked(received), signal)
      return this.#deps.forwarder.forward(received, plan, lane)
    }
    const turn = await this.#deps.endings.advance(received, 'routed', 'router')
    if (!this.#deps.asksConsent) this.#deps.ledger.clear(turn.id)
    await this.#deps.chain.run({ ...this.asked(turn), signal, lane })
  }

  /**
   * A question and no more, whose way to a decision has no effect: it is gone before the message is on disk. What is then
   * done waits for that; see the text handler.
   */
  #isPlain(turn: Turn): boolean {
    const { chain, memory, tenants } = this.#deps
    const { kind, text, attachments } = turn.message
    const isQuestion = kind === MessageKind.TEXT && attachments.length === 0
    if (!isQuestion || chain.isExtended || memory.isAsked(turn)) return false
    const purposes = tenants.get(turn.tenant)?.file.privacy?.purposes ?? []
    return purposes.length === 0 && !parseCommand(text) && !wishIn(text)
  }

  /** The end of a turn whose handler did not end it. */
  async #settle(turn: Turn, thrown: unknown, signal: AbortSignal): Promise<void> {
    const now = this.#deps.ledger.get(turn.id)
    // Somebody had it started again: that run says what becomes of it.
    if (!now || isOvertaken(now, turn.version)) return
    const error = toYizhanError(thrown)
    const aborted = signal.aborted && thrown === signal.reason
    // The agent stops, or the journal is dead: the ledger has it.
    if ((aborted && error.code === 'unavailable') || error.code === 'storage_failed') return
    try {
      if (aborted && error.code === 'cancelled') {
        const { cause } = error.details
        return await this.#deps.endings.cancelled(
          turn,
          cause === 'recalled' || cause === 'erased' ? cause : 'command',
        )
      }
      if (error.code === 'disk_full') return this.#enterLater(turn)
      if (!aborted) this.#deps.log.error({ err: error, turnId: turn.id }, 'a turn failed')
      if (await this.#deps.forwarder.fail(turn.id, error)) return
      await this.#deps.endings.failed(turn, error)
    } catch (second) {
      if (toYizhanError(second).code !== 'disk_full') throw second
      this.#enterLater(turn)
    }
  }

  #enterLater(turn: Turn): void {
    this.#deps.log.warn({ turnId: turn.id }, 'the disk is full: the turn is tried again')
    this.#deps.clock.after(DISK_RETRY_MS, () => {
      const now = this.#deps.ledger.get(turn.id)
      if (now && !this.#stopped) this.#deps.enter(now)
    })
  }

  asked(turn: Turn): Asked {
    const tenant = this.#deps.tenants.get(turn.tenant)
    if (!tenant) throw notServed(turn.tenant)
    const language = this.#deps.memory.languageOf(turn, tenant)
    const { asked, target = '' } = turn.mended ?? {}
    const meant = asked === undefined ? (ticketed(turn) ?? pressedIntent(turn, tenant, language)) : undefined
    const [to, intent] = targetOf(target)
    return {
      turn,
      tenant,
      language,
      question: asked ?? turn.message.text,
      ...meant,
      ...(to === 'intent' ? { chosen: intent } : {}),
    }
  }
}

/** What a turn with a ticket from an earlier run asks, if its message alone does not say it. */
function ticketed({ notice }: Turn): Pick<Asked, 'question' | 'chosen'> | undefined {
  const { asked, route } = notice?.content ?? {}
  if (asked === undefined) return undefined
  return { question: asked, ...(route ? { chosen: route.intent } : {}) }
}

/** A handler may ignore its signal; whoever waits for it does not. */
function settledOrAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
