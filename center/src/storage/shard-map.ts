import { createHash } from 'node:crypto'
import { asTenantId, parseJson, type TenantId, YizhanError } from '@yizhan/kernel'
import type { SystemStore } from './port.js'

const COLLECTION = 'shard-map'

/** Which shard holds a tenant. Decided at its first write and kept for good: another shard count moves nobody. */
export class ShardMap {
  readonly #system: SystemStore
  readonly #shards: number
  readonly #known: Map<TenantId, number>
  readonly #deciding = new Map<TenantId, Promise<number>>()

  constructor(system: SystemStore, shards: number, known: Map<TenantId, number>) {
    this.#system = system
    this.#shards = shards
    this.#known = known
  }

  /** The tenant's shard; undefined if it has never written, and so has nothing to read. */
  find(tenant: TenantId): number | undefined {
    return this.#known.get(tenant)
  }

  /**
   * The tenant's shard, decided and made durable if need be. Callers of one tenant go on in the order of their
   * calls, also while the first one is still deciding.
   */
  assign(tenant: TenantId): Promise<number> {
    const pending = this.#deciding.get(tenant)
    if (pending) return pending
    const known = this.#known.get(tenant)
    const decided = known === undefined ? this.#decide(tenant) : Promise.resolve(known)
    this.#deciding.set(tenant, decided)
    decided.catch(() => this.#deciding.delete(tenant))
    return decided
  }

  async #decide(tenant: TenantId): Promise<number> {
    const shard = rendezvous(tenant, this.#shards)
    const value = Buffer.from(JSON.stringify({ shard }))
    await this.#system.batch([{ op: 'put', collection: COLLECTION, key: tenant, value, expectedVersion: 0 }])
    this.#known.set(tenant, shard)
    return shard
  }
}

/** Reads the map; `config_invalid` if a tenant lives on a shard that `shards` no longer has. */
export async function loadShardMap(system: SystemStore, shards: number): Promise<ShardMap> {
  const known = new Map<TenantId, number>()
  let cursor: string | undefined
  do {
    const page = await system.scan(COLLECTION, { limit: 1_000, ...(cursor === undefined ? {} : { cursor }) })
    for (const record of page.records) {
      const tenant = asTenantId(record.key)
      const shard = readShard(record.value)
      if (tenant === undefined || shard === undefined) {
        throw new YizhanError('data_corrupt', 'the shard map cannot be read')
      }
      known.set(tenant, shard)
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  const needed = Math.max(0, ...known.values()) + 1
  if (known.size > 0 && needed > shards) {
    throw new YizhanError(
      'config_invalid',
      `tenants live on ${needed} shards, but only ${shards} are configured`,
      {
        details: { configured: shards, needed },
        hint: `set the number of shards to ${needed} or more`,
      },
    )
  }
  return new ShardMap(system, shards, known)
}

function readShard(value: Uint8Array): number | undefined {
  const parsed = parseJson(Buffer.from(value).toString('utf8'))
  if (typeof parsed !== 'object' || parsed === null || !('shard' in parsed)) return undefined
  const { shard } = parsed
  return typeof shard === 'number' && Number.isSafeInteger(shard) && shard >= 0 ? shard : undefined
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
