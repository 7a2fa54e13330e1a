import type { Purpose } from '@yizhan/intent'
import { type Clock, type Logger, type TenantId, toYizhanError } from '@yizhan/kernel'
import type { EdgeLedger, Turn } from '../ledger/index.js'
import {
  type ConsentBook,
  consentCard,
  type Said,
  type Standings,
  senderOf,
  standingOf,
  toldText,
  untold,
  type Wanted,
  wantedOf,
} from '../privacy/index.js'
import { say } from '../skills/index.js'
import type { LiveTenant } from '../tenants/index.js'
import { cardAsText } from './card-view.js'
import type { Endings } from './endings.js'
import { HeldTurns } from './held-turns.js'
import type { Replies } from './port.js'
import type { TellingReplies } from './told-beside.js'
import { plainRoute, type Visit } from './visit.js'

export interface ConsentDeskDeps {
  readonly consents: Pick<ConsentBook, 'standings' | 'say' | 'ask' | 'keyOf'>
  readonly ledger: Pick<EdgeLedger, 'get' | 'blank' | 'waitedMs' | 'recent'>
  readonly endings: Endings
  readonly replies: Replies
  readonly telling: TellingReplies
  readonly tenants: { get(tenant: TenantId): LiveTenant | undefined }
  readonly languageOf: (turn: Turn, tenant: LiveTenant) => string
  /** Lets turns go on in their conversations, in the order in which they came. */
  readonly goOn: (turns: readonly Turn[]) => void
  readonly clock: Clock
  readonly log: Logger
}

/** Held of one person; and of all. */
const MAX_HELD_OF_ONE = 20
const MAX_HELD = 5_000
const SWEEP_MS = 30_000

export type Decision = 'agree' | 'agree-required' | 'decline'

/**
 * Asks before anything of a person is used. What needs a consent that is lacking is held, and only here: the person gets
 * one notice, and what they say decides. On consent what is held goes on in order; else its text is deleted.
 */
export class ConsentDesk {
  readonly #deps: ConsentDeskDeps
  readonly #held = new HeldTurns()
  #cancelSweep: () => void = () => undefined

