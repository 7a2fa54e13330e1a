import { createHash } from 'node:crypto'
import { asTenantId, parseJson, type TenantId, YizhanError } from '@yizhan/kernel'
import type { SystemStore } from './port.js'

export const PLACE_COLLECTION = 'places'
const STEPS = ['copying', 'verifying', 'undoing', 'switched', 'deleting'] as const

/**
 * How far a move is. The tenant lives at `from` in `copying`, `verifying` and `undoing` (what lies at `to` is dropped),
 * at `to` in `switched` and `deleting` (what lies at `from` is dropped).
 */
export type MoveStep = (typeof STEPS)[number]

export interface Move {
  readonly from: string
  readonly to: string
  readonly step: MoveStep
  /** Milliseconds since the Unix epoch. */
  readonly since: number
}

/** Where a tenant lives. */
export interface Home {
  readonly place: string
  readonly move?: Move
}

interface Entry {
  readonly home: Home
  readonly version: number
}

/** Which place holds a tenant. Decided at its first write; after that only a move changes it. */
export class PlaceMap {
  readonly #system: SystemStore
  readonly #choose: (tenant: TenantId) => string
  readonly #deciding = new Map<TenantId, Promise<void>>()
  /** A write of theirs failed, and may be on disk all the same. */
  readonly #unsure = new Set<TenantId>()
  #entries = new Map<TenantId, Entry>()

  /** `choose`: the place of a tenant that writes for the first time. */
  constructor(system: SystemStore, choose: (tenant: TenantId) => string) {
    this.#system = system
    this.#choose = choose
  }

  /** Reads the map anew. Throws `data_corrupt`. */
  async load(): Promise<void> {
    const entries = new Map<TenantId, Entry>()
    let cursor: string | undefined
    do {
      const page = await this.#system.scan(PLACE_COLLECTION, {
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { key, value, version } of page.records) {
        const tenant = asTenantId(key)
        if (tenant === undefined) throw unreadable()
        entries.set(tenant, { home: readHome(value), version })
      }
      cursor = page.cursor
    } while (cursor !== undefined)
    this.#entries = entries
  }

  /** Undefined if the tenant has never written, and so has nothing to read. */
  find(tenant: TenantId): Home | undefined {
    return this.#entries.get(tenant)?.home
  }

  /** In the order of their ids. */
  tenants(): TenantId[] {
    return [...this.#entries.keys()].sort()
  }

  homes(): readonly (readonly [TenantId, Home])[] {
    return [...this.#entries].map(([tenant, { home }]) => [tenant, home])
  }

  /**
   * Resolves, or answers undefined, once the tenant has a durable place. Callers of one tenant go on in the order of
   * their calls, also while the first one is still deciding, if they wait for either answer.
   */
  assign(tenant: TenantId): Promise<void> | undefined {
    const pending = this.#deciding.get(tenant)
    if (pending) return pending
    if (this.#entries.has(tenant)) return undefined
    const decided = this.#decide(tenant).finally(() => this.#deciding.delete(tenant))
    this.#deciding.set(tenant, decided)
    return decided
  }

  async #decide(tenant: TenantId): Promise<void> {
    try {
      await this.set(tenant, { place: this.#choose(tenant) })
    } catch (thrown) {
      // A write that failed on a full disk may be there all the same once the database was opened anew.
      const there = thrown instanceof YizhanError && thrown.code === 'conflict'
      if (!(there && (await this.readAgain(tenant)))) throw thrown
    }
  }

  /** Makes it durable, then known. Throws `conflict` if it is not, on disk, what was known before. */
  async set(tenant: TenantId, home: Home): Promise<void> {
    const expectedVersion = this.#entries.get(tenant)?.version ?? 0
    const value = Buffer.from(JSON.stringify(home))
    try {
      const [version = 0] = await this.#system.batch([
        { op: 'put', collection: PLACE_COLLECTION, key: tenant, value, expectedVersion },
      ])
      this.#unsure.delete(tenant)
      this.#entries.set(tenant, { home, version })
    } catch (thrown) {
      this.#unsure.add(tenant)
      throw thrown
    }
  }

  /** Of a tenant that holds nothing any more. */
  async remove(tenant: TenantId): Promise<void> {
    await this.#system.batch([{ op: 'delete', collection: PLACE_COLLECTION, key: tenant }])
    this.#entries.delete(tenant)
  }

  /** Tenants whose last write here failed, so that it may be there all the same. */
  unsure(): ReadonlySet<TenantId> {
    return this.#unsure
  }

  /** What the disk says, after a write whose outcome is not known. */
  async readAgain(tenant: TenantId): Promise<Home | undefined> {
    const record = await this.#system.get(PLACE_COLLECTION, tenant)
    this.#unsure.delete(tenant)
    if (!record) {
      this.#entries.delete(tenant)
      return undefined
    }
    const home = readHome(record.value)
    this.#entries.set(tenant, { home, version: record.version })
    return home
  }
}

function readHome(value: Uint8Array): Home {
  let parsed: unknown
  try {
    parsed = parseJson(Buffer.from(value).toString('utf8'))
  } catch {
    throw unreadable()
  }
  const { place, move } = fieldsOf(parsed)
  if (typeof place !== 'string') throw unreadable()
  return move === undefined ? { place } : { place, move: readMove(move) }
}

function readMove(value: unknown): Move {
  const { from, to, step, since } = fieldsOf(value)
  const known = STEPS.find((name) => name === step)
  if (typeof from !== 'string' || typeof to !== 'string' || typeof since !== 'number' || !known) {
    throw unreadable()
  }
  return { from, to, step: known, since }
}

function fieldsOf(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function unreadable(): YizhanError {
  return new YizhanError('data_corrupt', 'the map of places cannot be read')
}

/** Highest random weight: a shard more or less moves only the tenants that it wins or loses. */
export function rendezvous(tenant: TenantId, shards: number): number {
  let best = 0
  let bestWeight = -1
  for (let shard = 0; shard < shards; shard++) {
    const weight = createHash('sha256').update(`${tenant}\0${shard}`).digest().readUIntBE(0, 6)
    if (weight > bestWeight) {
      best = shard
      bestWeight = weight
    }
  }
  return best
}
