import { type Clock, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import type { RecordEngine, Row } from './engine.js'
import type { PlaceGates } from './place-gate.js'
import type { Home, Move, MoveStep, PlaceMap } from './place-map.js'
import type { Places } from './places.js'
import type { ScopeHead } from './port.js'

export interface MoverDeps {
  readonly places: Places
  readonly map: PlaceMap
  readonly gates: PlaceGates
  readonly clock: Clock
  readonly log: Logger
  /** Aborted when the storage closes: a move stops where it is, and the next start settles it. */
  readonly closing: AbortSignal
}

export interface MoveProgress {
  readonly step: MoveStep
  /** Copied so far. */
  readonly rows: number
  readonly bytes: number
}

export interface MoveReport {
  readonly tenant: TenantId
  readonly from: string
  readonly to: string
  /** 0 if the tenant was there already. */
  readonly rows: number
  readonly bytes: number
  /** How long the tenant took no writes, in milliseconds. */
  readonly readOnlyMs: number
  /** Whether the former place holds nothing any more; if not, `settleMoves` or the next start goes on. */
  readonly cleaned: boolean
}

/** A move that has begun and has not ended. */
export interface TenantMove extends Move {
  readonly tenant: TenantId
}

const SHUT = 'it is being moved to another place'

/**
 * Moves tenants between places. The map of places says in one record where a tenant lives and how far its move is, and
 * nothing is dropped before that record durably says so: a crash at any step leaves one whole tenant.
 */
export class Mover {
  readonly #deps: MoverDeps
  /** The write of the switch failed: shut until a later one has told whether it counts. */
  readonly #unclear = new Set<TenantId>()
  readonly #whenIdle: (() => void)[] = []
  #running = 0
  #settling: Promise<readonly TenantMove[]> | undefined

  constructor(deps: MoverDeps) {
    this.#deps = deps
  }

  moves(): readonly TenantMove[] {
    return this.#deps.map.homes().flatMap(([tenant, { move }]) => (move ? [{ tenant, ...move }] : []))
  }

  /**
   * Resolves once the tenant lives at `to`. Reads go on throughout; writes are refused with `unavailable` up to the
   * switch. Aborted before that, it is undone; after it, it counts as done. Throws `not_found`, `invalid_argument` (no
   * such place), `failed_precondition` (something else has the tenant), `data_corrupt`, `disk_full`.
   */
  async move(
    tenant: TenantId,
    to: string,
    signal: AbortSignal,
    onProgress: (progress: MoveProgress) => void = () => undefined,
  ): Promise<MoveReport> {
    const { places, map } = this.#deps
    if (!places.find(to)) throw noPlace(to, places.names())
    if (!map.find(tenant)) throw new YizhanError('not_found', `nothing is stored of the tenant ${tenant}`)
    const release = this.#begin(tenant)
    try {
      // A former move may have left something at either place.
      await this.#settle(tenant)
      const from = map.find(tenant)?.place ?? to
      if (from === to) return { tenant, from, to, rows: 0, bytes: 0, readOnlyMs: 0, cleaned: true }
      return await this.#move(tenant, { from, to }, signal, onProgress)
    } finally {
      release()
    }
  }

  /**
   * Undoes or ends what a crash left behind, and says what it could not, such as a move whose place is not configured
   * or cannot be reached. A move that runs is none of them. Called twice at once it runs once.
   */
  settleMoves(): Promise<readonly TenantMove[]> {
    this.#settling ??= this.#settleAll().finally(() => {
      this.#settling = undefined
    })
    return this.#settling
  }

  async #settleAll(): Promise<readonly TenantMove[]> {
    const { map, log, closing } = this.#deps
    const left: TenantMove[] = []
    for (const tenant of new Set([...this.moves().map((move) => move.tenant), ...map.unsure()])) {
      if (closing.aborted) break
      let release: () => void
      try {
        release = this.#begin(tenant)
      } catch {
        continue
      }
      try {
        await this.#settle(tenant)
        log.info({ tenant }, 'a move that was cut short is settled')
      } catch (thrown) {
        left.push(...this.moves().filter((move) => move.tenant === tenant))
        log.warn({ err: thrown, tenant }, 'a move that was cut short cannot be settled yet')
      } finally {
        release()
      }
    }
    return left
  }

  /** Resolves once nothing is under way any more. */
  async idle(): Promise<void> {
    if (this.#running === 0) return
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
  }

  #begin(tenant: TenantId): () => void {
    const release = this.#deps.gates.claim(tenant)
    this.#running += 1
    return () => {
      release()
      this.#running -= 1
      if (this.#running === 0) for (const idle of this.#whenIdle.splice(0)) idle()
    }
  }

  async #move(
    tenant: TenantId,
    way: { readonly from: string; readonly to: string },
    signal: AbortSignal,
    onProgress: (progress: MoveProgress) => void,
  ): Promise<MoveReport> {
    const { gates, clock, closing, log } = this.#deps
    const either = AbortSignal.any([signal, closing])
    const shutAt = clock.monotonic()
    let copied: { rows: number; bytes: number }
    gates.shut(tenant, SHUT)
    try {
      await gates.written(tenant, either)
      if (await this.#isBare(tenant, way.from, either)) {
        await this.#deps.map.set(tenant, { place: way.to })
        return { tenant, ...way, rows: 0, bytes: 0, readOnlyMs: 0, cleaned: true }
      }
      copied = await this.#copyAndSwitch(tenant, way, either, onProgress)
    } finally {
      if (!this.#unclear.has(tenant)) gates.open(tenant)
    }
    const readOnlyMs = Math.round(clock.monotonic() - shutAt)
    log.info({ tenant, ...way, ...copied, readOnlyMs }, 'the tenant lives at another place')
    onProgress({ step: 'deleting', ...copied })
    let cleaned = true
    try {
      await this.#finish(tenant)
    } catch (thrown) {
      cleaned = false
      log.warn({ err: thrown, tenant, ...way }, 'what a move left at the former place is not deleted yet')
    }
    return { tenant, ...way, ...copied, readOnlyMs, cleaned }
  }

  /** A place was chosen for the tenant, and its first write never came through. */
  async #isBare(tenant: TenantId, place: string, signal: AbortSignal): Promise<boolean> {
    const source = this.#deps.places.engine(place)
    if (await source.head(tenant)) return false
    // Throws if rows lie there without a head: those are not to be left behind.
    for await (const _ of source.rows(tenant, signal)) return false
    return true
  }

  async #copyAndSwitch(
    tenant: TenantId,
    { from, to }: { readonly from: string; readonly to: string },
    signal: AbortSignal,
    onProgress: (progress: MoveProgress) => void,
  ): Promise<{ rows: number; bytes: number }> {
    const { places, map, clock } = this.#deps
    const since = clock.wall()
    const at = (place: string, step: MoveStep): Home => ({ place, move: { from, to, step, since } })
    const source = places.engine(from)
    const target = places.engine(to)
    const copied = { rows: 0, bytes: 0 }
    try {
      await map.set(tenant, at(from, 'copying'))
      await target.drop(tenant, signal)
      const pages = counted(source.rows(tenant, signal), (page) => {
        copied.rows += page.length
        copied.bytes += page.reduce((sum, { bytes }) => sum + bytes.length, 0)
        onProgress({ step: 'copying', ...copied })
      })
      await target.load(tenant, pages, signal)
      await map.set(tenant, at(from, 'verifying'))
      onProgress({ step: 'verifying', ...copied })
      await verify(tenant, source, target, signal)
      signal.throwIfAborted()
    } catch (thrown) {
      await this.#settleAfter(tenant, thrown)
      throw thrown
    }
    try {
      await map.set(tenant, at(to, 'switched'))
    } catch (thrown) {
      this.#unclear.add(tenant)
      await this.#settleAfter(tenant, thrown)
      if (map.find(tenant)?.place !== to) throw thrown
    }
    return copied
  }

  async #settleAfter(tenant: TenantId, failure: unknown): Promise<void> {
    const { closing, log } = this.#deps
    // A closing storage leaves it to the next start: dropping may take longer than there is.
    if (closing.aborted) return
    try {
      await this.#settle(tenant)
    } catch (thrown) {
      log.warn({ err: thrown, failure, tenant }, 'a move that failed is not undone yet')
    }
  }

  /** Ends or undoes the tenant's move, whichever its record says; the caller has claimed the tenant. */
  async #settle(tenant: TenantId): Promise<void> {
    const { map, gates } = this.#deps
    if (map.unsure().has(tenant)) await map.readAgain(tenant)
    try {
      await this.#step(tenant)
    } catch (thrown) {
      if (!(thrown instanceof YizhanError && thrown.code === 'conflict')) throw thrown
      // A write that seemed to fail is on disk after all.
      await map.readAgain(tenant)
      this.#unclear.delete(tenant)
      await this.#step(tenant)
    }
    gates.open(tenant)
  }

  #step(tenant: TenantId): Promise<void> {
    const step = this.#deps.map.find(tenant)?.move?.step
    return step === 'switched' || step === 'deleting' ? this.#finish(tenant) : this.#undo(tenant)
  }

  /** Back to where the tenant was. What was copied is dropped only once the record says that it is no tenant. */
  async #undo(tenant: TenantId): Promise<void> {
    const { places, map, closing } = this.#deps
    const move = map.find(tenant)?.move
    if (!move) return
    await map.set(tenant, { place: move.from, move: { ...move, step: 'undoing' } })
    // With this write after it, a switch that failed is known not to count.
    this.#unclear.delete(tenant)
    await placeOf(places, move.to).drop(tenant, closing)
    await map.set(tenant, { place: move.from })
  }

  /** Drops what lies at the former place, once nobody reads there any more. */
  async #finish(tenant: TenantId): Promise<void> {
    const { places, map, gates, closing, log } = this.#deps
    const move = map.find(tenant)?.move
    if (!move) return
    const { from, to } = move
    await map.set(tenant, { place: to, move: { ...move, step: 'deleting' } })
    this.#unclear.delete(tenant)
    const former = placeOf(places, from)
    await gates.readUp(tenant, closing)
    await former.drop(tenant, closing)
    await map.set(tenant, { place: to })
    await former.compact(closing, tenant).catch((thrown: unknown) => {
      log.warn({ err: thrown, tenant, from }, 'the space of a moved tenant is not given back yet')
    })
  }
}

