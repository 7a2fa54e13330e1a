import { type Clock, type TenantId, YizhanError } from '@yizhan/kernel'
import type { RecordPlace, Store, StoredRecord } from '../storage/index.js'
import { privacyEntry } from './audit-entry.js'
import { CONSENTS, type Consents, consentOf } from './consents.js'
import { classOfCollection, DATA_CLASSES } from './data-classes.js'
import type { HeldNow, LegalHolds } from './holds.js'
import { idTime } from './id-time.js'
import { type PrivacyPolicies, retentionOf } from './policy.js'
import type { By, PrivacySource, StoreUpkeep } from './port.js'
import { countsOf, deletions } from './subject-records.js'

export interface SweeperDeps {
  readonly store: Store
  readonly upkeep: Pick<StoreUpkeep, 'pruneAudit' | 'reclaim'>
  readonly holds: LegalHolds
  readonly consents: Consents
  readonly policies: PrivacyPolicies
  readonly sources: readonly PrivacySource[]
  readonly clock: Clock
}

/** What one kind of sweeping found; in a dry run: would delete. */
export interface Swept {
  readonly count: number
  /** When the oldest was written or should have gone, milliseconds since the Unix epoch. */
  readonly oldest?: number
}

export interface SweepReport {
  readonly tenant: TenantId
  readonly dryRun: boolean
  /** By data class: records whose own time was over, or that are older than their class is kept. */
  readonly classes: Readonly<Record<string, Swept>>
  /** Entries of the audit past its retention. */
  readonly audit: Swept
  /** What a legal hold keeps although its time is over. */
  readonly held: number
}

const PAGE = 200
// Of one run; the rest goes with the next. A page has 1,000 entries.
const MAX_AUDIT_PAGES = 1_000
/** So many deleted records are worth the work; fewer go with a later run. */
const RECLAIM_FROM = 1_000

/** Deletes what is past its time, a page at a time with an audit entry each; nothing that a legal hold covers. */
export class Sweeper {
  readonly #deps: SweeperDeps

  constructor(deps: SweeperDeps) {
    this.#deps = deps
  }

  async sweep(
    tenant: TenantId,
    { dryRun, by }: { readonly dryRun: boolean; readonly by: By },
    signal: AbortSignal,
  ): Promise<SweepReport> {
    const held = await this.#deps.holds.now(tenant)
    const run = new Run(this.#deps, { tenant, dryRun, by, held, signal })
    await run.expired()
    await run.retention()
    const audit = await run.audit()
    for (const { dataClass, swept } of this.#deps.sources) {
      if (!dryRun && swept && Object.hasOwn(run.classes, dataClass)) await swept(tenant, signal)
    }
    return { tenant, dryRun, classes: run.classes, audit, held: run.held }
  }
}

interface About {
  readonly tenant: TenantId
  readonly dryRun: boolean
  readonly by: By
  readonly held: HeldNow
  readonly signal: AbortSignal
}

/** A place with the time that it is counted by. */
interface Due extends RecordPlace {
  readonly at: number
}

class Run {
  readonly classes: Record<string, { count: number; oldest?: number }> = {}
  held = 0
  readonly #deps: SweeperDeps
  readonly #about: About
  readonly #now: number

  constructor(deps: SweeperDeps, about: About) {
    this.#deps = deps
    this.#about = about
    this.#now = deps.clock.wall()
  }

