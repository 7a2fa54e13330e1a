import { type TenantId, YizhanError } from '@yizhan/kernel'
import { takeBatch } from './batch-input.js'
import type { LevelRecords } from './level-records.js'
import { checkCollection, checkKey, checkScan, checkTenant } from './limits.js'
import type { AuditEntry, Change, Page, ScanOptions, Store, StoredRecord } from './port.js'
import type { ShardMap } from './shard-map.js'

/** The tenants' store over several databases; each tenant lives whole in one of them. */
export class ShardedStore implements Store {
  readonly #map: ShardMap
  readonly #shards: readonly LevelRecords[]
  readonly #writing = new Set<Promise<unknown>>()
  #closed = false

  constructor(map: ShardMap, shards: readonly LevelRecords[]) {
    this.#map = map
    this.#shards = shards
  }

  async get(tenant: TenantId, collection: string, key: string): Promise<StoredRecord | undefined> {
    checkTenant(tenant)
    checkCollection(collection)
    checkKey(key)
    return this.#find(tenant)?.get(tenant, collection, key)
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

  async audit(
    tenant: TenantId,
    options: ScanOptions = {},
  ): Promise<{ readonly entries: readonly AuditEntry[]; readonly cursor?: string }> {
    checkTenant(tenant)
    const shard = this.#find(tenant) ?? this.#shard(0)
    return shard.audit(tenant, options)
  }

  /** Refuses new batches and writes those that wait; whoever opened the databases closes them. */
  async close(): Promise<void> {
    this.#closed = true
    // Some may still wait for their tenant's shard to be decided.
    await Promise.allSettled(this.#writing)
    await Promise.all(this.#shards.map((shard) => shard.drain()))
  }

  #find(tenant: TenantId): LevelRecords | undefined {
    const shard = this.#map.find(tenant)
    return shard === undefined ? undefined : this.#shard(shard)
  }

  #shard(index: number): LevelRecords {
    const shard = this.#shards[index]
    if (!shard) throw new YizhanError('internal', `shard ${index} is not open`)
    return shard
  }
}
