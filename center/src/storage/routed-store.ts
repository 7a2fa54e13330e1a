import { type TenantId, YizhanError } from '@yizhan/kernel'
import { takeBatch } from './batch-input.js'
import type { RecordAccess, RecordEngine } from './engine.js'
import {
  checkAuditOptions,
  checkCollection,
  checkKey,
  checkKeys,
  checkPlaces,
  checkScan,
  checkTenant,
} from './limits.js'
import type { PlaceGates } from './place-gate.js'
import type { PlaceMap } from './place-map.js'
import type { Places } from './places.js'
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

/** The tenants' store over several places; each tenant lives whole in one of them. Checks what callers give. */
export class RoutedStore implements Store {
  readonly #places: Places
  readonly #map: PlaceMap
  readonly #gates: PlaceGates
  #closed = false

  constructor(deps: { readonly places: Places; readonly map: PlaceMap; readonly gates: PlaceGates }) {
    this.#places = deps.places
    this.#map = deps.map
    this.#gates = deps.gates
  }

  async get(tenant: TenantId, collection: string, key: string): Promise<StoredRecord | undefined> {
    checkTenant(tenant)
    checkCollection(collection)
    checkKey(key)
    return this.#read(tenant, undefined, (engine) => engine.get(tenant, collection, key))
  }

  async getMany(
    tenant: TenantId,
    collection: string,
    keys: readonly string[],
  ): Promise<readonly (StoredRecord | undefined)[]> {
    checkTenant(tenant)
    checkCollection(collection)
    checkKeys(keys)
    const none = keys.map(() => undefined)
    return this.#read(tenant, none, (engine) => engine.getMany(tenant, collection, keys))
  }

  async batch(tenant: TenantId, changes: readonly Change[], audit: AuditEntry): Promise<readonly number[]> {
    checkTenant(tenant)
    // Before the tenant gets its place, so that a refused batch leaves nothing behind.
    const input = takeBatch(changes, audit)
    if (this.#closed) throw new YizhanError('unavailable', 'the store is closed')
    return this.#gates.write(tenant, async () => {
      await this.#map.assign(tenant)
      const home = this.#map.find(tenant)
      if (!home) throw new YizhanError('internal', `the tenant ${tenant} has no place`)
      return this.#places.engine(home.place).batch(tenant, input)
    })
  }

  async scan(tenant: TenantId, collection: string, options: ScanOptions = {}): Promise<Page> {
    checkTenant(tenant)
    checkCollection(collection)
    checkScan(options)
    return this.#list(tenant, (engine) => engine.scan(tenant, collection, options))
  }

  async places(
    tenant: TenantId,
    query: PlaceQuery,
    options: PageOptions = {},
  ): ReturnType<RecordAccess['places']> {
    checkTenant(tenant)
    checkPlaces(query, options)
    return this.#list(tenant, (engine) => engine.places(tenant, query, options))
  }

  async audit(tenant: TenantId, options: AuditOptions = {}): ReturnType<RecordAccess['audit']> {
    checkTenant(tenant)
    checkAuditOptions(options)
    return this.#list(tenant, (engine) => engine.audit(tenant, options))
  }

  async head(tenant: TenantId): Promise<ScopeHead | undefined> {
    checkTenant(tenant)
    return this.#read(tenant, undefined, (engine) => engine.head(tenant))
  }

  /** Refuses new batches and writes those that wait; whoever opened the engines closes them. */
  async close(): Promise<void> {
    this.#closed = true
    // A batch whose tenant is only now getting its place reaches that place later.
    await this.#gates.allWritten()
    await Promise.all(this.#places.all().map((engine) => engine.drain()))
  }

  /** `nothing`: the answer for a tenant that has never written. */
  async #read<T>(tenant: TenantId, nothing: T, work: (engine: RecordEngine) => Promise<T>): Promise<T> {
    return this.#gates.read(tenant, async () => {
      const home = this.#map.find(tenant)
      return home ? work(this.#places.engine(home.place)) : nothing
    })
  }

  /** As `#read`; a tenant that has never written is asked of any engine, so that a wrong cursor is refused there too. */
  async #list<T>(tenant: TenantId, work: (engine: RecordEngine) => Promise<T>): Promise<T> {
    return this.#gates.read(tenant, async () => {
      const place = this.#map.find(tenant)?.place ?? this.#places.names()[0] ?? ''
      return work(this.#places.engine(place))
    })
  }
}
