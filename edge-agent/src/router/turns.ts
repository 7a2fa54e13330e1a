import { type Clock, type Logger, type Metrics, type Running, toYizhanError } from '@yizhan/kernel'
import { MessageKind } from '@yizhan/proto'
import type { TicketSource } from '../channels/port.js'
import { type LaneLoad, Lanes, type TurnEntry } from '../intake/index.js'
import {
  type EdgeLedger,
  isTerminal,
  type MendOutcome,
  owesFinal,
  type Turn,
  type WhoseAccount,
} from '../ledger/index.js'
import type { ConsentBook } from '../privacy/index.js'
import {
  builtInSkills,
  type ConversationControl,
  parseCommand,
  type Skill,
  SkillRegistry,
} from '../skills/index.js'
import type { LiveTenant, TenantHost } from '../tenants/index.js'
import type { Uplink } from '../uplink/port.js'
import { FileNotingReplies, namesOf } from './attachments.js'
import { Cancelling } from './cancelling.js'
import { Chain } from './chain.js'
import { ConsentDesk } from './consent-desk.js'
import { ConversationMemory, isSameAsker, type MemoryConfig } from './conversation-memory.js'
import { Endings } from './endings.js'
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
import { type Classifier, OPEN_POLICY, type RecordedReplies, type RouterPolicy } from './port.js'
import { QuotingReplies } from './quoting-replies.js'
import { TimedReplies } from './timed-replies.js'
import { TellingReplies } from './told-beside.js'
import { TurnCommands, type TurnOrder } from './turn-commands.js'
import { TurnRunner } from './turn-runner.js'
import { type Preview, Understanding } from './understanding.js'
import type { Visit } from './visit.js'

