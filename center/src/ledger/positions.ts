import { Type } from '@sinclair/typebox'
import type { Clock, EdgeId, TenantId } from '@yizhan/kernel'
import { fromStored, toStored } from '../fleet/index.js'
import {
  type Change,
  type Collection,
  collectionOf,
  defineCollection,
  type Store,
  type SystemStore,
} from '../storage/index.js'
import type { Source } from './turn-fold.js'

/** How far each tenant's turns are there, under `<edge>/<epoch>`: written with the turns themselves. */
const TENANT_POSITIONS = defineCollection({
  name: 'turn-positions',
  version: 1,
  schema: Type.Object({ seq: Type.String() }),
})

const Position = Type.Object({
  seq: Type.String(),
  /** Records that the edge's disk lost, as far as it told. */
  lost: Type.String(),
})
const SYSTEM = 'ledger-positions'

export interface Held {
  readonly seq: bigint
  readonly lost: bigint
  /** Of the record; 0 if there is none. */
  readonly version: number
}

const NONE: Held = { seq: 0n, lost: 0n, version: 0 }

/**
 * A request spans tenants and a batch does not: each tenant's position is committed with its turns, and the edge's own
 * after all of them. After a crash in between the edge sends the request again, and each tenant passes over what it has.
 */
export class Positions {
  readonly #system: SystemStore
  readonly #tenants: Collection<{ seq: string }>
  /** The edge's own, as they were last read or written here. */
  readonly #held = new Map<string, Held>()

  constructor(deps: { readonly store: Store; readonly system: SystemStore; readonly clock: Clock }) {
    this.#system = deps.system
    this.#tenants = collectionOf(deps, TENANT_POSITIONS)
  }

  /** Undefined for an epoch that never came. */
  async of(source: Source): Promise<Held | undefined> {
    const key = keyOf(source)
    const held = this.#held.get(key)
    if (held) return held
    const record = await this.#system.get(SYSTEM, key)
    if (!record) return undefined
    const { seq, lost } = fromStored(Position, record.value, 'the position of an upload')
    const read = { seq: BigInt(seq), lost: BigInt(lost), version: record.version }
    this.#held.set(key, read)
    return read
  }

  /** Durable when it resolves. */
  async set(source: Source, seq: bigint, moreLost = 0n): Promise<void> {
    const key = keyOf(source)
    const { version, lost: before } = (await this.of(source)) ?? NONE
    const lost = before + moreLost
    const value = toStored({ seq: seq.toString(), lost: lost.toString() })
    const put = { op: 'put', collection: SYSTEM, key, value, expectedVersion: version } as const
    this.#held.delete(key)
    const [written = 1] = await this.#system.batch([put])
    this.#held.set(key, { seq, lost, version: written })
  }

  /** Every epoch of the edge that ever came. */
  async epochs(edge: EdgeId): Promise<string[]> {
    const epochs: string[] = []
    let cursor: string | undefined
    do {
      const page = await this.#system.scan(SYSTEM, {
        prefix: `${edge}/`,
        ...(cursor === undefined ? {} : { cursor }),
      })
      epochs.push(...page.records.map(({ key }) => key.slice(edge.length + 1)))
      cursor = page.cursor
    } while (cursor !== undefined)
    return epochs
  }

  async ofTenant(tenant: TenantId, source: Source): Promise<{ seq: bigint; version: number }> {
    const record = await this.#tenants.get(tenant, keyOf(source))
    return record ? { seq: BigInt(record.value.seq), version: record.version } : { seq: 0n, version: 0 }
  }

  /** For the batch that holds what it covers. */
  tenantChange(source: Source, seq: bigint, expectedVersion: number): Change {
    return this.#tenants.put(keyOf(source), { seq: seq.toString() }, { expectedVersion })
  }
}

export function keyOf({ edge, epoch }: Source): string {
  return `${edge}/${epoch}`
}
