import {
  type Clock,
  type Logger,
  type Metrics,
  type Running,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import { MessageKind } from '@yizhan/proto'
import type { TicketSource } from '../channels/port.js'
import { type LaneHold, type LaneLoad, Lanes, type RunTurn, type TurnEntry } from '../intake/index.js'
import { type EdgeLedger, isTerminal, owesFinal, type Turn, type WhoseAccount } from '../ledger/index.js'
import type { ConsentBook } from '../privacy/index.js'
import {
  builtInSkills,
  type ConversationControl,
  parseCommand,
  type Skill,
  SkillRegistry,
} from '../skills/index.js'
import type { TenantHost } from '../tenants/index.js'
import type { Uplink } from '../uplink/port.js'
import { FileNotingReplies, namesOf } from './attachments.js'
import { Chain } from './chain.js'
import { ConsentDesk } from './consent-desk.js'
import { ConversationMemory, isSameAsker, type MemoryConfig } from './conversation-memory.js'
import { type CancelCause, Endings } from './endings.js'
import { Forms } from './forms.js'
import { Forwarder, type ForwarderConfig } from './forward/index.js'
import { askerEventHandler, isAskerEvent } from './handlers/asker-event.js'
import { attachmentsHandler } from './handlers/attachments.js'
import { cardHandler } from './handlers/card.js'
import { commandHandler } from './handlers/command.js'
import { consentHandler } from './handlers/consent.js'
import { eventHandler } from './handlers/event.js'
import { pendingQuestionHandler } from './handlers/pending-question.js'
import { policyHandler } from './handlers/policy.js'
import { textHandler } from './handlers/text.js'
import { LocalAnswers } from './local-answers.js'
import { type Classifier, OPEN_POLICY, type Replies, type RouterPolicy } from './port.js'
import { pressedIntent } from './pressed-intent.js'
import { TimedReplies } from './timed-replies.js'
import { TellingReplies } from './told-beside.js'
import { type Asked, notServed, Understanding } from './understanding.js'
import type { Visit } from './visit.js'

export interface TurnsDeps {
  readonly ledger: EdgeLedger
  readonly tenants: Pick<TenantHost, 'get' | 'isApplied' | 'onChange'>
  readonly classifier: Classifier
  readonly replies: Replies
  readonly uplink: Pick<Uplink, 'link' | 'onLink' | 'infer'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** What the center lets this edge do now; default: everything. */
  readonly policy?: () => RouterPolicy
  /** Who was told and asked what; without it nobody is asked. */
  readonly consents?: Pick<ConsentBook, 'standings' | 'say' | 'ask' | 'keyOf'>
  /** Skills besides the built-in ones. */
  readonly skills?: readonly Skill[]
  /** Between 0 and 1, for the jitter of retries; default Math.random. */
  readonly random?: () => number
}

export interface TurnsConfig extends ForwarderConfig, MemoryConfig {
  /** Turns that are worked on at once; those that wait for the center are not counted. */
  readonly maxConcurrent: number
  /** How long the edge may work on a turn. */
  readonly handlerMs: number
  /** How long a turn may wait for the center's answer while the link is up. Default 15 min. */
  readonly forwardMs?: number
}

/** The turns of this edge at work. `stop` leaves what is not finished in the ledger, for the next start. */
export interface Turns extends Running, TurnEntry {
  /** Where plugins add their handlers. */
  readonly chain: Chain<Visit>
  /** Turns with a ticket whose answer is still to come. Cheap. */
  waitingForCenter(): number
  readonly load: LaneLoad
  /** The link is up, but what was handed over does not move. */
  readonly isCenterSilent: boolean
  /** Turns that wait for their sender's consent. */
  readonly held: number
  readonly tickets: TicketSource
  /**
   * Ends what runs and waits of these persons, silently, and forgets what conversations remember of them. Resolves when
   * that is recorded; how many turns were open.
   */
  forget(whose: WhoseAccount): Promise<number>
}

/** How long a turn that met a full disk waits before it is tried again. */
export const DISK_RETRY_MS = 5_000

/** Puts lanes, router and forwarder together; nothing runs before the first `enter`. */
export function startTurns(deps: TurnsDeps, config: TurnsConfig): Turns {
  const part = new Part(deps, config)
  part.start()
  return part
}

class Part implements Turns {
  readonly done: Promise<void>
  readonly chain: Chain<Visit>
  readonly tickets: TicketSource = {
    waiting: () => this.#forwarder.waiting(() => true),
    onChange: (fn) => this.#forwarder.onTickets(fn),
  }
  readonly #deps: TurnsDeps
  readonly #lanes: Lanes
  readonly #replies: TimedReplies
  readonly #endings: Endings
  readonly #memory: ConversationMemory
  readonly #understanding: Understanding
  readonly #forwarder: Forwarder
  readonly #telling: TellingReplies
  readonly #consent: ConsentDesk | undefined
  /** From an earlier run, while it is not known yet which tenants are served. */
  #early: Turn[] = []
  #off: (() => void)[] = []
  #stopping: Promise<void> | undefined

  constructor(deps: TurnsDeps, config: TurnsConfig) {
    this.#deps = deps
    const { forwardMs = 900_000, maxConcurrent, handlerMs } = config
    this.#lanes = new Lanes(deps, { maxConcurrent, handlerMs, parkedMs: forwardMs }, this.#run)
    this.done = this.#lanes.done
    this.#memory = new ConversationMemory(deps.clock, config)
    const languageOf = this.#memory.languageOf.bind(this.#memory)
    const noting = new FileNotingReplies(deps.replies, (turn) =>
      endings.say(turn, 'attachments.ignored', { names: namesOf(turn.message) }),
    )
    const timed = new TimedReplies({ ...deps, replies: noting })
    const replies = new TellingReplies(timed)
    const endings = new Endings({ ...deps, replies, languageOf })
    const skills = new SkillRegistry([...builtInSkills(this.#control()), ...(deps.skills ?? [])])
    this.#replies = timed
    this.#telling = replies
    this.#endings = endings
    this.#forwarder = new Forwarder(
      {
        ...deps,
        replies,
        endings,
        history: (turn) => this.#memory.history(turn),
        plan: async (turn, signal) => this.#understanding.plan(this.#asked(turn), signal),
        random: deps.random ?? Math.random,
      },
      config,
    )
    const understanding = new Understanding({ ...deps, skills, center: this.#forwarder })
    this.#understanding = understanding
    const { clock } = deps
    const memory = this.#memory
    const forms = new Forms({ endings, memory, understanding, clock })
    const answers = new LocalAnswers({ endings, skills, memory })
    const commands = { endings, skills, clock }
    const { consents } = deps
    this.#consent =
      consents &&
      new ConsentDesk({
        ...deps,
        consents,
        endings,
        replies,
        telling: replies,
        languageOf,
        goOn: (turns) => this.#goOn(turns),
      })
    const linkUp = () => this.#forwarder.linkUp
    this.chain = new Chain([
      askerEventHandler({ ...deps, endings, cancel: (turn, cause) => this.#cancel(turn, cause) }),
      policyHandler({ endings, ledger: deps.ledger }, deps.policy ?? (() => OPEN_POLICY)),
      ...(this.#consent ? [consentHandler({ desk: this.#consent, endings, linkUp })] : []),
      commandHandler(commands),
      attachmentsHandler(endings),
      pendingQuestionHandler({ ...commands, memory, forms }),
      cardHandler(commands),
      eventHandler(endings),
      textHandler({ understanding, answers, forms, endings, memory, clock, forwarder: this.#forwarder }),
    ])
  }

  start(): void {
    const { ledger, tenants } = this.#deps
    this.#off = [
      ledger.onChange((turn, change) => {
        this.#memory.note(turn, change)
        if (!change.state || !isTerminal(change.state)) return
        this.#replies.ended(turn.id)
        this.#telling.ended(turn.id)
      }),
      tenants.onChange(() => {
        const early = this.#early
        this.#early = []
        for (const turn of early) this.enter(turn)
        this.#consent?.recheck()
      }),
    ]
    this.#forwarder.start()
    this.#consent?.start()
  }

  waiting(tenant?: Turn['tenant']): number {
    return this.#lanes.waiting(tenant)
  }

  get isCenterSilent(): boolean {
    return this.#forwarder.isCenterSilent
  }

  get waitingBytes(): number {
    return this.#lanes.waitingBytes
  }

  get load(): LaneLoad {
    return this.#lanes.load
  }

  waitingForCenter(): number {
    return this.#forwarder.tickets
  }

  get held(): number {
    return this.#consent?.held ?? 0
  }

  enter(turn: Turn): void {
    if (turn.final) return
    if (!this.#deps.tenants.isApplied) this.#early.push(turn)
    else if (owesFinal(turn)) this.#background(turn, () => this.#endings.owed(turn))
    else if (isTerminal(turn.state)) return
    else if (turn.ticket !== undefined) this.#forwarder.adopt(turn)
    else if (turn.state === 'held' && this.#consent) this.#consent.adopt(turn)
    else if (bypasses(turn)) this.#lanes.bypass(turn)
    else this.#lanes.enter(turn)
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= (async () => {
      this.#forwarder.stop()
      this.#consent?.stop()
      await this.#lanes.stop(reason)
      for (const off of this.#off) off()
    })()
    return this.#stopping
  }

  async forget(whose: WhoseAccount): Promise<number> {
    const { ledger } = this.#deps
    const isTheirs = ({ message }: Turn) =>
      whose(message.tenantId, message.channelId, message.sender?.id ?? '')
    const open = ledger.open().filter(isTheirs)
    // The last first: a lane that becomes free must not start the next of them.
    for (const { id } of open.reverse()) {
      const turn = ledger.get(id)
      if (turn) await this.#endErased(turn)
    }
    this.#memory.forget(whose)
    return open.length
  }

  async #endErased(turn: Turn): Promise<void> {
    if (isTerminal(turn.state)) return
    try {
      // Its reply still waits for somebody: nobody is told any more.
      if (turn.final) await this.#endings.advance(turn, 'abandoned', 'erased')
      else if (!(await this.#cancel(turn, 'erased'))) await this.#endings.cancelled(turn, 'erased')
    } catch (thrown) {
      // Delivered in this moment.
      if (toYizhanError(thrown).code !== 'conflict') throw thrown
    }
    await this.#ended(turn.id)
  }

  readonly #run: RunTurn = async (entered, signal, lane) => {
    const { ledger } = this.#deps
    const turn = ledger.get(entered.id)
    if (!turn || turn.final || isTerminal(turn.state)) return
    this.#replies.began(turn.id)
    try {
      await settledOrAborted(this.#visit(turn, signal, lane), signal)
    } catch (thrown) {
      await this.#settle(turn, thrown, signal)
    }
  }

  async #visit(received: Turn, signal: AbortSignal, lane: LaneHold): Promise<void> {
    // A crash or a full disk came between the word that a person takes over and its record.
    if (received.notice?.content.handoff !== undefined) return this.#endings.finishHandOff(received)
    const tenant = this.#deps.tenants.get(received.tenant)
    if (!tenant) {
      // Nobody consented to its being kept.
      if (received.state === 'held') await this.#deps.ledger.blank([received.id])
      const unserved = await this.#endings.advance(received, 'routed', 'router')
      // Nobody waits for an answer to an event.
      if (isAskerEvent(unserved)) return this.#endings.silent(unserved, 'not-served')
      return this.#endings.refused(unserved, 'not-served')
    }
    if (received.state === 'forwarded' || received.state === 'streaming') {
      const plan = await this.#understanding.plan(this.#asked(received), signal)
      return this.#forwarder.forward(received, plan, lane)
    }
    const turn = await this.#endings.advance(received, 'routed', 'router')
    await this.chain.run({ ...this.#asked(turn), signal, lane })
  }

  /** The end of a turn whose handler did not end it. */
  async #settle(turn: Turn, thrown: unknown, signal: AbortSignal): Promise<void> {
    const error = toYizhanError(thrown)
    const aborted = signal.aborted && thrown === signal.reason
    // The agent stops, or the journal is dead: the ledger has it.
    if ((aborted && error.code === 'unavailable') || error.code === 'storage_failed') return
    try {
      if (aborted && error.code === 'cancelled') {
        const { cause } = error.details
        return await this.#endings.cancelled(
          turn,
          cause === 'recalled' || cause === 'erased' ? cause : 'command',
        )
      }
      if (error.code === 'disk_full') return this.#enterLater(turn)
      if (!aborted) this.#deps.log.error({ err: error, turnId: turn.id }, 'a turn failed')
      if (await this.#forwarder.fail(turn.id, error)) return
      await this.#endings.failed(turn, error)
    } catch (second) {
      if (toYizhanError(second).code !== 'disk_full') throw second
      this.#enterLater(turn)
    }
  }

  #enterLater(turn: Turn): void {
    this.#deps.log.warn({ turnId: turn.id }, 'the disk is full: the turn is tried again')
    this.#deps.clock.after(DISK_RETRY_MS, () => {
      const now = this.#deps.ledger.get(turn.id)
      if (now && !this.#stopping) this.enter(now)
    })
  }

  #asked(turn: Turn): Asked {
    const tenant = this.#deps.tenants.get(turn.tenant)
    if (!tenant) throw notServed(turn.tenant)
    const language = this.#memory.languageOf(turn, tenant)
    const meant = ticketed(turn) ?? pressedIntent(turn, tenant, language)
    return { turn, tenant, language, question: turn.message.text, ...meant }
  }

  #control(): ConversationControl {
    return {
      isLinkUp: () => this.#forwarder.linkUp,
      waiting: (turn: Turn) => this.#forwarder.waiting((other) => isSameAsker(turn, other)),
      cancel: (turn: Turn) => this.#cancelEarlier(turn),
      closeQuestion: (turn: Turn) => {
        const kind = this.#memory.takePending(turn)?.kind
        return kind === 'form' || kind === 'choice'
      },
      reset: (turn: Turn) => this.#memory.reset(turn),
      setLanguage: (turn: Turn, language: string) => this.#memory.chooseLanguage(turn, language),
    }
  }

  /** Everything that the asker of `turn` has running or waiting in its conversation; how many. */
  async #cancelEarlier(turn: Turn): Promise<number> {
    const earlier = this.#deps.ledger
      .open()
      .filter((other) => other.receivedSeq < turn.receivedSeq && isSameAsker(turn, other))
      .filter((other) => other.message.kind !== MessageKind.EVENT && !bypasses(other))
    const cancelled = await Promise.all(earlier.map((other) => this.#cancel(other, 'command')))
    return cancelled.filter(Boolean).length
  }

  async #cancel(turn: Turn, cause: CancelCause): Promise<boolean> {
    if (turn.final || isTerminal(turn.state)) return false
    if (await this.#forwarder.cancel(turn.id, cause)) return true
    if (await this.#consent?.cancel(turn, cause)) return true
    const reason = new YizhanError('cancelled', 'the turn was cancelled', { details: { cause } })
    const found = this.#lanes.cancel(turn, reason)
    if (found === 'queued') await this.#endings.cancelled(turn, cause)
    return found !== 'absent'
  }

  /** Resolves when a turn that was cancelled has ended. */
  #ended(turnId: string): Promise<void> {
    const { ledger } = this.#deps
    return new Promise((resolve) => {
      const look = () => {
        const turn = ledger.get(turnId)
        if (turn && !isTerminal(turn.state)) return
        off()
        resolve()
      }
      const off = ledger.onChange(look)
      look()
    })
  }

  /** What was held goes on, each in its conversation before what came after it. */
  #goOn(turns: readonly Turn[]): void {
    for (const turn of turns) {
      const now = this.#deps.ledger.get(turn.id)
      if (now && !isTerminal(now.state) && !this.#stopping) this.#lanes.enter(now)
    }
  }

  #background(turn: Turn, work: () => Promise<void>): void {
    work().catch((thrown: unknown) => {
      this.#deps.log.error({ err: toYizhanError(thrown), turnId: turn.id }, 'a turn could not go on')
    })
  }
}

/** What a turn with a ticket from an earlier run asks, if its message alone does not say it. */
function ticketed({ notice }: Turn): Pick<Asked, 'question' | 'chosen'> | undefined {
  const { asked, route } = notice?.content ?? {}
  if (asked === undefined) return undefined
  return { question: asked, ...(route ? { chosen: route.intent } : {}) }
}

/** Cancel, status and what is said of a turn do not queue behind it. */
function bypasses(turn: Turn): boolean {
  const { message } = turn
  if (message.kind === MessageKind.EVENT) return isAskerEvent(turn)
  const text = message.kind === MessageKind.CARD ? (message.cardAction?.action ?? '') : message.text
  const name = parseCommand(text)?.name
  return name === 'cancel' || name === 'status'
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
