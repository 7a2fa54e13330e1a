import type { MessageKey } from '@yizhan/intent'
import type { Clock, Logger } from '@yizhan/kernel'
import { toYizhanError, type YizhanError } from '@yizhan/kernel'
import {
  canMove,
  checkSeen,
  isTerminal,
  type Ledger,
  owesFinal,
  questionOf,
  type ReplyContent,
  type Route,
  type Turn,
  type TurnState,
} from '../ledger/index.js'
import { type MessageParams, say } from '../skills/index.js'
import { type LiveTenant, languageFor } from '../tenants/index.js'
import type { Replies } from './port.js'

export interface EndingsDeps {
  readonly ledger: Ledger
  readonly replies: Replies
  readonly tenants: { get(tenant: Turn['tenant']): LiveTenant | undefined }
  /** The language to answer a turn in. */
  readonly languageOf: (turn: Turn, tenant: LiveTenant) => string
  readonly clock: Clock
  readonly log: Logger
}

/** Why a turn was taken back: by a command or client, or because its message was recalled, which is not answered. */
export type CancelCause = 'command' | 'recalled' | 'erased'

/** Why a turn that was held for its sender's consent ends without being looked at. */
export type UnheardCause = 'consent-refused' | 'consent-expired' | 'consent-full'

const UNHEARD = {
  'consent-refused': 'privacy.refused',
  'consent-expired': 'privacy.expired',
  'consent-full': 'privacy.full',
} as const satisfies Record<UnheardCause, MessageKey>

const DISK_RETRY_MS = 5_000

/** The ways in which a turn ends at the edge. Each records the end before it tells of it. */
export class Endings {
  readonly #deps: EndingsDeps

  constructor(deps: EndingsDeps) {
    this.#deps = deps
  }

  /**
   * Moves a turn on if it is not there or further already (a step that a restart repeats). `conflict` if a person has had
   * it started again since.
   */
  async advance(turn: Turn, to: TurnState, cause: string): Promise<Turn> {
    const now = this.#deps.ledger.get(turn.id) ?? turn
    checkSeen(now, turn.version)
    if (!canMove(now.state, to)) return now
    return this.#deps.ledger.transition(turn.id, { to, cause, seen: turn.version })
  }

  /** A whole answer from the edge itself. */
  async answer(turn: Turn, text: string, route: Route, beside: Beside = {}): Promise<void> {
    const content = { text, answeredBy: 'edge', citations: [], finish: 'stop', route, ...beside } as const
    await this.#deps.replies.final(turn, content)
  }

