import { randomBytes } from 'node:crypto'
import { type Clock, type Logger, newId, type TenantId, YizhanError } from '@yizhan/kernel'
import type { Store, SystemStore } from '../storage/index.js'
import { privacyEntry } from './audit-entry.js'
import { identityDigest } from './blind-index.js'
import type { EdgeErasures } from './edge-erasures.js'
import {
  ERASURES,
  type Erasure,
  type ErasurePlace,
  type ErasureRecord,
  type ErasureState,
  erasureFromStored,
  putErasure,
} from './erasure-record.js'
import type { LegalHolds } from './holds.js'
import { type OpenErasures, openErasures } from './open-erasures.js'
import type { By, ErasureLog, ErasureLogEntry, PrivacySource, StoreUpkeep, SubjectKeys } from './port.js'
import type { SubjectDirectory } from './subject-directory.js'
import { countRecordsOf, deleteRecordsOf } from './subject-records.js'

export interface ErasuresDeps {
  readonly store: Store
  readonly system: SystemStore
  readonly keys: SubjectKeys
  readonly upkeep: Pick<StoreUpkeep, 'compact'>
  readonly subjects: SubjectDirectory
  readonly holds: LegalHolds
  readonly edges: EdgeErasures
  readonly erasureLog: ErasureLog
  /** What is derived or lies elsewhere. */
  readonly sources: readonly PrivacySource[]
  /** How long audit entries of this tenant are kept, the floor included. */
  readonly auditRetentionMs: (tenant: TenantId) => Promise<number>
  readonly clock: Clock
  readonly log: Logger
}

export interface ErasuresConfig {
  /** For how long backups and key copies are kept elsewhere; 0 = nothing is said about it. */
  readonly backupHorizonMs: number
}

export type ErasureOutcome =
  /** It is on its way or done; asked again, it is the same one. */
  | { readonly s: 'erasing'; readonly erasure: Erasure }
  | { readonly s: 'held'; readonly hold: string; readonly erasure: Erasure }
  | { readonly s: 'unknown' }

const SYSTEM_ACTOR = 'privacy'

/**
 * Erasures as durable jobs: each step is recorded with an audit entry, may be done twice, and is taken up again by
 * `resume` after a crash at any point.
 */
export class Erasures {
  readonly #deps: ErasuresDeps
  readonly #config: ErasuresConfig
  readonly #open: OpenErasures
  readonly #running = new Map<string, Promise<Erasure>>()
  /** Ids of those whose record is being written. */
  readonly #preparing = new Set<string>()

  constructor(deps: ErasuresDeps, config: ErasuresConfig) {
    this.#deps = deps
    this.#config = config
    this.#open = openErasures(deps.system)
  }

  /**
   * Erases a person; resolves when nothing at the center is left but what the record calls pending. What is broken off
   * goes on with `resume`.
   */
  async erase(tenant: TenantId, subject: string, by: By, signal: AbortSignal): Promise<ErasureOutcome> {
    const known = await this.#of(tenant, subject)
    if (known && known.state !== 'held') {
      return { s: 'erasing', erasure: await this.#run(tenant, known.id, signal) }
    }
    const ids = await this.#idsOf(tenant, subject)
    if (!ids) return { s: 'unknown' }
    const erasure = await this.#prepare(tenant, ids, known, by)
    if (erasure.hold !== undefined) return { s: 'held', hold: erasure.hold, erasure }
    const after = await this.#run(tenant, erasure.id, signal)
    return after.hold === undefined
      ? { s: 'erasing', erasure: after }
      : { s: 'held', hold: after.hold, erasure: after }
  }

  async get(tenant: TenantId, id: string): Promise<Erasure | undefined> {
    const record = await this.#deps.store.get(tenant, ERASURES, id)
    return record && erasureFromStored(record)
  }

  /** Oldest first. */
  async list(
    tenant: TenantId,
    options: { readonly cursor?: string } = {},
  ): Promise<{ readonly erasures: readonly Erasure[]; readonly cursor?: string }> {
    const { records, cursor } = await this.#deps.store.scan(tenant, ERASURES, options)
    const erasures = records.map(erasureFromStored)
    return cursor === undefined ? { erasures } : { erasures, cursor }
  }

  /** Takes up every erasure that is not closed: at the start, after an edge's answer, and once an hour. */
  async resume(signal: AbortSignal): Promise<{ readonly open: number; readonly failed: number }> {
    let open = 0
    let failed = 0
    for await (const { tenant, id } of this.#open.list()) {
      signal.throwIfAborted()
      try {
        if (!(await this.get(tenant, id))) {
          // A crash came between the pointer and the record: nothing was promised to anybody.
          if (!this.#preparing.has(id)) await this.#open.remove(tenant, id)
          continue
        }
        const erasure = await this.#run(tenant, id, signal)
        if (erasure.state !== 'closed' && erasure.state !== 'held') open++
      } catch (thrown) {
        signal.throwIfAborted()
        failed++
        this.#deps.log.error({ err: thrown, tenant, erasure: id }, 'an erasure could not go on')
      }
    }
    return { open, failed }
  }

  async #of(tenant: TenantId, subject: string): Promise<Erasure | undefined> {
    const index = { name: 'subject', value: subject }
    const { records } = await this.#deps.store.scan(tenant, ERASURES, { index, reverse: true, limit: 1 })
    return records[0] && erasureFromStored(records[0])
  }

  /** The person's id, the main one first; undefined if the center holds nothing by this id and never did. */
  async #idsOf(tenant: TenantId, subject: string): Promise<readonly string[] | undefined> {
    const known = await this.#deps.subjects.get(tenant, subject)
    if (known) return [known.id, ...known.also]
    const { places } = await this.#deps.store.places(tenant, { subject }, { limit: 1 })
    const there = places.length > 0 || this.#deps.keys.erasedAt(tenant, subject) !== undefined
    return there ? [subject] : undefined
  }

