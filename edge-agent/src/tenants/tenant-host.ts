import type { TenantFile } from '@yizhan/intent'
import { asTenantId, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'

/** A tenant as this edge serves it. Immutable: a new bundle makes a new value. */
export interface LiveTenant {
  readonly tenant: TenantId
  /** Of the bundle that labels, thresholds and answers came with. */
  readonly digest: string
  readonly file: TenantFile
}

export interface TenantSource {
  readonly id: string
  readonly digest: string
  readonly file: TenantFile
}

/** The tenants that this edge serves now. */
export class TenantHost {
  readonly #log: Logger
  readonly #check: (file: TenantFile) => readonly string[]
  #live: ReadonlyMap<string, LiveTenant> | undefined
  readonly #listeners = new Set<() => void>()

  /** `check` names what is wrong with a tenant's sentences; see `checkMessages`. */
  constructor(deps: { readonly log: Logger; readonly check: (file: TenantFile) => readonly string[] }) {
    this.#log = deps.log
    this.#check = deps.check
  }

  /** Replaces all tenants at once. Throws `tenant_invalid` with every problem by path; then nothing has changed. */
  apply(tenants: readonly TenantSource[]): void {
    const problems: string[] = []
    const next = new Map<string, LiveTenant>()
    for (const { id, digest, file } of tenants) {
      const tenant = asTenantId(id)
      if (!tenant) problems.push(`${JSON.stringify(id)}: is not a tenant id`)
      else if (next.has(id)) problems.push(`${id}: is named twice`)
      else if (file.tenant !== id) problems.push(`${id}: its bundle belongs to ${file.tenant}`)
      else {
        problems.push(...this.#check(file).map((problem) => `${id}/${problem}`))
        next.set(id, { tenant, digest, file })
      }
    }
    if (problems.length > 0) {
      throw new YizhanError('tenant_invalid', problems.join('; '), { details: { problems } })
    }
    this.#live = next
    this.#log.info(
      { tenants: [...next.values()].map(({ tenant, digest }) => ({ tenant, digest })) },
      'tenants',
    )
    for (const listener of this.#listeners) listener()
  }

  /** Whether it is known yet which tenants are served: before the first `apply` an absent one may still come. */
  get isApplied(): boolean {
    return this.#live !== undefined
  }

  get(tenant: TenantId): LiveTenant | undefined {
    return this.#live?.get(tenant)
  }

  list(): readonly LiveTenant[] {
    return [...(this.#live?.values() ?? [])]
  }

  /** Called after each `apply`. Returns the unsubscribe. */
  onChange(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => {
      this.#listeners.delete(fn)
    }
  }
}
