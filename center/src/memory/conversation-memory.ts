import {
  type Clock,
  type Logger,
  type Metrics,
  RecentMap,
  type Running,
  type TenantId,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import { toStored } from '../fleet/index.js'
import { type AskedIn, estimateTokens, type Memory as MemoryPort, type Writer } from '../inference/index.js'
import { messageOf, TURNS, type Turn, type TurnFollower } from '../ledger/index.js'
import { conversationMark, memoryMark, type SubjectKeys } from '../privacy/index.js'
import {
  type Change,
  type Collection,
  collectionOf,
  STORE_LIMITS,
  type Store,
  type TypedRecord,
} from '../storage/index.js'
import { changesMemory, dueFor, exchangesOf } from './exchanges.js'
import { MEMORY, type Memory } from './memory-collection.js'
import { readableAtOnce, SUMMARY_PROMPT, summarise } from './summary.js'

export interface ConversationMemoryDeps {
  readonly store: Store
  readonly keys: Pick<SubjectKeys, 'lookupKey'>
  readonly writer: Writer
  /** Of a tenant's memories, milliseconds; null = until they are erased, 0 = none is kept. */
  readonly retention: (tenant: TenantId) => Promise<number | null>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

export interface MemoryFacts {
  readonly tokens: number
  /** How many turns are in it, and the last of them. */
  readonly turns: number
  readonly upTo: string
  /** When it was written, ISO 8601. */
  readonly at: string
}

/** A conversation whose turns are to be looked at. */
interface Wish {
  readonly where: AskedIn
  /** The turn after which it is looked at. */
  readonly turn: string
  readonly exchanges: number
}

/** What stands for a person's notes, and for their conversation. */
interface Marks {
  readonly key: string
  readonly conversation: string
}

interface Work {
  readonly where: AskedIn
  readonly abort: AbortController
  readonly settled: Promise<void>
}

/** Summaries that are written at once: they are never urgent. */
const AT_ONCE = 2
/** Milliseconds from the beginning of one to that of the next. An engine that is quick does not take the center from those who ask; others take longer anyway. */
const GAP_MS = 100
/** Conversations that wait to be looked at; further ones come again with their next question. */
const MAX_WAITING = 1_000
/** Turns that are looked at; what was said before them is given up. */
const MAX_TURNS = 100
/** Conversations of which it is known how many turns are not in short yet. */
const MAX_COUNTED = 10_000

/**
 * Keeps of each conversation what is not shown word for word any more, in short: written by the tenant's own engine behind
 * everybody who asks something, sealed under the key of the person who speaks, replaced only by what covers more turns. A
 * summary that cannot be made is only missing. It is made of the turns in the replica, and forgotten with them: when a
 * message of the conversation is recalled or its subject changes. `stop` gives up what is being written.
 */
export class ConversationMemory implements MemoryPort, TurnFollower, Running {
  readonly done: Promise<void>
  readonly #deps: ConversationMemoryDeps
  readonly #memories: Collection<Memory>
  readonly #turns: Collection<Turn>
  readonly #waiting = new Map<string, Wish>()
  readonly #working = new Map<string, Work>()
  /** By conversation and whose notes they are: turns of the replica that are not in the notes yet. Few need no look. */
  readonly #behind = new RecentMap<Map<string, Set<string>>>(MAX_COUNTED)
  readonly #marks = new RecentMap<Marks>(MAX_COUNTED)
  readonly #outcomes
  readonly #gapMs: number
  #cancelGap: (() => void) | undefined
  #isStopping = false
  #resolveDone: () => void = () => undefined

  constructor(deps: ConversationMemoryDeps, { gapMs = GAP_MS }: { readonly gapMs?: number } = {}) {
    this.#deps = deps
    this.#gapMs = gapMs
    this.#memories = collectionOf(deps, MEMORY)
    this.#turns = collectionOf(deps, TURNS)
    this.#outcomes = deps.metrics.counter(
      'yizhan_memory_summaries_total',
      'Summaries of conversations, by what became of them',
      ['outcome'],
    )
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve
    })
  }

  async recall(where: AskedIn, from = ''): Promise<string | undefined> {
    try {
      const held = await this.#memories.get(where.tenant, await this.#keyOf(where))
      if (!held || held.value.upTo < from) return undefined
      const keptMs = await this.#deps.retention(where.tenant)
      // The tenant may keep it for less time now than when it was written.
      const isOver = keptMs !== null && this.#deps.clock.wall() >= held.value.at + keptMs
      return isOver ? undefined : held.value.text
    } catch (thrown) {
      this.#deps.log.warn({ tenant: where.tenant, err: toYizhanError(thrown) }, 'a memory could not be read')
      return undefined
    }
  }

  /** How far the notes of this turn's asker go in its conversation, without a word of them; undefined if there are none. */
  async about(tenant: TenantId, turn: Turn): Promise<MemoryFacts | undefined> {
    const { channelId: channel, conversationId: conversation, sender } = messageOf(turn)
    const where = { tenant, channel, conversation, sender: sender?.id ?? '' }
    const held = await this.#memories.get(tenant, await this.#keyOf(where))
    if (!held) return undefined
    const { text, turns, upTo, at } = held.value
    return { tokens: estimateTokens(text), turns, upTo, at: new Date(at).toISOString() }
  }

  answered(where: AskedIn, turn: string, exchanges: number): void {
    if (this.#isStopping) return
    const name = JSON.stringify(where)
    const marks = this.#marks.get(name)
    const behind = marks && this.#behindIn(where.tenant, marks.conversation)?.get(marks.key)
    if (behind && behind.size < exchanges) {
      behind.add(turn)
      return
    }
    if (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(name)) {
      this.#count('dropped')
      return
    }
    this.#waiting.set(name, { where, turn, exchanges })
    this.#next()
  }

  /** Memories of conversations in which something was taken back, or another subject begins, go with these turns. */
  async changes(tenant: TenantId, turns: readonly Turn[]): Promise<readonly Change[]> {
    const changes: Change[] = []
    for (const { conversation, id } of turns) {
      for (const behind of this.#behindIn(tenant, conversation)?.values() ?? []) behind.add(id)
    }
    for (const turn of turns.filter(changesMemory)) {
      this.#behindIn(tenant, turn.conversation)?.clear()
      await this.#giveUp(
        async (where) => where.tenant === tenant && (await this.#markOf(where)) === turn.conversation,
      )
      for (const { key, version, value } of await this.#of(tenant, turn.conversation)) {
        // What was written since is without it.
        if (value.upTo < turn.id) changes.push(this.#memories.delete(key, { expectedVersion: version }))
      }
    }
    return changes
  }

  /** Gives up what is being written for anybody in this tenant; what waits is looked at anew. */
  async forget(tenant: TenantId): Promise<void> {
    // They name people. Whoever is left has one look taken that was not needed.
    this.#marks.clear()
    this.#behind.clear()
    await this.#giveUp((where) => where.tenant === tenant)
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (this.#working.size > 0)
      await Promise.all([...this.#working.values()].map(({ settled }) => settled))
  }

  async stop(reason: string): Promise<void> {
    this.#isStopping = true
    this.#waiting.clear()
    this.#cancelGap?.()
    for (const { abort } of this.#working.values()) abort.abort(new YizhanError('unavailable', reason))
    await this.idle()
    this.#resolveDone()
  }

  #next(): void {
    for (const [name, wish] of this.#waiting) {
      if (this.#working.size >= AT_ONCE || this.#cancelGap) return
      if (this.#working.has(name)) continue
      this.#waiting.delete(name)
      if (this.#gapMs > 0) this.#cancelGap = this.#deps.clock.after(this.#gapMs, () => this.#gapOver())
      const abort = new AbortController()
      const settled = this.#tend(wish, abort.signal).finally(() => {
        this.#working.delete(name)
        if (!this.#isStopping) this.#next()
      })
      this.#working.set(name, { where: wish.where, abort, settled })
    }
  }

  #gapOver(): void {
    this.#cancelGap = undefined
    this.#next()
  }

  /** Never rejects. */
  async #tend(wish: Wish, signal: AbortSignal): Promise<void> {
    try {
      let written: Memory | undefined
      do {
        written = await this.#write(wish, signal)
        if (written) this.#count('written')
      } while (written)
    } catch (thrown) {
      const err = toYizhanError(thrown)
      this.#count(signal.aborted ? 'given-up' : 'failed')
      this.#deps.log.info({ tenant: wish.where.tenant, err }, 'a conversation has no new summary')
    }
  }

  /** Takes some more turns into the memory; undefined if none are due. */
  async #write({ where, turn, exchanges }: Wish, signal: AbortSignal): Promise<Memory | undefined> {
    const { store, writer, retention, clock } = this.#deps
    const { tenant } = where
    const keptMs = await retention(tenant)
    if (keptMs === 0) return undefined
    const conversation = await this.#markOf(where)
    const key = await this.#keyOf(where)
    this.#marks.set(JSON.stringify(where), { key, conversation })
    const counted = this.#behindIn(tenant, conversation) ?? new Map<string, Set<string>>()
    // Before the look: what comes meanwhile is counted too.
    const behind = new Set<string>()
    this.#behind.set(`${tenant}/${conversation}`, counted.set(key, behind))
    const held = await this.#memories.get(tenant, key)
    const turns = await this.#turnsBetween(tenant, conversation, held?.value.upTo ?? '', turn)
    for (const { id } of turns) behind.add(id)
    const due = readableAtOnce(dueFor(exchangesOf(turns, where.sender), exchanges))
    const last = due.at(-1)
    if (last?.subject === undefined) return undefined
    counted.delete(key)
    const before = held?.value.text ?? ''
    const text = await summarise(writer, tenant, { before, exchanges: due }, signal)
    signal.throwIfAborted()
    if (text === '') return undefined
    const at = clock.wall()
    const memory: Memory = {
      ...{ key, conversation, text, at, upTo: last.turn, subject: last.subject },
      ...{ turns: (held?.value.turns ?? 0) + due.length, model: writer.model, prompt: SUMMARY_PROMPT },
      ...(keptMs === null ? {} : { expiresAt: at + keptMs }),
    }
    await store.batch(tenant, [this.#memories.save(memory, { expectedVersion: held?.version ?? 0 })], {
      time: at,
      actor: 'center',
      action: held ? 'UPDATE' : 'CREATE',
      object: `${MEMORY.def.name}/${key}`,
      after: toStored({ upTo: memory.upTo, turns: memory.turns }),
    })
    return memory
  }

  /** The latest turns of a conversation after one and before another, oldest first. */
  async #turnsBetween(tenant: TenantId, mark: string, after: string, before: string): Promise<Turn[]> {
    const page = await this.#turns.scan(tenant, {
      index: { name: 'conversation' },
      // The first value behind the turn's own.
      from: after === '' ? `${mark}/` : `${mark}/${after}\u0001`,
      to: `${mark}/${before}`,
      reverse: true,
      limit: MAX_TURNS,
    })
    return page.records.map(({ value }) => value).reverse()
  }

  async #of(tenant: TenantId, conversation: string): Promise<readonly TypedRecord<Memory>[]> {
    const index = { name: 'conversation', value: conversation }
    return (await this.#memories.scan(tenant, { index, limit: STORE_LIMITS.scanMax })).records
  }

  async #giveUp(matches: (where: AskedIn) => boolean | Promise<boolean>): Promise<void> {
    for (const { where, abort, settled } of [...this.#working.values()]) {
      if (!(await matches(where))) continue
      abort.abort(new YizhanError('cancelled', 'what is summarised was taken back'))
      await settled
    }
  }

  async #keyOf({ tenant, ...who }: AskedIn): Promise<string> {
    return memoryMark(await this.#deps.keys.lookupKey(tenant), who)
  }

  async #markOf({ tenant, channel, conversation }: AskedIn): Promise<string> {
    return conversationMark(await this.#deps.keys.lookupKey(tenant), channel, conversation)
  }

  #behindIn(tenant: TenantId, conversation: string): Map<string, Set<string>> | undefined {
    return this.#behind.get(`${tenant}/${conversation}`)
  }

  #count(outcome: string): void {
    this.#outcomes.inc({ outcome })
  }
}