  /** All that must be known before the keys go, durable before anything is destroyed. */
  async #prepare(
    tenant: TenantId,
    subjects: readonly string[],
    held: Erasure | undefined,
    by: By,
  ): Promise<Erasure> {
    const { clock, edges } = this.#deps
    const now = clock.wall()
    const id = held?.id ?? newId('era', now)
    const salt = randomBytes(16)
    const hold = await this.#holdOn(tenant, subjects)
    const state: ErasureState = hold === undefined ? 'prepared' : 'held'
    const record: ErasureRecord = {
      state,
      subjects: [...subjects],
      requestedAt: now,
      requestedBy: by.actor,
      ...(by.requestId === undefined ? {} : { requestId: by.requestId }),
      updatedAt: now,
      steps: [...(held?.steps ?? []), { state, at: now }],
      salt: salt.toString('base64'),
      identities: await this.#identities(tenant, subjects, salt),
      records: {},
      places: [],
      edges: edges.of(tenant, now),
      auditUntil: now + (await this.#deps.auditRetentionMs(tenant)),
      ...(hold === undefined ? {} : { hold }),
    }
    this.#preparing.add(id)
    try {
      if (hold === undefined) await this.#open.add(tenant, id)
      return await this.#save(tenant, id, record, held?.version ?? 0, by)
    } finally {
      this.#preparing.delete(id)
    }
  }

  async #identities(tenant: TenantId, subjects: readonly string[], salt: Uint8Array): Promise<string[]> {
    const person = await this.#deps.subjects.get(tenant, subjects[0] ?? '')
    return (person?.accounts ?? []).map((account) =>
      Buffer.from(identityDigest(salt, tenant, account)).toString('base64'),
    )
  }

  /** The record with the ids and accounts that were linked since it was made; undefined if none were. */
  async #withLinked(tenant: TenantId, record: ErasureRecord): Promise<ErasureRecord | undefined> {
    const subjects = await this.#idsOf(tenant, record.subjects[0] ?? '')
    if (!subjects || subjects.join() === record.subjects.join()) return undefined
    const salt = Buffer.from(record.salt ?? '', 'base64')
    return { ...record, subjects: [...subjects], identities: await this.#identities(tenant, subjects, salt) }
  }

  async #holdOn(tenant: TenantId, subjects: readonly string[]): Promise<string | undefined> {
    const held = await this.#deps.holds.now(tenant)
    return subjects.map((subject) => held.covers(subject)).find((hold) => hold !== undefined)
  }

  /** One at a time for each erasure: whoever comes meanwhile gets the same result. */
  #run(tenant: TenantId, id: string, signal: AbortSignal): Promise<Erasure> {
    const key = `${tenant}/${id}`
    const running = this.#running.get(key) ?? this.#steps(tenant, id, signal)
    this.#running.set(key, running)
    const over = () => {
      if (this.#running.get(key) === running) this.#running.delete(key)
    }
    running.then(over, over)
    return running
  }

  async #steps(tenant: TenantId, id: string, signal: AbortSignal): Promise<Erasure> {
    for (;;) {
      signal.throwIfAborted()
      const erasure = await this.#reread(tenant, id)
      if (erasure.state === 'closed' || erasure.state === 'held') {
        await this.#open.remove(tenant, id)
        return erasure
      }
      const next = await this.#step(tenant, erasure, signal)
      if (next === undefined) return erasure
      const by = { actor: erasure.state === 'waiting' ? SYSTEM_ACTOR : erasure.requestedBy }
      await this.#save(tenant, id, next, erasure.version, by)
      if (next.state === 'waiting' && erasure.state === 'waiting') return await this.#reread(tenant, id)
    }
  }

  /** The record after the next step; undefined if there is nothing to do now. */
  async #step(tenant: TenantId, erasure: Erasure, signal: AbortSignal): Promise<ErasureRecord | undefined> {
    const { clock, store, keys, upkeep, erasureLog } = this.#deps
    const { id, version: _version, ...record } = erasure
    switch (erasure.state) {
      case 'prepared': {
        const linked = await this.#withLinked(tenant, record)
        if (linked) return linked
        const hold = await this.#holdOn(tenant, erasure.subjects)
        if (hold !== undefined) return { ...this.#reached(record, 'held'), hold }
        for (const subject of erasure.subjects) {
          const entry: ErasureLogEntry = { tenant, subject, erasureId: id, at: erasure.requestedAt }
          await erasureLog.append(entry)
        }
        return this.#reached(record, 'logged')
      }
      case 'logged': {
        let had = 0
        let at = 0
        for (const subject of erasure.subjects) {
          const destroyed = await keys.destroySubject(tenant, subject)
          if (destroyed.had) had++
          at = Math.max(at, destroyed.at)
        }
        // From now on nothing can be written for the person: what is counted here is all there will be.
        const records: Record<string, number> = {}
        for (const subject of erasure.subjects) {
          for (const [collection, count] of Object.entries(
            await countRecordsOf(store, tenant, subject, signal),
          ))
            records[collection] = (records[collection] ?? 0) + count
        }
        return { ...this.#reached(record, 'shredded'), keys: { had, at }, records }
      }
      case 'shredded': {
        const by = { actor: erasure.requestedBy }
        for (const subject of erasure.subjects)
          await deleteRecordsOf({ store, clock }, tenant, subject, by, signal)
        await upkeep.compact(tenant, signal)
        return this.#reached(record, 'deleted')
      }
      case 'deleted':
        return this.#reached(await this.#ask(tenant, erasure, signal), 'waiting')
      case 'waiting': {
        const asked = await this.#ask(tenant, erasure, signal)
        if (!isPending(asked)) return this.#close(asked)
        const same = JSON.stringify(asked) === JSON.stringify(record)
        return same ? undefined : { ...asked, updatedAt: clock.wall() }
      }
      case 'closed':
      case 'held':
        return undefined
      default:
        return erasure.state satisfies never
    }
  }

  /** Every place that is pending, once more. */
  async #ask(tenant: TenantId, erasure: Erasure, signal: AbortSignal): Promise<ErasureRecord> {
    const { id, version: _version, ...record } = erasure
    const places: ErasurePlace[] = []
    for (const source of this.#deps.sources) {
      const before = record.places.find(({ dataClass }) => dataClass === source.dataClass)
      places.push(
        before?.state === 'done' ? before : await this.#askSource(source, tenant, record, before, signal),
      )
    }
    const edges = await this.#deps.edges.ask(tenant, { ...record, id })
    return { ...record, places, edges }
  }

  async #askSource(
    source: PrivacySource,
    tenant: TenantId,
    { subjects }: ErasureRecord,
    before: ErasurePlace | undefined,
    signal: AbortSignal,
  ): Promise<ErasurePlace> {
    const now = this.#deps.clock.wall()
    const { dataClass } = source
    const over = before?.until !== undefined && before.until <= now
    if (before && over) return { dataClass, erased: before.erased, state: 'done', at: now }
    // It said when it is over by itself.
    if (before?.until !== undefined) return before
    let erased = before?.erased ?? 0
    let pending: { why: string; until?: number } | undefined
    for (const subject of subjects) {
      const count = await source.erase(tenant, subject, signal)
      erased += count.erased
      pending ??= count.pending
    }
    if (!pending) return { dataClass, erased, state: 'done', at: now }
    const { why, until } = pending
    return { dataClass, erased, state: 'pending', why, ...(until === undefined ? {} : { until }) }
  }

  #close(record: ErasureRecord): ErasureRecord {
    // Without an edge to tell, what would find the person's accounts is of no more use.
    const { salt: _salt, ...rest } = this.#reached(record, 'closed')
    const finishedAt = this.#deps.clock.wall()
    const { backupHorizonMs } = this.#config
    return {
      ...rest,
      identities: [],
      finishedAt,
      ...(backupHorizonMs === 0 ? {} : { horizonUntil: finishedAt + backupHorizonMs }),
    }
  }

  #reached(record: ErasureRecord, state: ErasureState): ErasureRecord {
    const now = this.#deps.clock.wall()
    return { ...record, state, updatedAt: now, steps: [...record.steps, { state, at: now }] }
  }

  async #save(
    tenant: TenantId,
    id: string,
    record: ErasureRecord,
    expectedVersion: number,
    by: By,
  ): Promise<Erasure> {
    const { state, subjects, hold } = record
    const edges = Object.fromEntries(record.edges.map((edge) => [edge.edge, edge.state]))
    const after = { state, subjects, edges, ...(hold === undefined ? {} : { hold }) }
    const action = expectedVersion === 0 ? 'CREATE' : 'UPDATE'
    const entry = privacyEntry(this.#deps.clock, by, action, `${ERASURES}/${id}`, { after })
    await this.#deps.store.batch(tenant, [putErasure(id, record, expectedVersion)], entry)
    return await this.#reread(tenant, id)
  }

  async #reread(tenant: TenantId, id: string): Promise<Erasure> {
    const erasure = await this.get(tenant, id)
    if (erasure) return erasure
    throw new YizhanError('internal', 'the record of an erasure is gone')
  }
}

function isPending({ places, edges }: ErasureRecord): boolean {
  return [...places, ...edges].some(({ state }) => state === 'pending')
}