/** Of a move that a crash left; its place may be gone from the configuration. */
function placeOf(places: Places, name: string): RecordEngine {
  const engine = places.find(name)
  if (engine) return engine
  throw new YizhanError('unavailable', `the place ${name} is not configured`, { details: { place: name } })
}

async function verify(
  tenant: TenantId,
  source: RecordEngine,
  target: RecordEngine,
  signal: AbortSignal,
): Promise<void> {
  const [before, after] = [await source.head(tenant), await target.head(tenant)]
  if (headText(before) !== headText(after)) {
    throw new YizhanError('data_corrupt', `the copy of ${tenant} is not what was copied`, {
      details: { tenant, from: source.name, to: target.name },
    })
  }
  if (!after) return
  const { problems, problemCount } = await target.check(tenant, signal)
  const [first] = problems
  if (!first) return
  throw new YizhanError('data_corrupt', `the copy of ${tenant} does not hold up: ${first.detail}`, {
    details: { tenant, from: source.name, to: target.name, problems: problemCount, what: first.what },
    hint: `yizhan-center storage check --tenant ${tenant}`,
  })
}

function headText(head: ScopeHead | undefined): string {
  if (!head) return ''
  const { records, bytes, auditSequence, auditHash, auditFirst } = head
  return JSON.stringify([records, bytes, auditSequence, auditHash, auditFirst])
}

async function* counted(
  pages: AsyncIterable<readonly Row[]>,
  count: (page: readonly Row[]) => void,
): AsyncGenerator<readonly Row[]> {
  for await (const page of pages) {
    yield page
    count(page)
  }
}

function noPlace(to: string, names: readonly string[]): YizhanError {
  return new YizhanError('invalid_argument', `there is no place ${JSON.stringify(to.slice(0, 64))}`, {
    hint: `places: ${names.join(', ')}`,
  })
}
