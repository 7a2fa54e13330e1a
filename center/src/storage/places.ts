import { type TenantId, YizhanError } from '@yizhan/kernel'
import type { RecordEngine } from './engine.js'
import { rendezvous } from './place-map.js'

export const SHARD_NAME = /^shard-[0-3]$/

/** The engines that tenants can live in, by name. */
export class Places {
  readonly #engines: ReadonlyMap<string, RecordEngine>
  readonly #newTenants: string | undefined

  /** `newTenants`: where those go that write for the first time; undefined: over the shards. */
  constructor(engines: readonly RecordEngine[], newTenants: string | undefined) {
    this.#engines = new Map(engines.map((engine) => [engine.name, engine]))
    this.#newTenants = newTenants
  }

  names(): string[] {
    return [...this.#engines.keys()]
  }

  all(): readonly RecordEngine[] {
    return [...this.#engines.values()]
  }

  find(name: string): RecordEngine | undefined {
    return this.#engines.get(name)
  }

  /** Throws `internal`: the map of places was held against the places when the storage was opened. */
  engine(name: string): RecordEngine {
    const engine = this.#engines.get(name)
    if (!engine) throw new YizhanError('internal', `there is no place ${name}`)
    return engine
  }

  /** Where a tenant goes that writes for the first time. */
  choose(tenant: TenantId): string {
    if (this.#newTenants !== undefined) return this.#newTenants
    const shards = this.names().filter((name) => SHARD_NAME.test(name))
    const [only = ''] = this.names()
    return shards.length === 0 ? only : `shard-${rendezvous(tenant, shards.length)}`
  }
}
