import { type Clock, RecentMap } from '@yizhan/kernel'
import {
  ChatEventType,
  ChatType,
  create,
  type HistoryEntry,
  HistoryEntrySchema,
  HistoryRole,
  MessageKind,
} from '@yizhan/proto'
import { laneKey } from '../intake/index.js'
import type { OpenQuestion, Reply, Turn, WhoseAccount } from '../ledger/index.js'
import { type LiveTenant, languageFor } from '../tenants/index.js'

export interface MemoryConfig {
  /** Exchanges of a conversation that go to the center with a question, as far as they have room together. Default 8. */
  readonly historyExchanges?: number
  /** Conversations and askers remembered. Default 5,000. */
  readonly maxConversations?: number
  /** What the texts of all histories have together, UTF-8: the conversation that was quiet for longest is forgotten. Default 4 MiB. */
  readonly maxHistoryBytes?: number
  /** How long a question to an asker stays open. Default 10 min. */
  readonly pendingMs?: number
  /** How long after that its answer is still known for one, though it comes too late. Default 24 h. */
  readonly lapsedMs?: number
}

/** A question that was open to an asker. */
export interface Asked {
  readonly question: OpenQuestion
  /** By the monotonic clock, in milliseconds. */
  readonly askedAt: number
}

/** One exchange. There are thousands, most of which go nowhere: the center's form is made when one goes there. */
interface Exchange {
  /** Of the question's message. */
  readonly platformId: string
  readonly asked: string
  readonly answered: string
  /** Of both texts. */
  readonly bytes: number
}

/** A question and an answer of Chinese fit together below. */
const MAX_TEXT_CHARS = 650
/** Of one conversation, UTF-8: half a second of a line of 64 kbit/s. */
const MAX_HISTORY_BYTES = 4_096
const NOT_HISTORY = new Set([
  'command',
  'ask-back',
  'slots',
  'event',
  'card',
  'attachments',
  'policy',
  'privacy',
])

/**
 * What the edge remembers of conversations beyond their turns: the last exchanges, open questions, chosen languages.
 * Bounded. A question is kept with the reply that asked it, and comes back from there after a restart; the rest is lost
 * with the process.
 */
export class ConversationMemory {
  readonly #clock: Clock
  readonly #config: Required<MemoryConfig>
  readonly #history: RecentMap<readonly Exchange[]>
  /** By conversation: the latest turn that began another subject or took something back. */
  readonly #from: RecentMap<string>
  readonly #pending: RecentMap<Asked>
  readonly #chosen: RecentMap<string>
  readonly #spoken: RecentMap<string>

