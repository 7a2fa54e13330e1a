import { type TenantId, YizhanError } from '@yizhan/kernel'
import { takeBatch } from './batch-input.js'
import type { RecordAccess } from './engine.js'
import {
  checkAuditOptions,
  checkCollection,
  checkKey,
  checkKeys,
  checkPlaces,
  checkScan,
  checkTenant,
} from './limits.js'
import type {
  AuditEntry,
  AuditOptions,
  Change,
  Page,
  PageOptions,
  PlaceQuery,
  ScanOptions,
  ScopeHead,
  Store,
  StoredRecord,
} from './port.js'
import type { ShardMap } from './shard-map.js'

/** The tenants' store over several databases; each tenant lives whole in one of them. Checks what callers give. */
export class ShardedStore implements Store {
  readonly #map: ShardMap
  readonly #shards: readonly RecordAccess[]
  readonly #writing = new Set<Promise<unknown>>()
  #closed = false

  constructor(map: ShardMap, shards: readonly RecordAccess[]) {
    this.#map = map
    this.#shards = shards
  }

  async get(tenant: TenantId, collection: string, key: string): Promise<StoredRecord | undefined> {
    checkTenant(tenant)
    checkCollection(collection)
    checkKey(key)
    return this.#find(tenant)?.get(tenant, collection, key)
  }

  async getMany(
    tenant: TenantId,
    collection: string,
    keys: readonly string[],
  ): Promise<readonly (StoredRecord | undefined)[]> {
    checkTenant(tenant)
    checkCollection(collection)
    checkKeys(keys)
    return (await this.#find(tenant)?.getMany(tenant, collection, keys)) ?? keys.map(() => undefined)
  }

  async batch(tenant: TenantId, changes: readonly Change[], audit: AuditEntry): Promise<readonly number[]> {
    checkTenant(tenant)
    // Before the tenant gets its shard, so that a refused batch leaves nothing behind.
    const input = takeBatch(changes, audit)
    if (this.#closed) throw new YizhanError('unavailable', 'the store is closed')
    const written = this.#map.assign(tenant).then((shard) => this.#shard(shard).batch(tenant, input))
    this.#writing.add(written)
    try {
      return await written
    } finally {
      this.#writing.delete(written)
    }
  }

  async scan(tenant: TenantId, collection: string, options: ScanOptions = {}): Promise<Page> {
    checkTenant(tenant)
    checkCollection(collection)
    checkScan(options)
    const shard = this.#find(tenant) ?? this.#shard(0)
    return shard.scan(tenant, collection, options)
  }

  async places(
    tenant: TenantId,
    query: PlaceQuery,
    options: PageOptions = {},
  ): ReturnType<RecordAccess['places']> {
    checkTenant(tenant)
    checkPlaces(query, options)
    const shard = this.#find(tenant) ?? this.#shard(0)
    return shard.places(tenant, query, options)
  }

  async audit(tenant: TenantId, options: AuditOptions = {}): ReturnType<RecordAccess['audit']> {
    checkTenant(tenant)
    checkAuditOptions(options)
    const shard = this.#find(tenant) ?? this.#shard(0)
    return shard.audit(tenant, options)
  }

  async head(tenant: TenantId): Promise<ScopeHead | undefined> {
    checkTenant(tenant)
    return this.#find(tenant)?.head(tenant)
  }

  /** Refuses new batches and writes those that wait; whoever opened the databases closes them. */
  async close(): Promise<void> {
    this.#closed = true
    // A batch whose tenant is only now getting its shard reaches that shard later.
    await Promise.allSettled(this.#writing)
    await Promise.all(this.#shards.map((shard) => shard.drain()))
  }

  #find(tenant: TenantId): RecordAccess | undefined {
    const shard = this.#map.find(tenant)
    return shard === undefined ? undefined : this.#shard(shard)
  }

  #shard(shard: number): RecordAccess {
    const found = this.#shards[shard]
    if (!found) throw new YizhanError('internal', `there is no shard ${shard}`)
    return found
  }
}
