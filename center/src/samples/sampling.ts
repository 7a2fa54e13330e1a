import { createHash } from 'node:crypto'
import type { TenantId } from '@yizhan/kernel'
import type { Consents, SubjectDirectory } from '../privacy/index.js'
import { DEFAULT_SAMPLING, perVersion, type Sampling, type TenantCatalog } from '../tenants/index.js'

/** Whether a tenant may keep samples at all, of this person, and how many. */
export interface SamplePolicy {
  sampling(tenant: TenantId): Promise<Sampling>
  /** Whether the person's questions may train the model now. `subject` undefined: the message names nobody. */
  mayLearn(tenant: TenantId, subject: string | undefined): Promise<boolean>
}

/** The purpose of tenant.yaml's `privacy.purposes` that allows it; a tenant without it keeps no samples. */
export const TRAINING = 'training'

/** From the tenant's directory in force and what persons have said. */
export function samplePolicyOf(deps: {
  readonly catalog: Pick<TenantCatalog, 'current' | 'inForce'>
  readonly consents: Pick<Consents, 'mayUse'>
  readonly subjects: Pick<SubjectDirectory, 'get'>
}): SamplePolicy {
  const { catalog, consents, subjects } = deps
  const sampling = perVersion(catalog, (source) => source.sampling)
  return {
    sampling: async (tenant) => (await sampling(tenant)) ?? DEFAULT_SAMPLING,
    async mayLearn(tenant, subject) {
      const known = subject === undefined ? undefined : await subjects.get(tenant, subject)
      const ids = known ? [known.id, ...known.also] : subject === undefined ? [] : [subject]
      return (await consents.mayUse(tenant, ids, TRAINING)).allowed
    },
  }
}

/** Whether an id falls into a share, in percent; always the same for the same id. */
export function isInShare(id: string, percent: number): boolean {
  return createHash('sha256').update(id).digest().readUInt32BE(0) % 100 < percent
}