  constructor(clock: Clock, config: MemoryConfig) {
    this.#clock = clock
    this.#config = {
      historyExchanges: 8,
      maxConversations: 5_000,
      maxHistoryBytes: 4 << 20,
      pendingMs: 600_000,
      lapsedMs: 86_400_000,
      ...config,
    }
    const { maxConversations, maxHistoryBytes } = this.#config
    this.#history = new RecentMap(maxConversations, {
      most: maxHistoryBytes,
      weightOf: (exchanges) => exchanges.reduce((sum, { bytes }) => sum + bytes, 0),
    })
    this.#from = new RecentMap(maxConversations)
    this.#pending = new RecentMap(maxConversations)
    this.#chosen = new RecentMap(maxConversations)
    this.#spoken = new RecentMap(maxConversations)
  }

  /**
   * Opens again what the turns of an earlier run asked and nobody has answered. `turns` in the order in which they were
   * received; `waitedMs`: since when, by the journal's age, so that only time that the agent ran counts.
   */
  recall(turns: readonly Turn[], waitedMs: (turn: Turn) => number): void {
    for (const turn of turns) {
      if (changesSubject(turn)) this.#from.set(laneKey(turn), turn.id)
      const { opens } = turn.final?.content ?? {}
      if (opens) this.putBack(turn, { question: opens, askedAt: this.#clock.monotonic() - waitedMs(turn) })
      else if (tookQuestion(turn)) this.#pending.delete(askerKey(turn))
    }
  }

  /**
   * Notes an exchange when its final is recorded, and opens what that asks: not before, because a turn that is run again
   * must not answer itself. For `Ledger.onChange`.
   */
  note(turn: Turn, change: { readonly reply?: Reply }): void {
    const { reply } = change
    if (reply?.kind !== 'final' || reply.state !== 'pending') return
    const { content } = reply
    if (content.opens) this.putBack(turn, { question: content.opens, askedAt: this.#clock.monotonic() })
    if (turn.message.kind !== MessageKind.TEXT) return
    const spoken = content.finish === 'stop' || content.finish === 'length'
    if (!spoken || NOT_HISTORY.has(content.route?.decision ?? '')) return
    const key = laneKey(turn)
    const asked = (turn.mended?.asked ?? turn.message.text).slice(0, MAX_TEXT_CHARS)
    const answered = content.text.slice(0, MAX_TEXT_CHARS)
    const bytes = Buffer.byteLength(asked) + Buffer.byteLength(answered)
    const exchange: Exchange = { platformId: turn.message.platformId, asked, answered, bytes }
    this.#history.set(
      key,
      latest([...(this.#history.get(key) ?? []), exchange], this.#config.historyExchanges),
    )
  }

  /** What goes to the center with a question of this turn's conversation. */
  before(turn: Turn): { readonly history: readonly HistoryEntry[]; readonly memoryFrom: string | undefined } {
    const key = laneKey(turn)
    const history = (this.#history.get(key) ?? []).flatMap(({ asked, answered }) => [
      create(HistoryEntrySchema, { role: HistoryRole.USER, text: asked }),
      create(HistoryEntrySchema, { role: HistoryRole.ASSISTANT, text: answered }),
    ])
    return { history, memoryFrom: this.#from.get(key) }
  }

  /** Forgets what was said about a message of this conversation: it was recalled. */
  unsay(turn: Turn, platformId: string): void {
    const key = laneKey(turn)
    const said = this.#history.get(key) ?? []
    this.#from.set(key, turn.id)
    this.#history.set(
      key,
      said.filter((exchange) => exchange.platformId !== platformId),
    )
  }

  /** Forgets what was said and asked; the language stays. */
  reset(turn: Turn): void {
    this.#history.delete(laneKey(turn))
    this.#from.set(laneKey(turn), turn.id)
    this.#pending.delete(askerKey(turn))
  }

  /** The open question to this asker, which is open no longer. */
  takePending(turn: Turn): Asked | undefined {
    const key = askerKey(turn)
    const asked = this.#pending.get(key)
    this.#pending.delete(key)
    const known = asked && this.#since(asked) < this.#config.pendingMs + this.#config.lapsedMs
    return known ? asked : undefined
  }

  /** Whether something may be open to this asker. */
  isAsked(turn: Turn): boolean {
    return this.#pending.has(askerKey(turn))
  }

  /** Whether its time to be answered is over. */
  hasLapsed(asked: Asked): boolean {
    return this.#since(asked) >= this.#config.pendingMs
  }

  /** Opens again what was taken by a turn that is run again. */
  putBack(turn: Turn, asked: Asked): void {
    this.#pending.set(askerKey(turn), asked)
  }

  #since({ askedAt }: Asked): number {
    return this.#clock.monotonic() - askedAt
  }

  /** Forgets these persons, and what was said where they spoke. */
  forget(whose: WhoseAccount): void {
    const askers = [this.#pending, this.#chosen, this.#spoken]
    for (const key of new Set(askers.flatMap((map) => map.keys()))) {
      const { lane, tenant, channel, sender } = askerIn(key)
      if (!whose(tenant, channel, sender)) continue
      this.#history.delete(lane)
      for (const map of askers) map.delete(key)
    }
  }

  chooseLanguage(turn: Turn, language: string): void {
    const key = askerKey(turn)
    this.#chosen.set(key, language)
    const open = this.#pending.get(key)
    if (open) this.#pending.set(key, { ...open, question: { ...open.question, language } })
  }

  /** The language to answer a turn in; remembered for one that says nothing about it, such as "1". */
  languageOf(turn: Turn, tenant: LiveTenant): string {
    const key = askerKey(turn)
    const { text, locale } = turn.message
    const signs = { chosen: this.#chosen.get(key), text, locale, before: this.#spoken.get(key) }
    const language = languageFor(signs, tenant.file.languages)
    this.#spoken.set(key, language)
    return language
  }
}

/** Texts that are answered before anybody looks at what is open. */
const PASSES_QUESTION = new Set(['policy', 'privacy', 'attachments', 'event'])
const CLOSING_COMMANDS = new Set(['/new', '/cancel', 'cancel'])
const WITH_CENTER = new Set(['forwarded', 'streaming', 'waiting', 'handed-off'])

function changesSubject({ message, final }: Turn): boolean {
  if (message.chatEvent?.type === ChatEventType.RECALLED) return true
  const { intent, decision } = final?.content.route ?? {}
  return decision === 'command' && intent === '/new'
}

/** Whether a turn has taken what was open to its asker, so that it will not take it again when it is run again. */
function tookQuestion({ message, state, final, mended }: Turn): boolean {
  const { intent = '', decision = '' } = final?.content.route ?? {}
  if (decision === 'command') return CLOSING_COMMANDS.has(intent)
  if (message.kind !== MessageKind.TEXT || mended || PASSES_QUESTION.has(decision)) return false
  return final !== undefined || WITH_CENTER.has(state)
}

/** One person in one conversation. */
function askerKey(turn: Turn): string {
  return JSON.stringify([laneKey(turn), turn.tenant, turn.message.channelId, turn.message.sender?.id ?? ''])
}

function askerIn(key: string) {
  const [lane = '', tenant = '', channel = '', sender = ''] = JSON.parse(key) as string[]
  return { lane, tenant, channel, sender }
}

/** Whether `other` is from the asker of `turn`: in a group others' questions are not theirs. */
export function isSameAsker(turn: Turn, other: Turn): boolean {
  if (laneKey(turn) !== laneKey(other)) return false
  return turn.message.chatType === ChatType.DIRECT || askerKey(turn) === askerKey(other)
}

/** The last ones that have room together. */
function latest(exchanges: readonly Exchange[], count: number): readonly Exchange[] {
  let sum = 0
  const tooMuch = exchanges.findLastIndex(({ bytes }) => {
    sum += bytes
    return sum > MAX_HISTORY_BYTES
  })
  return exchanges.slice(tooMuch + 1).slice(-count)
}
