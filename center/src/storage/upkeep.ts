import { type TenantId, YizhanError } from '@yizhan/kernel'
import type { RecordEngine, Row, Scope, ScopeCheck } from './engine.js'
import { checkPage, checkTenant } from './limits.js'
import type { MoveProgress, MoveReport, Mover, TenantMove } from './move.js'
import type { PlaceGates } from './place-gate.js'
import type { Move, PlaceMap } from './place-map.js'
import type { Places } from './places.js'
import type { PageOptions, ScopeHead } from './port.js'

/** Where a tenant lives, and what the store knows of it. */
export interface TenantHome {
  readonly tenant: TenantId
  readonly place: string
  /** Undefined for a tenant whose first write never came through. */
  readonly head?: ScopeHead
  readonly move?: Move
}

export interface PlaceSize {
  /** `system`, `shard-0`, `postgres`. */
  readonly place: string
  readonly tenants: number
  /** On disk. */
  readonly bytes: number
}

/** What keeps the storage in order, beside its use. null as scope: what belongs to no tenant. */
export interface StorageUpkeep {
  places(): Promise<readonly PlaceSize[]>
  /** In the order of their ids; the cursor is the last id of the page. Default 100 a page, at most 1,000. */
  tenants(
    options?: PageOptions,
  ): Promise<{ readonly tenants: readonly TenantHome[]; readonly cursor?: string }>
  tenantIds(): readonly TenantId[]
  /** Throws `not_found`. */
  tenant(tenant: TenantId): Promise<TenantHome>
  /** About what the scope takes on disk. Throws `not_found`. */
  size(scope: Scope): Promise<number>
  /** Reads everything of a scope and holds it against its head; what is damaged is in the answer. `not_found`. */
  check(scope: Scope, signal: AbortSignal): Promise<ScopeCheck>
  /** All rows of a scope in one view; none for a tenant that has never written. */
  rows(scope: Scope, signal: AbortSignal): AsyncIterable<readonly Row[]>
  /** Takes rows of `rows` into an empty scope. A broken-off load leaves no tenant. Throws `already_exists`. */
  load(scope: Scope, rows: AsyncIterable<readonly Row[]>, signal: AbortSignal): Promise<void>
  /** Deletes all of a tenant; idempotent. It takes no writes meanwhile. */
  drop(tenant: TenantId, signal: AbortSignal): Promise<void>
  /** Seals every record of a scope anew under the newest keys. */
  reseal(scope: Scope, signal: AbortSignal): Promise<{ readonly resealed: number }>
  /** Deletes the audit entries up to `through`. */
  pruneAudit(tenant: TenantId, through: number): Promise<void>
  /** Gives freed space back; undefined: of everything. What was deleted is then gone from the files, as far as the engine can. */
  compact(scope: Scope | undefined, signal: AbortSignal): Promise<void>
  /** The same for the beginning of one collection, up to the key `through`, after records were deleted there. */
  reclaim(scope: Scope, collection: string, through: string, signal: AbortSignal): Promise<void>
  /** See `Mover.move`. */
  move(
    tenant: TenantId,
    place: string,
    signal: AbortSignal,
    onProgress?: (progress: MoveProgress) => void,
  ): Promise<MoveReport>
  /** Moves that have begun and have not ended: those that run, and those that a crash left. */
  moves(): readonly TenantMove[]
  /** Undoes or ends the moves that a crash left, as every start does; answers those that it could not. */
  settleMoves(): Promise<readonly TenantMove[]>
}

export interface UpkeepDeps {
  readonly system: RecordEngine
  readonly places: Places
  readonly map: PlaceMap
  readonly gates: PlaceGates
  readonly mover: Mover
}

const DROPPED = 'all of it is being deleted'

