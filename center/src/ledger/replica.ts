import { type Clock, type EdgeId, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import {
  create,
  fromBinary,
  type KnownTurn,
  KnownTurnSchema,
  type Message,
  MessageSchema,
} from '@yizhan/proto'
import { type EdgeRegistry, toStored } from '../fleet/index.js'
import {
  type AuditEntry,
  type Change,
  type Collection,
  collectionOf,
  type Store,
  type SystemStore,
  type TypedRecord,
} from '../storage/index.js'
import type { LedgerMetrics } from './ledger-metrics.js'
import type { Askers, TurnFollower, Uploaded, UploadStart } from './port.js'
import { keyOf, Positions } from './positions.js'
import { TURNS, type Turn } from './turn-collection.js'
import { foldTurn, type NewTurn, type Source } from './turn-fold.js'
import { turnStateOf } from './turn-names.js'

export interface TurnReplicaDeps {
  readonly store: Store
  readonly system: SystemStore
  readonly registry: Pick<EdgeRegistry, 'get'>
  readonly askers: Askers
  /** What is derived from turns. */
  readonly followers: readonly TurnFollower[]
  readonly metrics: LedgerMetrics
  readonly clock: Clock
  readonly log: Logger
}

type OfTurn = Extract<Uploaded, { kind: 'change' }>

const PAGE = 200
const MAX_ATTEMPTS = 4
// Keys of one `getMany`.
const MAX_KEYS = 1_000

/**
 * What the edges' ledgers say, per tenant, sealed under each asker's key. The edge is the truth: a record changes a
 * turn only forward, each record counts once, and what the center has taken over an edge cannot change any more.
 */
export class TurnReplica {
  readonly turns: Collection<Turn>
  readonly positions: Positions
  readonly #deps: TurnReplicaDeps
  /** The last work on each edge's turns: uploads, new epochs and take-overs of one edge wait for each other. */
  readonly #working = new Map<EdgeId, Promise<unknown>>()

  constructor(deps: TurnReplicaDeps) {
    this.#deps = deps
    this.turns = collectionOf(deps, TURNS)
    this.positions = new Positions(deps)
  }

  /**
   * Where the edge goes on from. With an epoch that is new, its open turns of earlier ones are in doubt from now on;
   * they are told until something of the new epoch is here. Durable when it resolves.
   */
  async open(source: Source): Promise<UploadStart> {
    return await this.inOrder(source.edge, async () => {
      const held = await this.positions.of(source)
      if (held && held.seq > 0n) return { seq: held.seq, known: [] }
      const known: KnownTurn[] = []
      for (const tenant of this.#deps.registry.get(source.edge)?.tenants ?? []) {
        known.push(...(await this.#doubt(tenant, source)))
      }
      if (!held) await this.positions.set(source, 0n)
      const { log } = this.#deps
      if (known.length > 0) {
        const turns = known.length
        log.error(
          { edge: source.edge, turns },
          'an edge came with a new journal: its open turns are in doubt',
        )
      }
      return { seq: 0n, known }
    })
  }

  /**
   * Applies records in their order, `seq` growing; durable when it resolves with the position that it has now. What is
   * there already changes nothing. `failed_precondition` before `open`; `disk_full` and what else the store throws: then
   * the edge sends all of it again.
   */
  async take(source: Source, records: readonly Uploaded[]): Promise<bigint> {
    return await this.inOrder(source.edge, async () => {
      const { metrics, clock } = this.#deps
      const held = await this.positions.of(source)
      if (!held)
        throw new YizhanError('failed_precondition', 'the first request of an epoch carries no records')
      const fresh = records.filter((record) => endOf(record) > held.seq)
      metrics.outcome('old', records.length - fresh.length)
      const last = fresh.at(-1)
      if (!last) return held.seq
      const byTenant = new Map<TenantId, OfTurn[]>()
      let lost = 0n
      let newest = 0n
      for (const record of fresh) {
        if (record.kind === 'lost') lost += record.count
        if (record.kind !== 'change') continue
        const { timeMs } = record.change.value
        if (timeMs > newest) newest = timeMs
        const own = byTenant.get(record.tenant)
        if (own) own.push(record)
        else byTenant.set(record.tenant, [record])
      }
      for (const [tenant, own] of byTenant) await this.#takeOf(tenant, source, own)
      const seq = later(last.seq, held.seq)
      await this.positions.set(source, seq, lost)
      metrics.lost(lost)
      if (newest > 0n) metrics.lag(source.edge, clock.wall() - Number(newest))
      return seq
    })
  }

  /** Runs `work` once nothing else works on this edge's turns. */
  async inOrder<T>(edge: EdgeId, work: () => Promise<T>): Promise<T> {
    const former = this.#working.get(edge) ?? Promise.resolve()
    const mine = former.then(work, work)
    this.#working.set(edge, mine)
    try {
      return await mine
    } finally {
      if (this.#working.get(edge) === mine) this.#working.delete(edge)
    }
  }

  /** Open turns of the edge, oldest first, a page at a time. */
  async *openOf(tenant: TenantId, edge: EdgeId): AsyncIterable<readonly TypedRecord<Turn>[]> {
    let from = `${edge}/`
    for (;;) {
      // From a key, not by a cursor: what a page holds may be closed before the next is read.
      const page = await this.turns.scan(tenant, {
        index: { name: 'edge-open' },
        from,
        to: `${edge}0`,
        limit: PAGE,
      })
      if (page.records.length > 0) yield page.records
      const last = page.records.at(-1)
      if (page.cursor === undefined || !last) return
      from = `${edge}/${last.key}\u0001`
    }
  }

  /** One batch with one audit entry; tells the metrics. Throws `conflict` as the store does. */
  async save(
    tenant: TenantId,
    changed: readonly { readonly before: TypedRecord<Turn> | undefined; readonly after: Turn }[],
    more: readonly Change[],
    audit: AuditEntry,
  ): Promise<void> {
    const puts = changed.map(({ before, after }) =>
      this.turns.save(after, { expectedVersion: before?.version ?? 0 }),
    )
    await this.#deps.store.batch(tenant, [...puts, ...more], audit)
    for (const { before, after } of changed) this.#deps.metrics.changed(tenant, before?.value, after)
  }

  /** Counts the open turns of a tenant anew, after records were deleted past this class. */
  async recount(tenant: TenantId): Promise<void> {
    const open: Turn[] = []
    let cursor: string | undefined
    do {
      const page = await this.turns.scan(tenant, {
        index: { name: 'open' },
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      })
      open.push(...page.records.map(({ value }) => value))
      cursor = page.cursor
    } while (cursor !== undefined)
    this.#deps.metrics.recounted(tenant, open)
  }

  async #doubt(tenant: TenantId, source: Source): Promise<KnownTurn[]> {
    const { clock } = this.#deps
    const known: KnownTurn[] = []
    for await (const page of this.openOf(tenant, source.edge)) {
      const older = page.filter(({ value }) => value.epoch !== source.epoch && !value.takenOver)
      const changed = older.flatMap((before) =>
        before.value.doubtSince === undefined
          ? [{ before, after: { ...before.value, doubtSince: clock.wall() } }]
          : [],
      )
      if (changed.length > 0) {
        const after = { newEpoch: source.epoch, inDoubt: changed.map(({ after: { id } }) => id) }
        await this.save(tenant, changed, [], this.#entry(source, after))
      }
      known.push(...older.map(({ value }) => knownOf(tenant, value)))
    }
    return known
  }

  /** One batch; again if somebody changed a turn meanwhile, or a person was erased. */
  async #takeOf(tenant: TenantId, source: Source, records: readonly OfTurn[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#tryTake(tenant, source, records)
        return
      } catch (thrown) {
        const again =
          thrown instanceof YizhanError && (thrown.code === 'conflict' || thrown.code === 'erased')
        if (!again) throw thrown
        if (attempt === MAX_ATTEMPTS)
          throw new YizhanError('unavailable', 'the turns are being changed just now', { cause: thrown })
      }
    }
  }

  async #tryTake(tenant: TenantId, source: Source, records: readonly OfTurn[]): Promise<void> {
    const { metrics, log } = this.#deps
    const position = await this.positions.ofTenant(tenant, source)
    const fresh = records.filter(({ upTo }) => upTo > position.seq)
    const last = fresh.at(-1)
    if (!last) return
    const before = await this.#read(tenant, fresh)
    const begun = await this.#begun(
      tenant,
      source,
      fresh.filter(({ change }) => !before.has(change.value.turnId)),
    )
    const after = new Map<string, Turn>()
    const counts = { stored: 0, unknown: 0, leaving: 0 }
    for (const { change } of fresh) {
      const id = change.value.turnId
      const turn = after.get(id) ?? before.get(id)?.value
      const isNew = turn === undefined && change.case === 'turn' && change.value.message !== undefined
      const next = foldTurn(turn, change, source, () => begun.get(id))
      if (next) after.set(id, next)
      counts[next ? 'stored' : isNew ? 'leaving' : 'unknown'] += 1
      if (next && next.edge !== source.edge) {
        log.warn({ edge: source.edge, tenant, turn: id }, 'an edge told of a turn that is another edge’s')
      }
    }
    const changed = [...after]
      .filter(([id, turn]) => before.get(id)?.value !== turn)
      .map(([id, turn]) => ({ before: before.get(id), after: turn }))
    const seq = later(last.seq, position.seq)
    const about = { seq: seq.toString(), records: fresh.length, turns: changed.length }
    const moved = this.positions.tenantChange(source, seq, position.version)
    const turns = changed.map(({ after }) => after)
    const derived: Change[] = []
    for (const follower of this.#deps.followers) derived.push(...(await follower.changes(tenant, turns)))
    await this.save(tenant, changed, [moved, ...derived], this.#entry(source, about))
    for (const outcome of ['stored', 'unknown', 'leaving'] as const) metrics.outcome(outcome, counts[outcome])
  }

  async #read(tenant: TenantId, records: readonly OfTurn[]): Promise<Map<string, TypedRecord<Turn>>> {
    const ids = [...new Set(records.map(({ change }) => change.value.turnId))]
    const found = new Map<string, TypedRecord<Turn>>()
    for (let at = 0; at < ids.length; at += MAX_KEYS) {
      for (const record of await this.turns.getMany(tenant, ids.slice(at, at + MAX_KEYS))) {
        if (record) found.set(record.key, record)
      }
    }
    return found
  }

  /** Of turns that come with their message: what they get here, by turn; without those whose askers are leaving. */
  async #begun(
    tenant: TenantId,
    source: Source,
    records: readonly OfTurn[],
  ): Promise<ReadonlyMap<string, NewTurn>> {
    const found = new Map<string, NewTurn>()
    const asked = new Map<string, Promise<string | undefined>>()
    const wanted = records.map(async ({ change }) => {
      if (change.case !== 'turn' || change.value.message === undefined) return
      const { turnId, message } = change.value
      const made = await this.#newTurn(tenant, source, message, asked)
      if (made) found.set(turnId, made)
    })
    const settled = await Promise.allSettled(wanted)
    for (const one of settled) if (one.status === 'rejected') throw one.reason
    return found
  }

  /** `asked`: the subjects that are being looked up, by account; one after the other what is said of one account. */
  async #newTurn(
    tenant: TenantId,
    { edge }: Source,
    { channelId: channel, sender, conversationId }: Message,
    asked: Map<string, Promise<string | undefined>>,
  ): Promise<NewTurn | undefined> {
    const { askers } = this.#deps
    const conversation = askers.conversation(tenant, channel, conversationId)
    const { id = '', name = '', department = '' } = sender ?? {}
    if (id === '') return { conversation: await conversation }
    const account = { channel, sender: id }
    const known = JSON.stringify([channel, id])
    const said = JSON.stringify([channel, id, name, department])
    const former = asked.get(known)
    const mine =
      asked.get(said) ??
      (former ?? Promise.resolve()).then(async () =>
        askers.leaving(edge, tenant, account)
          ? undefined
          : await askers.resolve(tenant, account, { name, department }, { actor: `edge:${edge}` }),
      )
    asked.set(said, mine)
    asked.set(known, mine)
    const [subject, mark] = await Promise.all([mine, conversation])
    return subject === undefined ? undefined : { subject, conversation: mark }
  }

  /** What an upload did, by ids and counts alone: each transition is the edge's own record. */
  #entry(source: Source, after: object): AuditEntry {
    return {
      time: this.#deps.clock.wall(),
      actor: `edge:${source.edge}`,
      action: 'UPDATE',
      object: `turn-positions/${keyOf(source)}`,
      after: toStored(after),
    }
  }
}

/** Where a record ends: one that tells of several positions may begin before what is here and say more than that. */
function endOf(record: Uploaded): bigint {
  return record.kind === 'change' ? record.upTo : record.seq
}

function later(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

export function messageOf({ message }: Turn): Message {
  return fromBinary(MessageSchema, Buffer.from(message, 'base64'))
}

function knownOf(tenant: TenantId, turn: Turn): KnownTurn {
  const { channelId, platformId } = messageOf(turn)
  return create(KnownTurnSchema, {
    turnId: turn.id,
    tenantId: tenant,
    channelId,
    platformId,
    state: turnStateOf(turn.state),
  })
}