  /** Records with a time of their own. */
  async expired(): Promise<void> {
    const { store } = this.#deps
    const { tenant, signal } = this.#about
    let cursor: string | undefined
    do {
      signal.throwIfAborted()
      const page = await store.places(tenant, { expiredBefore: this.#now }, pageOf(cursor))
      await this.#take(
        'expired',
        page.places.map((place) => ({ ...place, at: place.expiresAt ?? this.#now })),
      )
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  /** Records older than their class is kept, where their key or value tells their age. */
  async retention(): Promise<void> {
    const privacy = await this.#deps.policies.of(this.#about.tenant)
    for (const { id, collections, aged } of DATA_CLASSES) {
      const ms = retentionOf(privacy, id)
      if (ms === null || !aged) continue
      const cutoff = this.#now - ms
      for (const collection of collections) {
        if (collection === CONSENTS) await this.#oldConsents(cutoff)
        else await this.#oldIds(collection, cutoff)
      }
    }
  }

  /** Entries past retention, in order, so that what is cut is always the beginning of the chain. */
  async audit(): Promise<Swept> {
    const { store, policies, upkeep, clock } = this.#deps
    const { tenant, dryRun, by, held, signal } = this.#about
    const ms = retentionOf(await policies.of(tenant), 'audit')
    if (ms === null) return { count: 0 }
    const cutoff = this.#now - ms
    let cursor: string | undefined
    let first: { sequence: number; time: number } | undefined
    let through = 0
    for (let pages = 0; pages < MAX_AUDIT_PAGES; pages++) {
      signal.throwIfAborted()
      const page = await store.audit(tenant, { limit: 1_000, ...(cursor === undefined ? {} : { cursor }) })
      const young = page.entries.findIndex(({ time }) => time >= cutoff)
      const old = young === -1 ? page.entries : page.entries.slice(0, young)
      first ??= old[0]
      through = old.at(-1)?.sequence ?? through
      cursor = page.cursor
      if (young !== -1 || cursor === undefined) break
    }
    if (!first) return { count: 0 }
    const count = through - first.sequence + 1
    if (held.any) {
      // An entry tells of many: whichever is held, the chain stays whole.
      this.held += count
      return { count: 0 }
    }
    if (!dryRun) {
      const after = { pruned: count, first: first.sequence, through }
      await store.batch(tenant, [], privacyEntry(clock, by, 'DELETE', 'audit', { after }))
      await upkeep.pruneAudit(tenant, through)
    }
    return { count, oldest: first.time }
  }

  async #oldConsents(cutoff: number): Promise<void> {
    const { store, consents } = this.#deps
    const { tenant, signal } = this.#about
    let cursor: string | undefined
    do {
      signal.throwIfAborted()
      const page = await store.scan(tenant, CONSENTS, pageOf(cursor))
      const due: Due[] = []
      for (const record of page.records) {
        const { at } = consentOf(record)
        if (at < cutoff && !(await consents.decides(tenant, record)))
          due.push({ ...placeOf(CONSENTS, record), at })
      }
      await this.#take('retention', due)
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  /** Keys that are ids sort by their time: what comes after the first young one is younger still. */
  async #oldIds(collection: string, cutoff: number): Promise<void> {
    const { store, upkeep } = this.#deps
    const { tenant, signal } = this.#about
    let cursor: string | undefined
    let deleted = 0
    let through = ''
    do {
      signal.throwIfAborted()
      const page = await store.scan(tenant, collection, pageOf(cursor))
      const due: Due[] = []
      let ended = false
      for (const record of page.records) {
        const at = idTime(record.key)
        if (at === undefined || at >= cutoff) {
          ended = true
          break
        }
        due.push({ ...placeOf(collection, record), at })
      }
      deleted += await this.#take('retention', due)
      through = due.at(-1)?.key ?? through
      cursor = ended ? undefined : page.cursor
    } while (cursor !== undefined)
    if (deleted >= RECLAIM_FROM) await upkeep.reclaim(tenant, collection, through, signal)
  }

  /** How many were deleted. */
  async #take(rule: 'expired' | 'retention', due: readonly Due[]): Promise<number> {
    const { held, dryRun } = this.#about
    const free = due.filter(({ subject }) => held.covers(subject) === undefined)
    this.held += due.length - free.length
    if (free.length === 0) return 0
    const deleted = dryRun ? [] : await this.#delete(rule, free)
    for (const place of dryRun ? free : deleted) this.#count(place)
    return deleted.length
  }

  /** Returns those that were deleted; one that was written anew meanwhile stays. */
  async #delete(rule: string, due: readonly Due[]): Promise<readonly Due[]> {
    const { store, clock } = this.#deps
    const { tenant, by } = this.#about
    const after = {
      rule,
      deleted: countsOf(due),
      keys: due.map(({ collection, key }) => `${collection}/${key}`),
    }
    try {
      const entry = privacyEntry(clock, by, 'DELETE', `retention/${rule}`, { after })
      await store.batch(tenant, deletions(due, this.#now), entry)
      return due
    } catch (thrown) {
      if (!(thrown instanceof YizhanError && thrown.code === 'conflict')) throw thrown
      if (due.length === 1) return []
      const half = due.length >> 1
      const parts = [due.slice(0, half), due.slice(half)]
      const deleted: Due[] = []
      for (const part of parts) deleted.push(...(await this.#delete(rule, part)))
      return deleted
    }
  }

  #count({ collection, at }: Due): void {
    const dataClass = classOfCollection(collection)
    const { count = 0, oldest = at } = this.classes[dataClass] ?? {}
    this.classes[dataClass] = { count: count + 1, oldest: Math.min(oldest, at) }
  }
}

function placeOf(collection: string, { key, version, subject, expiresAt }: StoredRecord): RecordPlace {
  return {
    collection,
    key,
    version,
    ...(subject === undefined ? {} : { subject }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
}

function pageOf(cursor: string | undefined) {
  return { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }
}
