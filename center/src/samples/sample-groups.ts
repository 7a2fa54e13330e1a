import type { Clock, TenantId } from '@yizhan/kernel'
import { toStored } from '../fleet/index.js'
import type { By } from '../privacy/index.js'
import type { Collection, Store, TypedRecord } from '../storage/index.js'
import { SAMPLES, type Sample, type SampleState } from './sample-collection.js'
import type { SamplePolicy } from './sampling.js'

export type Held = TypedRecord<Sample>

export interface GroupScanDeps {
  readonly store: Store
  readonly samples: Collection<Sample>
  readonly policy: SamplePolicy
  readonly clock: Clock
}

const MAX_OF_GROUP = 100

/**
 * One pass over a tenant's samples of a state in which each question comes once, and nobody's who has withdrawn: those
 * are gathered for `dropWithdrawn`.
 */
export class GroupScan {
  readonly #deps: GroupScanDeps
  readonly #tenant: TenantId
  readonly #state: SampleState
  readonly #groups = new Map<string, readonly Held[]>()
  readonly #allowed = new Map<string | undefined, boolean>()
  readonly #withdrawn: Held[] = []

  constructor(deps: GroupScanDeps, tenant: TenantId, state: SampleState) {
    this.#deps = deps
    this.#tenant = tenant
    this.#state = state
  }

  /** All of the sample's question, newest first, if the sample is the newest of them. */
  async membersIfFirst({ id, group }: Sample): Promise<readonly Held[] | undefined> {
    const members = this.#groups.get(group) ?? (await this.#read(group))
    this.#groups.set(group, members)
    return members[0]?.key === id ? members : undefined
  }

  /** One batch, in the audit by counts alone. */
  async dropWithdrawn({ actor, requestId }: By): Promise<void> {
    const { store, samples, clock } = this.#deps
    const gone = this.#withdrawn.splice(0)
    if (gone.length === 0) return
    const changes = gone.map(({ key, version }) => samples.delete(key, { expectedVersion: version }))
    await store.batch(this.#tenant, changes, {
      time: clock.wall(),
      actor,
      action: 'DELETE',
      object: `${SAMPLES.def.name}/withdrawn`,
      ...(requestId === undefined ? {} : { requestId }),
      after: toStored({ samples: gone.length }),
    })
  }

  async #read(group: string): Promise<readonly Held[]> {
    const { records } = await this.#deps.samples.scan(this.#tenant, {
      index: { name: 'group' },
      from: `${group}/`,
      to: `${group}0`,
      reverse: true,
      limit: MAX_OF_GROUP,
    })
    const members: Held[] = []
    for (const held of records) {
      if (held.value.state !== this.#state) continue
      const { why, subject } = held.value
      if (why.includes('paraphrase') || (await this.#mayLearn(subject))) members.push(held)
      else this.#withdrawn.push(held)
    }
    return members
  }

  async #mayLearn(subject: string | undefined): Promise<boolean> {
    const known = this.#allowed.get(subject)
    if (known !== undefined) return known
    const allowed = await this.#deps.policy.mayLearn(this.#tenant, subject)
    this.#allowed.set(subject, allowed)
    return allowed
  }
}