  /**
   * A person takes over: the asker is told by a notice, and the turn is on the list. The notice, once durable, is the
   * decision, so that a restart in between neither tells again nor answers otherwise; see `finishHandOff`.
   */
  async handedOff(turn: Turn, handoff: string, content: HandOffNotice): Promise<void> {
    const routed = await this.advance(turn, 'routed', 'router')
    const told = { ...content, handoff, answeredBy: 'queued', citations: [], finish: 'stop' } as const
    if (routed.notice === undefined) {
      return this.finishHandOff(await this.#deps.replies.notice(routed, told))
    }
    // Its one notice asked for consent: the end is recorded, and then told as the final.
    const { ticket } = content
    const cause = `handoff ${handoff}`
    const ended = await this.#deps.ledger.transition(turn.id, { to: 'handed-off', cause, ticket })
    await this.#deps.replies.final(ended, told)
  }

  /** Ends a turn whose notice says that a person takes over. */
  async finishHandOff(turn: Turn): Promise<void> {
    const { handoff, ticket } = turn.notice?.content ?? {}
    const routed = await this.advance(turn, 'routed', 'router')
    if (handoff === undefined || ticket === undefined || !canMove(routed.state, 'handed-off')) return
    await this.#deps.ledger.transition(turn.id, { to: 'handed-off', cause: `handoff ${handoff}`, ticket })
  }

  /** The consent did not come: nothing was made of the message, and its text is deleted already. */
  async unheard(turn: Turn, why: UnheardCause): Promise<void> {
    const to = why === 'consent-expired' ? 'expired' : 'refused'
    await this.#end(turn, to, why, { text: this.say(turn, UNHEARD[why], {}), finish: 'failed' })
  }

  /** Done without a word: an event that changed a state. */
  async silent(turn: Turn, cause: string): Promise<void> {
    await this.advance(turn, 'replying', cause)
    await this.advance(turn, 'done', cause)
  }

  async refused(
    turn: Turn,
    why: 'overloaded' | 'maintenance' | 'not-served' | 'too-long' | 'lease-over',
    max = 0,
  ): Promise<void> {
    const text =
      why === 'too-long' ? this.say(turn, 'refuse.too-long', { max }) : this.say(turn, `refuse.${why}`, {})
    await this.#end(turn, 'refused', why, { text, finish: 'failed' })
  }

  async cancelled(turn: Turn, cause: CancelCause, soFar = '', quoted?: string): Promise<void> {
    if (cause === 'recalled' || cause === 'erased') {
      await this.advance(turn, 'cancelled', cause)
      return
    }
    const text = soFar === '' ? this.say(turn, 'end.cancelled', {}) : soFar
    const answeredBy = soFar === '' ? 'edge' : 'center'
    await this.#end(turn, 'cancelled', cause, { text, finish: 'cancelled', answeredBy, ...quote(quoted) })
  }

  async expired(turn: Turn, quoted: string): Promise<void> {
    const text = this.say(turn, 'end.expired', {})
    await this.#end(turn, 'expired', 'waiting-ttl', { text, finish: 'failed', quoted })
  }

  async failed(turn: Turn, error: YizhanError, soFar = '', quoted?: string): Promise<void> {
    const sentence = this.say(turn, 'end.failed', { code: error.code })
    const text = soFar === '' ? sentence : `${soFar}\n\n${sentence}`
    await this.#end(turn, 'failed', error.code, { text, finish: 'failed', ...quote(quoted) })
  }

  /** Tells of an end that a crash kept from being told. */
  async owed(turn: Turn): Promise<void> {
    if (!owesFinal(turn)) return
    const quoted = turn.ticket === undefined ? undefined : questionOf(turn)
    const finish = turn.state === 'cancelled' ? 'cancelled' : turn.state === 'handed-off' ? 'stop' : 'failed'
    await this.#tell(turn, { text: this.#owedText(turn), finish, ...quote(quoted) })
  }

  #owedText(turn: Turn): string {
    const { cause = 'internal', ticket = '', state } = turn
    if (state === 'cancelled') return this.say(turn, 'end.cancelled', {})
    if (state === 'handed-off') return this.say(turn, 'handoff.told', { ticket })
    if (isUnheard(cause)) return this.say(turn, UNHEARD[cause], {})
    return state === 'expired'
      ? this.say(turn, 'end.expired', {})
      : this.say(turn, 'end.failed', { code: cause })
  }

  /** A sentence in the language of the turn's asker. */
  say<K extends MessageKey>(turn: Turn, key: K, params: MessageParams<K>): string {
    const tenant = this.#deps.tenants.get(turn.tenant)
    const { text, locale } = turn.message
    const language = tenant
      ? this.#deps.languageOf(turn, tenant)
      : languageFor({ chosen: undefined, text, locale, before: undefined }, ['zh', 'en'])
    return say(tenant, language, key, params)
  }

  /** Repeats `work` while the disk is full: what was accepted is finished once there is room. */
  async persist<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (thrown) {
        if (toYizhanError(thrown).code !== 'disk_full') throw thrown
        this.#deps.log.warn('the disk is full: a turn waits for space')
      }
      await this.#deps.clock.sleep(DISK_RETRY_MS, signal)
    }
  }

  async #end(turn: Turn, to: TurnState, cause: string, content: PartialContent): Promise<void> {
    const ended = await this.advance(turn, to, cause)
    // Answered meanwhile, or ended by another hand.
    if (ended.final || (isTerminal(ended.state) && !owesFinal(ended))) return
    await this.#tell(ended, content)
  }

  async #tell(turn: Turn, content: PartialContent): Promise<void> {
    const ticket = turn.ticket === undefined ? {} : { ticket: turn.ticket }
    await this.#deps.replies.final(turn, { answeredBy: 'edge', citations: [], ...ticket, ...content })
  }
}

function isUnheard(cause: string): cause is UnheardCause {
  return Object.hasOwn(UNHEARD, cause)
}

/** What a local answer can have beside its text. */
export type Beside = Pick<ReplyContent, 'card' | 'choices' | 'opens'>

type HandOffNotice = Required<Pick<ReplyContent, 'text' | 'ticket' | 'route'>>

type PartialContent = Pick<ReplyContent, 'text' | 'finish'> & Partial<ReplyContent>

function quote(quoted: string | undefined): { quoted?: string } {
  return quoted === undefined ? {} : { quoted }
}
