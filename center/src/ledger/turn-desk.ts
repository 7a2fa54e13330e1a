import {
  asEdgeId,
  type Clock,
  type EdgeId,
  type Logger,
  newId,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { type CommandView, type EdgeCommands, type EdgeRegistry, toStored } from '../fleet/index.js'
import type { By } from '../privacy/index.js'
import {
  type AuditEntry,
  type Collection,
  collectionOf,
  type Store,
  type TypedRecord,
} from '../storage/index.js'
import { isSettled, ORDERS, type TurnOrder } from './command-collection.js'
import { checkOrder, type NewOrder } from './order-check.js'
import { messageOf, type TurnReplica } from './replica.js'
import { isOpen, type Turn } from './turn-collection.js'
import { commandOf, isSameCommand, otherEdgeOf } from './turn-command.js'
import { listTurns, type TurnPage, type TurnQuery, unknownTurn } from './turn-list.js'
import { movedTurn, snapshotOf } from './turn-moves.js'

export interface TurnDeskDeps {
  readonly store: Store
  readonly replica: TurnReplica
  readonly commands: EdgeCommands
  readonly registry: Pick<EdgeRegistry, 'get' | 'list'>
  readonly tenants: () => readonly TenantId[]
  readonly clock: Clock
  readonly log: Logger
}

/** A turn with what people ordered, oldest first. */
export interface ShownTurn {
  readonly turn: Turn
  readonly orders: readonly TurnOrder[]
}

type Held = TypedRecord<TurnOrder>

const DAY_MS = 86_400_000
/**
 * What people see of turns and do to them. An order is durable and in the audit before it goes to the edge, and goes on
 * after a restart; a turn that was taken over is the center's own to end.
 */
export class TurnDesk {
  readonly #deps: TurnDeskDeps
  readonly #orders: Collection<TurnOrder>
  /** Orders that wait, by their commands. */
  readonly #waiting = new Map<string, { readonly tenant: TenantId; readonly id: string }>()
  #working: Promise<void> = Promise.resolve()
  #unsubscribe: () => void = () => undefined

  constructor(deps: TurnDeskDeps) {
    this.#deps = deps
    this.#orders = collectionOf(deps, ORDERS)
  }

  /** Takes up what was broken off, then listens for answers of edges. */
  async start(): Promise<void> {
    for (const tenant of this.#deps.tenants()) {
      for (const order of await this.#open(tenant)) await this.#resume(tenant, order)
    }
    this.#unsubscribe = this.#deps.commands.onSettled((_edge, view) => this.#settled(view))
  }

  /** Resolves when the answer that is being written is. */
  async stop(): Promise<void> {
    this.#unsubscribe()
    await this.#working
  }

  /** Resolves once the answers that came so far are worked up. */
  async settled(): Promise<void> {
    await this.#working
  }

  /** Without a word of what was said. */
  async list(tenant: TenantId, query: TurnQuery): Promise<TurnPage> {
    return await listTurns(this.#deps.replica, tenant, query)
  }

  /** Whole; that it was read is in the audit first. `not_found`. */
  async show(tenant: TenantId, id: string, by: By): Promise<ShownTurn> {
    const { value: turn } = await this.#turn(tenant, id)
    await this.#deps.store.batch(tenant, [], this.#entry('READ', `turns/${id}`, by, turn.subject))
    return { turn, orders: await this.#ordersOf(tenant, id) }
  }

  /** `not_found`. */
  async order(tenant: TenantId, id: string): Promise<TurnOrder> {
    const held = await this.#orders.get(tenant, id)
    if (held) return held.value
    throw new YizhanError('not_found', 'there is no such command', { hint: 'turns show' })
  }

  /**
   * Durable when it resolves, with what has come of it so far. `not_found`, `invalid_argument`; `conflict` (with the
   * version and state of now) if the turn has moved on; `failed_precondition` if nobody can carry it out.
   */
  async give(tenant: TenantId, id: string, wanted: NewOrder, by: By): Promise<TurnOrder> {
    const record = await this.#turn(tenant, id)
    const turn = record.value
    const target = checkOrder(this.#deps.registry, tenant, turn, wanted)
    // Nobody but the center guards such a turn: two orders at once could answer it twice.
    if (turn.takenOver && (await this.#ordersOf(tenant, id)).some((order) => !isSettled(order)))
      throw new YizhanError('conflict', 'another command of this turn is on its way', { hint: 'turns show' })
    const now = this.#deps.clock.wall()
    const order: TurnOrder = {
      id: newId('tcm', now),
      turn: id,
      action: wanted.action,
      ...(wanted.text === undefined ? {} : { text: wanted.text }),
      ...(wanted.target === undefined ? {} : { target: wanted.target }),
      expectedVersion: wanted.expectedVersion ?? turn.version,
      actor: by.actor,
      at: now,
      expiresAt: now + (wanted.ttlMs ?? DAY_MS),
      state: 'ordered',
      edge: turn.takenOver && target ? target : turn.edge,
      ...(turn.subject === undefined ? {} : { subject: turn.subject }),
    }
    if (turn.takenOver && !target) return await this.#endHere(tenant, record, order, by)
    const { text, target: to, action, expectedVersion } = order
    await this.#deps.store.batch(tenant, [this.#orders.save(order, { expectedVersion: 0 })], {
      ...this.#entry('UPDATE', `turns/${id}`, by, turn.subject),
      before: toStored({ state: turn.state, version: turn.version }),
      after: toStored({
        command: order.id,
        action,
        expectedVersion,
        ...(to ? { target: to } : {}),
        ...(text ? { text } : {}),
      }),
    })
    return await this.#send(tenant, await this.#held(tenant, order.id), turn)
  }

  /** Ends every order for this edge whose turn was taken over, or is gone; what waits for the edge is taken back. */
  async drop(edge: EdgeId): Promise<number> {
    let dropped = 0
    for (const { commandId, command } of this.#deps.commands.waiting(edge)) {
      if (command.case !== 'turn') continue
      const { turnId, tenantId, message } = command.value
      const tenant = this.#deps.tenants().find((one) => one === tenantId)
      const turn = tenant && (await this.#deps.replica.turns.get(tenant, turnId))?.value
      if (turn && (!turn.takenOver || message)) continue
      await this.#deps.commands.drop(edge, commandId)
      dropped += 1
      const waiting = this.#waiting.get(commandId)
      const held = waiting && (await this.#orders.get(waiting.tenant, waiting.id))
      if (waiting && held) await this.#end(waiting.tenant, held, 'dropped')
      this.#waiting.delete(commandId)
    }
    return dropped
  }

  /** After records of persons were deleted: nothing that was said of them waits for an edge. */
  async dropOrphans(): Promise<number> {
    let dropped = 0
    for (const { edgeId } of this.#deps.registry.list()) dropped += await this.drop(edgeId)
    return dropped
  }

  /** Puts the order's command into the edge's queue. */
  async #send(tenant: TenantId, held: Held, turn: Turn): Promise<TurnOrder> {
    const order = held.value
    const target = otherEdgeOf(order)
    const passesOn = target !== undefined && (turn.takenOver !== undefined || order.state === 'waiting')
    const edge = asEdgeId(passesOn ? target : turn.edge)
    if (!edge) throw new YizhanError('data_corrupt', 'a turn names no edge')
    const value = commandOf(tenant, order, passesOn ? messageOf(turn) : undefined)
    // One that a crash left in the queue before it was noted here.
    const known = this.#deps.commands
      .waiting(edge)
      .find(({ commandId, command }) => !this.#waiting.has(commandId) && isSameCommand(command, value))
    const { actor, expiresAt } = order
    const command =
      known?.commandId ??
      (await this.#deps.commands.queue(edge, { actor, expiresAt, command: { case: 'turn', value } }))
    this.#waiting.set(command, { tenant, id: order.id })
    const sent: TurnOrder = { ...order, state: passesOn ? 'passing-on' : 'waiting', edge, command }
    await this.#save(tenant, held, sent)
    return sent
  }

  #settled(view: CommandView): void {
    const waiting = this.#waiting.get(view.id)
    if (!waiting) return
    this.#work(async () => {
      const held = await this.#orders.get(waiting.tenant, waiting.id)
      if (held) await this.#came(waiting.tenant, held, view)
      this.#waiting.delete(view.id)
    })
  }

  #work(work: () => Promise<void>): void {
    this.#working = this.#working.then(work).catch((thrown: unknown) => {
      this.#deps.log.error({ err: thrown }, 'the answer to a command was not recorded; it is after a restart')
    })
  }

  /** The edge has answered, or did not in time. */
  async #came(tenant: TenantId, held: Held, { state, detail }: CommandView): Promise<void> {
    const order = held.value
    if (isSettled(order) || state === 'waiting') return
    const record = await this.#deps.replica.turns.get(tenant, order.turn)
    const isDone = state === 'done'
    if (!record || otherEdgeOf(order) === undefined) return await this.#end(tenant, held, state, detail)
    if (order.state === 'waiting') {
      if (!isDone) return await this.#end(tenant, held, state, detail)
      await this.#send(tenant, held, record.value)
      return
    }
    const turn = record.value
    if (isDone && turn.takenOver && isOpen(turn)) {
      const { actor, id, target: cause = '' } = order
      const after = movedTurn(turn, { state: 'rerouted', at: this.#deps.clock.wall(), actor, cause })
      await this.#change(tenant, record, after, { actor, requestId: id })
    }
    if (!isDone && !turn.takenOver) await this.#keepOpen(tenant, record, order)
    await this.#end(tenant, held, state, detail)
  }

  /** The first edge has let go of the turn and the other did not take it: somebody has to look after it here. */
  async #keepOpen(tenant: TenantId, before: TypedRecord<Turn>, { actor, id }: TurnOrder): Promise<void> {
    const at = this.#deps.clock.wall()
    const takenOver = { at, by: actor, reason: 'the other edge did not take it' }
    const after = { ...before.value, doubtSince: at, takenOver }
    await this.#change(tenant, before, after, { actor, requestId: id })
  }

  /** A turn that the center has taken over: answered by other means, or given up. */
  async #endHere(tenant: TenantId, record: TypedRecord<Turn>, order: TurnOrder, by: By): Promise<TurnOrder> {
    const { text, at } = order
    const said = text === undefined ? {} : { said: { text, at, by: by.actor } }
    const state = order.action === 'answer' ? 'done' : 'abandoned'
    const done: TurnOrder = { ...order, state: 'done', settledAt: at }
    const more = [this.#orders.save(done, { expectedVersion: 0 })]
    const after = movedTurn(
      { ...record.value, ...said },
      { state, at, actor: order.actor, cause: 'taken-over' },
    )
    await this.#change(tenant, record, after, by, more)
    return done
  }

  async #change(
    tenant: TenantId,
    before: TypedRecord<Turn>,
    after: Turn,
    by: By,
    more: readonly ReturnType<Collection<TurnOrder>['save']>[] = [],
  ): Promise<void> {
    await this.#deps.replica.save(tenant, [{ before, after }], more, {
      ...this.#entry('UPDATE', `turns/${after.id}`, by, after.subject),
      before: toStored(snapshotOf(before.value)),
      after: toStored(snapshotOf(after)),
    })
  }

  async #end(
    tenant: TenantId,
    held: Held,
    state: 'done' | 'failed' | 'expired' | 'dropped',
    detail?: string,
  ) {
    const settledAt = this.#deps.clock.wall()
    await this.#save(tenant, held, {
      ...held.value,
      state,
      settledAt,
      ...(detail === undefined ? {} : { detail }),
    })
  }

  /** Where a crash, or an answer that nobody heard, left it. */
  async #resume(tenant: TenantId, held: Held): Promise<void> {
    const { state, edge, command } = held.value
    if (state === 'ordered' || command === undefined) {
      const turn = await this.#deps.replica.turns.get(tenant, held.value.turn)
      if (turn) await this.#send(tenant, held, turn.value)
      else await this.#end(tenant, held, 'dropped')
      return
    }
    this.#waiting.set(command, { tenant, id: held.key })
    const id = asEdgeId(edge)
    const view = id && (await this.#deps.commands.get(id, command))
    if (!view) await this.#end(tenant, held, 'dropped')
    else if (view.state !== 'waiting') await this.#came(tenant, held, view)
  }

  /** The first hundred: nobody orders more of one turn. */
  async #ordersOf(tenant: TenantId, turn: string): Promise<TurnOrder[]> {
    const { records } = await this.#orders.scan(tenant, {
      index: { name: 'turn' },
      from: `${turn}/`,
      to: `${turn}0`,
    })
    return records.map(({ value }) => value)
  }

  async #open(tenant: TenantId): Promise<Held[]> {
    const open: Held[] = []
    let cursor: string | undefined
    do {
      const page = await this.#orders.scan(tenant, {
        index: { name: 'waiting' },
        ...(cursor === undefined ? {} : { cursor }),
      })
      open.push(...page.records)
      cursor = page.cursor
    } while (cursor !== undefined)
    return open
  }

  async #save(tenant: TenantId, before: Held, after: TurnOrder): Promise<void> {
    const { actor, id, subject, state, detail = '' } = after
    const entry = this.#entry('UPDATE', `turn-commands/${id}`, { actor }, subject)
    await this.#deps.store.batch(tenant, [this.#orders.save(after, { expectedVersion: before.version })], {
      ...entry,
      before: toStored({ state: before.value.state }),
      after: toStored({ state, detail }),
    })
  }

  async #held(tenant: TenantId, id: string): Promise<Held> {
    const held = await this.#orders.get(tenant, id)
    if (held) return held
    throw new YizhanError('erased', 'the person whose turn it is was erased')
  }

  async #turn(tenant: TenantId, id: string): Promise<TypedRecord<Turn>> {
    const record = await this.#deps.replica.turns.get(tenant, id)
    if (record) return record
    throw unknownTurn()
  }

  #entry(action: AuditEntry['action'], object: string, by: By, subject: string | undefined): AuditEntry {
    const { actor, requestId } = by
    return {
      time: this.#deps.clock.wall(),
      actor,
      action,
      object,
      ...(requestId === undefined ? {} : { requestId }),
      ...(subject === undefined ? {} : { subject }),
    }
  }
}
