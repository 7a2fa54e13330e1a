import type { Clock } from '@yizhan/kernel'
import {
  ChatType,
  create,
  type HistoryEntry,
  HistoryEntrySchema,
  HistoryRole,
  MessageKind,
} from '@yizhan/proto'
import { laneKey } from '../intake/index.js'
import type { Reply, Turn, WhoseAccount } from '../ledger/index.js'
import { type LiveTenant, languageFor } from '../tenants/index.js'
import type { Pending } from './pending.js'
import { RecentMap } from './recent-map.js'

export interface MemoryConfig {
  /** Exchanges of a conversation that go to the center with a question. Default 4. */
  readonly historyExchanges?: number
  /** Conversations and askers remembered. Default 5,000. */
  readonly maxConversations?: number
  /** How long a question back stays open. Default 10 min. */
  readonly pendingMs?: number
}

const MAX_HISTORY_CHARS = 2_000
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
 * What the edge remembers of conversations beyond their turns: the last exchanges, open questions back, chosen
 * languages. In memory only, bounded, lost with the process: a restart forgets no turn, but a "1" that answers a
 * question from before is then a question of its own, and a form begins anew.
 */
export class ConversationMemory {
  readonly #clock: Clock
  readonly #config: Required<MemoryConfig>
  readonly #history: RecentMap<readonly HistoryEntry[]>
  readonly #pending: RecentMap<{ readonly question: Pending; readonly askedAt: number }>
  readonly #chosen: RecentMap<string>
  readonly #spoken: RecentMap<string>

  constructor(clock: Clock, config: MemoryConfig) {
    this.#clock = clock
    this.#config = { historyExchanges: 4, maxConversations: 5_000, pendingMs: 600_000, ...config }
    const { maxConversations } = this.#config
    this.#history = new RecentMap(maxConversations)
    this.#pending = new RecentMap(maxConversations)
    this.#chosen = new RecentMap(maxConversations)
    this.#spoken = new RecentMap(maxConversations)
  }

  /** Notes an exchange when its final is recorded. For `Ledger.onChange`. */
  note(turn: Turn, change: { readonly reply?: Reply }): void {
    const { reply } = change
    if (reply?.kind !== 'final' || reply.state !== 'pending' || turn.message.kind !== MessageKind.TEXT) return
    const { content } = reply
    const spoken = content.finish === 'stop' || content.finish === 'length'
    if (!spoken || NOT_HISTORY.has(content.route?.decision ?? '')) return
    const key = laneKey(turn)
    const entries = [
      ...(this.#history.get(key) ?? []),
      entry(HistoryRole.USER, turn.mended?.asked ?? turn.message.text),
      entry(HistoryRole.ASSISTANT, content.text),
    ]
    this.#history.set(key, entries.slice(-2 * this.#config.historyExchanges))
  }

  history(turn: Turn): readonly HistoryEntry[] {
    return this.#history.get(laneKey(turn)) ?? []
  }

  /** Forgets what was said and asked; the language stays. */
  reset(turn: Turn): void {
    this.#history.delete(laneKey(turn))
    this.#pending.delete(askerKey(turn))
  }

  /** Opens a question to this asker. After its reply is recorded: a turn that is run again must not answer itself. */
  ask(turn: Turn, question: Pending): void {
    this.#pending.set(askerKey(turn), { question, askedAt: this.#clock.monotonic() })
  }

  /** The open question to this asker, which is open no longer. */
  takePending(turn: Turn): Pending | undefined {
    const key = askerKey(turn)
    const pending = this.#pending.get(key)
    this.#pending.delete(key)
    const fresh = pending && this.#clock.monotonic() - pending.askedAt < this.#config.pendingMs
    return fresh ? pending.question : undefined
  }

  /** Forgets these persons, and what was said where they spoke. */
  forget(whose: WhoseAccount): void {
    for (const key of this.#spoken.keys()) {
      const { lane, tenant, channel, sender } = askerIn(key)
      if (!whose(tenant, channel, sender)) continue
      this.#history.delete(lane)
      for (const map of [this.#pending, this.#chosen, this.#spoken]) map.delete(key)
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

function entry(role: HistoryRole, text: string): HistoryEntry {
  return create(HistoryEntrySchema, { role, text: text.slice(0, MAX_HISTORY_CHARS) })
}
