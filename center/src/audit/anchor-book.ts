import { type Static, Type } from '@sinclair/typebox'
import { asTenantId, type TenantId, YizhanError } from '@yizhan/kernel'
import { fromStored, toStored } from '../fleet/index.js'
import type { Change, SystemStore } from '../storage/index.js'
import { AnchorSchema, type SignedAnchor } from './anchor.js'

const COLLECTION = 'audit-anchors'
const CHUNK = 100

const Stored = Type.Object({
  anchor: AnchorSchema,
  /** Hash of the newest one that a target has, by its id. */
  delivered: Type.Record(Type.String(), Type.String()),
})
type Stored = Static<typeof Stored>

/** The newest anchor of each tenant and who has it; in memory, and in the system's store under the tenant's id. */
export class AnchorBook {
  readonly #system: SystemStore
  readonly #targets: readonly string[]
  readonly #held = new Map<TenantId, Stored>()

  constructor(system: SystemStore, targets: readonly string[]) {
    this.#system = system
    this.#targets = targets
  }

  /** Throws `data_corrupt`. */
  async load(): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.#system.scan(COLLECTION, {
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { key, value } of page.records) {
        const tenant = asTenantId(key)
        if (!tenant) throw new YizhanError('data_corrupt', 'an anchor belongs to no tenant')
        this.#held.set(tenant, fromStored(Stored, value, 'an audit anchor'))
      }
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  newest(tenant: TenantId): SignedAnchor | undefined {
    return this.#held.get(tenant)?.anchor
  }

  /** The newest anchors that a target does not have. */
  lacking(target: string): SignedAnchor[] {
    return [...this.#held.values()]
      .filter(({ anchor, delivered }) => delivered[target] !== anchor.hash)
      .map(({ anchor }) => anchor)
  }

  /** Durable when it resolves. */
  async add(made: readonly (readonly [TenantId, SignedAnchor])[]): Promise<void> {
    await this.#save(
      made.map(([tenant, anchor]) => [tenant, { anchor, delivered: this.#deliveredOf(tenant) }] as const),
    )
  }

  /** Of those that are still the newest; durable when it resolves. */
  async delivered(target: string, anchors: readonly SignedAnchor[]): Promise<void> {
    const changed = anchors.flatMap(({ tenant: id, hash }): (readonly [TenantId, Stored])[] => {
      const tenant = asTenantId(id)
      const held = tenant && this.#held.get(tenant)
      if (!tenant || held?.anchor.hash !== hash) return []
      return [[tenant, { ...held, delivered: { ...this.#deliveredOf(tenant), [target]: hash } }]]
    })
    await this.#save(changed)
  }

  /** Only of the targets that there are: a former one would stay for ever. */
  #deliveredOf(tenant: TenantId): Record<string, string> {
    const entries = Object.entries(this.#held.get(tenant)?.delivered ?? {})
    return Object.fromEntries(entries.filter(([target]) => this.#targets.includes(target)))
  }

  async #save(states: readonly (readonly [TenantId, Stored])[]): Promise<void> {
    for (let at = 0; at < states.length; at += CHUNK) {
      const part = states.slice(at, at + CHUNK)
      // First in memory: what another target adds meanwhile builds upon it.
      for (const [tenant, state] of part) this.#held.set(tenant, state)
      await this.#system.batch(
        part.map(([tenant, state]): Change => {
          return { op: 'put', collection: COLLECTION, key: tenant, value: toStored(state) }
        }),
      )
    }
  }
}