export interface TurnsDeps {
  readonly ledger: EdgeLedger
  readonly tenants: Pick<TenantHost, 'get' | 'isApplied' | 'onChange'>
  readonly classifier: Classifier
  readonly replies: RecordedReplies
  readonly uplink: Pick<Uplink, 'link' | 'onLink' | 'infer' | 'maxInFlight'>
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
  /** What would be done with a text now; see `Understanding.preview`. */
  preview(tenant: LiveTenant, text: string, signal: AbortSignal): Promise<Preview>
  /**
   * Ends what runs and waits of these persons, silently, and forgets what conversations remember of them. Resolves when
   * that is recorded; how many turns were open.
   */
  forget(whose: WhoseAccount): Promise<number>
  /**
   * Does to a turn what a person asks for; how it stands then. A repeated order has the outcome of the first. See
   * `TurnCommands.take` for the errors.
   */
  mend(order: TurnOrder): Promise<MendOutcome>
}

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
  readonly #cancelling: Cancelling
  readonly #commands: TurnCommands
  readonly #runner: TurnRunner
  /** From an earlier run, while it is not known yet which tenants are served. */
  #early: Turn[] = []
  #off: (() => void)[] = []
  #stopping: Promise<void> | undefined

  constructor(deps: TurnsDeps, config: TurnsConfig) {
    this.#deps = deps
    const { forwardMs = 900_000, maxConcurrent, handlerMs } = config
    this.#lanes = new Lanes(deps, { maxConcurrent, handlerMs, parkedMs: forwardMs }, (...run) =>
      this.#runner.run(...run),
    )
    this.done = this.#lanes.done
    this.#memory = new ConversationMemory(deps.clock, config)
    const languageOf = this.#memory.languageOf.bind(this.#memory)
    const noting = new FileNotingReplies(new QuotingReplies(deps), (turn) =>
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
        memory: (turn) => this.#memory.before(turn),
        plan: async (turn, signal) => understanding.plan(this.#runner.asked(turn), signal),
        random: deps.random ?? Math.random,
      },
      config,
    )
    const understanding = new Understanding({ ...deps, skills, center: this.#forwarder })
    this.#understanding = understanding
    const { clock } = deps
    const memory = this.#memory
    const forms = new Forms({ endings, understanding, clock })
    const answers = new LocalAnswers({ endings, skills })
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
    this.#cancelling = new Cancelling({
      ...deps,
      endings,
      lanes: this.#lanes,
      forwarder: this.#forwarder,
      consent: this.#consent,
      bypasses,
    })
    this.#commands = new TurnCommands({
      ...deps,
      drop: (turn) => this.#cancelling.drop(turn),
      enter: (turn) => this.enter(turn),
    })
    const linkUp = () => this.#forwarder.linkUp
    const clear = deps.ledger.clear.bind(deps.ledger)
    this.chain = new Chain([
      askerEventHandler({
        ...{ ...deps, endings, memory },
        cancel: (turn, cause) => this.#cancelling.cancel(turn, cause),
      }),
      policyHandler({ endings, ledger: deps.ledger }, deps.policy ?? (() => OPEN_POLICY)),
      ...(this.#consent ? [consentHandler({ desk: this.#consent, endings, linkUp, clear })] : []),
      commandHandler(commands),
      attachmentsHandler(endings),
      pendingQuestionHandler({ ...commands, memory, forms, understanding }),
      cardHandler(commands),
      eventHandler(endings),
      textHandler({ ...deps, understanding, answers, forms, endings, clock, forwarder: this.#forwarder }),
    ])
    this.#runner = new TurnRunner({
      ...deps,
      replies: timed,
      endings,
      memory,
      understanding,
      forwarder: this.#forwarder,
      chain: this.chain,
      enter: (turn) => this.enter(turn),
      asksConsent: this.#consent !== undefined,
    })
  }

  start(): void {
    const { ledger, tenants } = this.#deps
    const earlier = ledger.recent(Number.POSITIVE_INFINITY).reverse()
    this.#memory.recall(earlier, (turn) => ledger.waitedMs(turn.id))
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

  preview(tenant: LiveTenant, text: string, signal: AbortSignal): Promise<Preview> {
    return this.#understanding.preview(tenant, text, signal)
  }

  get held(): number {
    return this.#consent?.held ?? 0
  }

  enter(turn: Turn): void {
    if (turn.final) return
    if (!this.#deps.tenants.isApplied) this.#early = [...this.#early.filter(({ id }) => id !== turn.id), turn]
    else if (owesFinal(turn)) this.#background(turn, () => this.#endings.owed(turn))
    else if (isTerminal(turn.state)) return
    else if (turn.ticket !== undefined && !isBegun(turn)) this.#forwarder.adopt(turn)
    else if (turn.state === 'held' && this.#consent) this.#consent.adopt(turn)
    else if (bypasses(turn)) this.#lanes.bypass(turn)
    else this.#lanes.enter(turn)
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= (async () => {
      this.#forwarder.stop()
      this.#consent?.stop()
      this.#runner.stop()
      await this.#lanes.stop(reason)
      for (const off of this.#off) off()
    })()
    return this.#stopping
  }

  async forget(whose: WhoseAccount): Promise<number> {
    const open = await this.#cancelling.endOf(whose)
    this.#memory.forget(whose)
    return open
  }

  mend(order: TurnOrder): Promise<MendOutcome> {
    return this.#commands.take(order)
  }

  #control(): ConversationControl {
    return {
      isLinkUp: () => this.#forwarder.linkUp,
      waiting: (turn: Turn) => this.#forwarder.waiting((other) => isSameAsker(turn, other)),
      cancel: (turn: Turn) => this.#cancelling.cancelEarlier(turn),
      closeQuestion: (turn: Turn) => {
        const kind = this.#memory.takePending(turn)?.question.kind
        return kind === 'form' || kind === 'choice'
      },
      reset: (turn: Turn) => this.#memory.reset(turn),
      setLanguage: (turn: Turn, language: string) => this.#memory.chooseLanguage(turn, language),
    }
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

/** Whether a turn with a ticket was started again, and is not on its way to the center yet. */
function isBegun({ state }: Turn): boolean {
  return state === 'routed' || state === 'answering'
}

/** Cancel, status and what is said of a turn do not queue behind it. */
function bypasses(turn: Turn): boolean {
  const { message } = turn
  if (message.kind === MessageKind.EVENT) return isAskerEvent(turn)
  const text = message.kind === MessageKind.CARD ? (message.cardAction?.action ?? '') : message.text
  const name = parseCommand(text)?.name
  return name === 'cancel' || name === 'status'
}