/** Finds the engine of each scope, and keeps what reads a place and what changes it apart. */
export class Upkeep implements StorageUpkeep {
  readonly #deps: UpkeepDeps

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
  }

  async places(): Promise<readonly PlaceSize[]> {
    const { system, places, map } = this.#deps
    const homes = map.homes()
    const engines = [...new Set([system, ...places.all()])]
    return Promise.all(
      engines.map(async (engine) => ({
        place: engine.name,
        tenants: homes.filter(([, { place }]) => place === engine.name).length,
        bytes: (await engine.size()).bytes,
      })),
    )
  }

  async tenants(options: PageOptions = {}): ReturnType<StorageUpkeep['tenants']> {
    const limit = checkPage(options)
    const { cursor = '' } = options
    const ids = this.tenantIds().filter((tenant) => tenant > cursor)
    const page = ids.slice(0, limit)
    const tenants = await Promise.all(page.map((tenant) => this.tenant(tenant)))
    const last = page.at(-1)
    return ids.length > limit && last !== undefined ? { tenants, cursor: last } : { tenants }
  }

  tenantIds(): readonly TenantId[] {
    return this.#deps.map.tenants()
  }

  async tenant(tenant: TenantId): Promise<TenantHome> {
    checkTenant(tenant)
    const head = await this.#read(tenant, (engine) => engine.head(tenant))
    const home = this.#deps.map.find(tenant)
    if (!home) throw notFound(tenant)
    return { tenant, ...home, ...(head ? { head } : {}) }
  }

  async size(scope: Scope): Promise<number> {
    return this.#read(scope, async (engine) => (await engine.size(scope)).scopeBytes ?? 0)
  }

  async check(scope: Scope, signal: AbortSignal): Promise<ScopeCheck> {
    return this.#read(scope, (engine) => engine.check(scope, signal))
  }

  async *rows(scope: Scope, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
    if (scope === null) return yield* this.#deps.system.rows(null, signal)
    checkTenant(scope)
    const end = this.#deps.gates.beginRead(scope)
    try {
      const home = this.#deps.map.find(scope)
      if (home) yield* this.#deps.places.engine(home.place).rows(scope, signal)
    } finally {
      end()
    }
  }

  async load(scope: Scope, rows: AsyncIterable<readonly Row[]>, signal: AbortSignal): Promise<void> {
    const { system, places, map, gates } = this.#deps
    if (scope === null) {
      await system.load(null, rows, signal)
      await map.load()
      // A map that came from elsewhere may name places that are none here, also of tenants without a row.
      for (const [tenant, { place }] of map.homes()) {
        if (!places.find(place)) await map.set(tenant, { place: places.choose(tenant) })
      }
      return
    }
    checkTenant(scope)
    const release = gates.claim(scope)
    try {
      gates.shut(scope, 'a backup of it is being loaded')
      await gates.written(scope, signal)
      await map.assign(scope)
      // A map that came with a backup may name a place that is none here, or a move that began elsewhere.
      const home = map.find(scope)
      const place = home && places.find(home.place) ? home.place : places.choose(scope)
      if (home?.place !== place || home.move) await map.set(scope, { place })
      const engine = places.engine(place)
      if (await engine.head(scope)) {
        throw new YizhanError('already_exists', `the tenant ${scope} is there already`, {
          details: { tenant: scope },
        })
      }
      await engine.load(scope, rows, signal).catch(async (thrown: unknown) => {
        // What came in of it must not show through what is written later.
        await engine.drop(scope, new AbortController().signal).catch(() => undefined)
        throw thrown
      })
    } finally {
      gates.open(scope)
      release()
    }
  }

  async drop(tenant: TenantId, signal: AbortSignal): Promise<void> {
    const { places, map, gates } = this.#deps
    checkTenant(tenant)
    const release = gates.claim(tenant)
    try {
      const home = map.find(tenant)
      if (!home) return
      if (home.move) {
        throw new YizhanError('failed_precondition', `a move of ${tenant} was cut short and is not settled`, {
          details: { tenant },
          hint: 'yizhan-center storage list shows why',
        })
      }
      gates.shut(tenant, DROPPED)
      await gates.written(tenant, signal)
      await gates.readUp(tenant, signal)
      await places.engine(home.place).drop(tenant, signal)
      await map.remove(tenant)
    } finally {
      gates.open(tenant)
      release()
    }
  }

  async reseal(scope: Scope, signal: AbortSignal): Promise<{ readonly resealed: number }> {
    return this.#write(scope, (engine) => engine.reseal(scope, signal))
  }

  async pruneAudit(tenant: TenantId, through: number): Promise<void> {
    await this.#write(tenant, (engine) => engine.pruneAudit(tenant, through))
  }

  async compact(scope: Scope | undefined, signal: AbortSignal): Promise<void> {
    if (scope !== undefined) return this.#read(scope, (engine) => engine.compact(signal, scope))
    const { system, places } = this.#deps
    for (const engine of new Set([system, ...places.all()])) await engine.compact(signal)
  }

  async reclaim(scope: Scope, collection: string, through: string, signal: AbortSignal): Promise<void> {
    await this.#read(scope, (engine) => engine.reclaim(scope, collection, through, signal))
  }

  async move(
    tenant: TenantId,
    place: string,
    signal: AbortSignal,
    onProgress?: (progress: MoveProgress) => void,
  ): Promise<MoveReport> {
    checkTenant(tenant)
    return this.#deps.mover.move(tenant, place, signal, onProgress)
  }

  moves(): readonly TenantMove[] {
    return this.#deps.mover.moves()
  }

  settleMoves(): Promise<readonly TenantMove[]> {
    return this.#deps.mover.settleMoves()
  }

  async #read<T>(scope: Scope, work: (engine: RecordEngine) => Promise<T>): Promise<T> {
    if (scope === null) return work(this.#deps.system)
    checkTenant(scope)
    return this.#deps.gates.read(scope, async () => work(this.#engineOf(scope)))
  }

  async #write<T>(scope: Scope, work: (engine: RecordEngine) => Promise<T>): Promise<T> {
    if (scope === null) return work(this.#deps.system)
    checkTenant(scope)
    return this.#deps.gates.write(scope, async () => work(this.#engineOf(scope)))
  }

  #engineOf(tenant: TenantId): RecordEngine {
    const home = this.#deps.map.find(tenant)
    if (!home) throw notFound(tenant)
    return this.#deps.places.engine(home.place)
  }
}

function notFound(tenant: TenantId): YizhanError {
  return new YizhanError('not_found', `nothing is stored of the tenant ${tenant}`, { details: { tenant } })
}
