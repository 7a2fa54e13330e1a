import type { Clock } from '@yizhan/kernel'
import type { TicketSource } from '../port.js'
import { push } from './announcer.js'
import type { TicketsPayload } from './contract.js'
import { clientMessageId } from './platform-id.js'
import type { Session } from './session.js'
import { type Subscriptions, topicTest } from './subscriptions.js'
import { chatOf, chatTopic } from './topics.js'

interface TicketBoardDeps {
  readonly subscriptions: Pick<Subscriptions<Session>, 'match'>
  readonly tickets: TicketSource
  readonly clock: Clock
}

const LEAF = '/tickets'
const NONE = JSON.stringify({ tickets: [] } satisfies TicketsPayload)
/** Differs from every payload. */
const OUTDATED = ''

/**
 * Tells the chats that somebody listens to which of their tickets wait, and in what place: on subscribing, and on a
 * change at most once in `everyMs`. One look goes over all that wait, whatever number of chats listens; without a
 * listener there is none.
 */
export class TicketBoard {
  readonly #deps: TicketBoardDeps
  readonly #everyMs: number
  /** Filters that may name a tickets topic. */
  readonly #watching = new Map<Session, Set<string>>()
  /** Topic → what its subscribers were told last, if that was not an empty list. */
  readonly #told = new Map<string, string>()
  #lookedAt = Number.NEGATIVE_INFINITY
  #cancelLook: (() => void) | undefined
  #off: () => void = () => undefined

  constructor(deps: TicketBoardDeps, { everyMs }: { readonly everyMs: number }) {
    this.#deps = deps
    this.#everyMs = everyMs
  }

  start(): void {
    this.#off = this.#deps.tickets.onChange(() => this.#lookSoon())
  }

  stop(): void {
    this.#off()
    this.#cancelLook?.()
    this.#cancelLook = undefined
  }

  /** Who listens from now on gets what waits; an empty list only where the filter names one chat. */
  subscribed(session: Session, filter: string, qos: number): void {
    if (!mayNameTickets(filter)) return
    const filters = this.#watching.get(session) ?? new Set()
    this.#watching.set(session, filters.add(filter))
    const wants = topicTest(filter)
    const boards = this.#boards()
    for (const [topic, board] of boards) {
      if (!wants(topic)) continue
      const text = JSON.stringify(board)
      push(session, topic, Buffer.from(text), qos)
      // Others who listen may not have been told yet: then the next look tells all.
      if (!this.#told.has(topic)) this.#told.set(topic, this.#cancelLook ? OUTDATED : text)
    }
    if (namesOneChat(filter) && !boards.has(filter)) push(session, filter, Buffer.from(NONE), qos)
  }

  unsubscribed(session: Session, filter: string): void {
    const filters = this.#watching.get(session)
    filters?.delete(filter)
    if (filters?.size === 0) this.left(session)
  }

  left(session: Session): void {
    this.#watching.delete(session)
    if (this.#watching.size === 0) this.#told.clear()
  }

  #lookSoon(): void {
    if (this.#watching.size === 0 || this.#cancelLook) return
    const { clock } = this.#deps
    const waitMs = Math.max(0, this.#lookedAt + this.#everyMs - clock.monotonic())
    this.#cancelLook = clock.after(waitMs, () => this.#look())
  }

  #look(): void {
    this.#cancelLook = undefined
    this.#lookedAt = this.#deps.clock.monotonic()
    const boards = this.#boards()
    for (const [topic, board] of boards) this.#tell(topic, () => JSON.stringify(board))
    for (const topic of [...this.#told.keys()]) if (!boards.has(topic)) this.#tell(topic, () => NONE)
  }

  #tell(topic: string, textOf: () => string): void {
    const listeners = this.#deps.subscriptions.match(topic)
    const text = listeners.size === 0 ? NONE : textOf()
    if (text !== (this.#told.get(topic) ?? NONE)) {
      const payload = Buffer.from(text)
      for (const [session, qos] of listeners) push(session, topic, payload, qos)
    }
    if (text === NONE) this.#told.delete(topic)
    else this.#told.set(topic, text)
  }

  /** Every chat of this channel that has a ticket, by its topic. */
  #boards(): Map<string, TicketsPayload> {
    const boards = new Map<string, TicketsPayload['tickets'][number][]>()
    for (const { turn, ticket, place } of this.#deps.tickets.waiting()) {
      const address = chatOf(turn.message.conversationId)
      if (!address) continue
      const topic = chatTopic(address, 'tickets')
      const inReplyTo = clientMessageId(turn.message.platformId)
      const row = { ticket, turnId: turn.id, ...(inReplyTo === undefined ? {} : { inReplyTo }), place }
      const rows = boards.get(topic)
      if (rows) rows.push(row)
      else boards.set(topic, [row])
    }
    return new Map([...boards].map(([topic, tickets]) => [topic, { tickets }]))
  }
}

function mayNameTickets(filter: string): boolean {
  return filter.endsWith(LEAF) || filter.endsWith('/+') || filter.endsWith('/#')
}

function namesOneChat(filter: string): boolean {
  return filter.endsWith(LEAF) && filter.split('/').length === 5 && !/[+#]/.test(filter)
}