  constructor(deps: ConsentDeskDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#cancelSweep = this.#deps.clock.after(SWEEP_MS, () => {
      this.#sweep()
      this.start()
    })
  }

  stop(): void {
    this.#cancelSweep()
  }

  /** Turns that wait for a consent. */
  get held(): number {
    return this.#held.size
  }

  heldOf(turn: Turn): number {
    return this.#held.countOf(this.#keyOf(turn))
  }

  async wanted({ turn, tenant }: Pick<Visit, 'turn' | 'tenant'>): Promise<Wanted> {
    const standings = await this.#deps.consents.standings(senderOf(turn.message))
    return wantedOf(tenant.file.privacy, turn.message.channelId, standings)
  }

  standings(turn: Turn): Promise<Standings> {
    return this.#deps.consents.standings(senderOf(turn.message))
  }

  /** Tells what needs no consent beside the first reply of the turn. */
  async tellBeside({ turn, tenant, language }: Visit, wanted: Wanted): Promise<void> {
    const standings = await this.standings(turn)
    const open = { ...wanted, optional: untold(wanted.optional, standings) }
    const text = toldText(tenant, language, open)
    if (text === undefined) return
    const shown = [...open.told, ...open.optional]
    this.#deps.telling.tell(turn.id, text, () => this.#shown(turn, language, shown))
  }

  /** Keeps the turn until the person has decided. */
  async hold(visit: Visit, wanted: Wanted): Promise<void> {
    const person = this.#keyOf(visit.turn)
    const isKnown = this.#held.has(person, visit.turn.id)
    if (!isKnown && (this.#held.countOf(person) >= MAX_HELD_OF_ONE || this.#held.size >= MAX_HELD)) {
      return this.#drop(visit.turn, 'consent-full')
    }
    const turn = await this.#deps.endings.advance(visit.turn, 'held', 'pending-consent')
    this.#held.add(person, turn)
    await this.#askOnce(person, { ...visit, turn }, wanted)
    // It may have been given meanwhile, in another conversation.
    if ((await this.wanted(visit)).required.length === 0) this.#release(person)
  }

  /** Takes a turn that an earlier run has held, or that met a full disk. */
  adopt(turn: Turn): void {
    this.#background(turn, async () => {
      const tenant = this.#deps.tenants.get(turn.tenant)
      if (turn.emptied !== undefined) return this.#drop(turn, 'consent-refused')
      if (!tenant) return this.#deps.goOn([turn])
      const wanted = await this.wanted({ turn, tenant })
      if (wanted.required.length === 0) return this.#deps.goOn([turn])
      const person = this.#keyOf(turn)
      this.#held.add(person, turn)
      const language = this.#deps.languageOf(turn, tenant)
      await this.#askOnce(person, { turn, tenant, language }, wanted)
    })
  }

  /** Other notices are in force: who lacks nothing any more goes on. */
  recheck(): void {
    for (const { person, turn } of this.#held) {
      const tenant = this.#deps.tenants.get(turn.tenant)
      this.#background(turn, async () => {
        if (!tenant || (await this.wanted({ turn, tenant })).required.length === 0) this.#release(person)
      })
    }
  }

  /** Ends a held turn that its sender takes back; false if it is not held. */
  async cancel(turn: Turn, cause: 'command' | 'recalled' | 'erased'): Promise<boolean> {
    if (!this.#held.delete(this.#keyOf(turn), turn.id)) return false
    await this.#deps.ledger.blank([turn.id])
    await this.#deps.endings.cancelled(turn, cause)
    return true
  }

  /** Forgets a held turn that somebody else has ended, and what it said. */
  async letGo(turn: Turn): Promise<void> {
    if (this.#held.delete(this.#keyOf(turn), turn.id)) await this.#deps.ledger.blank([turn.id])
  }

  /** Records what the person decided of what they were asked; what is held goes on or ends. How many were held. */
  async decide(
    visit: Visit,
    decision: Decision,
  ): Promise<{ readonly wanted: Wanted; readonly held: number }> {
    const { turn, language } = visit
    const { required, optional } = await this.wanted(visit)
    const standings = await this.standings(turn)
    const shown = (purpose: Purpose) => standingOf(standings, purpose)?.shown ?? purpose.version
    const saying = (purposes: readonly Purpose[], kind: Said['kind']) =>
      purposes.map((purpose) => ({
        purpose: purpose.id,
        kind,
        version: shown(purpose),
        locale: language,
        report: true,
      }))
    await this.#deps.consents.say(senderOf(turn.message), [
      ...saying(required, decision === 'decline' ? 'refused' : 'given'),
      ...saying(optional, decision === 'agree' ? 'given' : 'refused'),
    ])
    return { wanted: await this.wanted(visit), held: this.heldOf(turn) }
  }

  async say(turn: Turn, language: string, purposes: readonly Purpose[], kind: 'given' | 'withdrawn') {
    await this.#deps.consents.say(
      senderOf(turn.message),
      purposes.map(({ id, version }) => ({ purpose: id, kind, version, locale: language, report: true })),
    )
  }

  ask(turn: Turn, wish: 'export' | 'erasure', language: string): Promise<void> {
    return this.#deps.consents.ask(senderOf(turn.message), wish, language)
  }

  /** The notice as an answer: of a wish to see it, or when it has changed since it was shown. */
  async show({ turn, tenant, language }: Visit, wanted: Wanted): Promise<void> {
    const card = consentCard(tenant, language, wanted)
    await this.#shown(turn, language, [...wanted.required, ...wanted.optional, ...wanted.told])
    await this.#deps.endings.answer(turn, cardAsText(card), plainRoute('privacy', 'privacy'), { card })
  }

  /** After a decision: the turns of the person go on, or end with their text deleted. */
  async settle(turn: Turn, decision: Decision): Promise<void> {
    const person = this.#keyOf(turn)
    if (decision !== 'decline') return this.#release(person)
    for (const held of this.#held.take(person)) await this.#drop(held, 'consent-refused')
  }

  /** Turns of the person that this edge still has with their text. */
  kept(turn: Turn): number {
    const { sender, channelId } = turn.message
    return this.#deps.ledger
      .recent(Number.MAX_SAFE_INTEGER)
      .filter((other) => other.tenant === turn.tenant && other.message.channelId === channelId)
      .filter((other) => other.message.sender?.id === sender?.id && other.emptied === undefined).length
  }

  async #askOnce(
    person: string,
    { turn, tenant, language }: Pick<Visit, 'turn' | 'tenant' | 'language'>,
    wanted: Wanted,
  ): Promise<void> {
    if (!this.#held.asks(person)) return
    try {
      await this.#shown(turn, language, [...wanted.required, ...wanted.optional, ...wanted.told])
      const card = consentCard(tenant, language, wanted)
      await this.#deps.replies.notice(turn, {
        text: cardAsText(card),
        answeredBy: 'edge',
        citations: [],
        finish: 'stop',
        card,
        route: plainRoute('privacy', 'privacy'),
      })
    } catch (thrown) {
      this.#held.unasked(person)
      throw thrown
    }
  }

  /** Before a consent nothing leaves this edge: only what needs none is told to the center now. */
  async #shown(turn: Turn, language: string, purposes: readonly Purpose[]): Promise<void> {
    const said = purposes.map(({ id, version, basis }) => ({
      purpose: id,
      kind: 'shown' as const,
      version,
      locale: language,
      report: basis !== 'consent',
    }))
    await this.#deps.consents.say(senderOf(turn.message), said)
  }

  #release(person: string): void {
    const turns = this.#held.take(person)
    if (turns.length > 0) this.#deps.goOn(turns)
  }

  /** The text goes first: a crash in between leaves a held turn without one, which ends at the next start. */
  async #drop(turn: Turn, why: 'consent-refused' | 'consent-expired' | 'consent-full'): Promise<void> {
    await this.#deps.ledger.blank([turn.id])
    await this.#deps.endings.unheard(this.#deps.ledger.get(turn.id) ?? turn, why)
  }

  #sweep(): void {
    for (const { person, turn } of this.#held) {
      const { privacy } = this.#deps.tenants.get(turn.tenant)?.file ?? {}
      if (privacy && this.#deps.ledger.waitedMs(turn.id) < privacy.pendingConsentMs) continue
      this.#held.delete(person, turn.id)
      this.#background(turn, () => this.#drop(turn, 'consent-expired'))
    }
  }

  #keyOf(turn: Turn): string {
    return this.#deps.consents.keyOf(senderOf(turn.message))
  }

  #background(turn: Turn, work: () => Promise<void>): void {
    work().catch((thrown: unknown) => {
      const error = toYizhanError(thrown)
      if (error.code === 'unavailable') return
      this.#deps.log.error({ err: error, turnId: turn.id }, 'a held turn could not go on')
      // Tried again with the next sweep.
      const now = this.#deps.ledger.get(turn.id)
      if (now?.state === 'held') this.#held.add(this.#keyOf(now), now)
    })
  }
}

/** A sentence for whoever has decided. */
export function thanks({ tenant, language }: Visit, held: number): string {
  return held > 0
    ? say(tenant, language, 'privacy.thanks-held', { count: held })
    : say(tenant, language, 'privacy.thanks', {})
}
