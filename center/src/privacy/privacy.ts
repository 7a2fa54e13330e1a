import { type Clock, type Logger, type Running, type TenantId, YizhanError } from '@yizhan/kernel'
import type { EdgeCommands, EdgeRegistry, Signer } from '../fleet/index.js'
import type { Store, SystemStore } from '../storage/index.js'
import { PrivacyCases } from './cases.js'
import { type CertificateCheck, certify, checkCertificate, type SignedCertificate } from './certificate.js'
import type { PrivacyConfig } from './config.js'
import { Consents, type PurposeUse } from './consents.js'
import { AUDIT_FLOOR_MS } from './data-classes.js'
import { EdgeErasures } from './edge-erasures.js'
import { type ErasureOutcome, Erasures } from './erasures.js'
import { LegalHolds } from './holds.js'
import { type PrivacyPolicies, retentionOf } from './policy.js'
import type { By, ErasureLog, PrivacySource, StoreUpkeep, SubjectKeys } from './port.js'
import { SubjectCopies } from './subject-copy.js'
import type { SubjectDirectory } from './subject-directory.js'
import { SubjectReportBook } from './subject-reports.js'
import { Sweeper } from './sweeper.js'

export interface PrivacyDeps {
  readonly store: Store
  readonly system: SystemStore
  readonly upkeep: StoreUpkeep
  readonly keys: SubjectKeys
  /** The one of this store. */
  readonly subjects: SubjectDirectory
  readonly policies: PrivacyPolicies
  readonly tenants: () => readonly TenantId[]
  readonly fleet: {
    readonly registry: Pick<EdgeRegistry, 'list'>
    readonly commands: EdgeCommands
    /** Whether the edge has a live link. */
    readonly linked: (edge: string) => boolean
  }
  readonly erasureLog: ErasureLog
  readonly signer: Signer
  /** What holds data of persons beside the store's records. */
  readonly sources: readonly PrivacySource[]
  readonly clock: Clock
  readonly log: Logger
}

/** What people and other parts ask of it. */
export interface Privacy {
  readonly subjects: SubjectDirectory
  readonly consents: Consents
  readonly cases: PrivacyCases
  readonly holds: LegalHolds
  readonly erasures: Erasures
  readonly copies: SubjectCopies
  readonly sweeper: Sweeper
  /** For the gateway. */
  readonly reports: SubjectReportBook
  /** As `erasures.erase`; goes on whether or not somebody waits for it, until the center stops. */
  erase(tenant: TenantId, subject: string, by: By): Promise<ErasureOutcome>
  /** Whether a person's data may be used for a purpose now. */
  mayUse(tenant: TenantId, subject: string, purpose: string): Promise<PurposeUse>
  /** For how long a new record of this class is kept, in milliseconds; null = until it is erased. */
  retentionMs(tenant: TenantId, dataClass: string): Promise<number | null>
  /** `not_found` if there is no such erasure. */
  certificate(tenant: TenantId, erasure: string): Promise<SignedCertificate>
  check(certificate: unknown): CertificateCheck
  /**
   * Takes up what was broken off, and from then on looks after erasures and sweeps. `stop` resolves when the step that
   * runs is over.
   */
  start(): Running
}

type TimerConfig = Pick<PrivacyConfig, 'caseDueMs' | 'backupHorizonMs' | 'sweepEveryMs' | 'resumeEveryMs'>

/** Puts the parts together; nothing runs before `start`. */
export function createPrivacy(deps: PrivacyDeps, config: TimerConfig): Privacy {
  const { store, clock, log, subjects, policies, upkeep, sources, signer, fleet } = deps
  const stopping = new AbortController()
  const consents = new Consents({ store, policies, clock })
  const cases = new PrivacyCases({ store, clock }, config)
  const holds = new LegalHolds({ store, clock })
  const edges = new EdgeErasures({
    clock,
    log,
    commands: fleet.commands,
    fleet: {
      edgesOf: (tenant) =>
        fleet.registry
          .list()
          .filter(({ tenants }) => tenants.includes(tenant))
          .map(({ edgeId, revoked, lastSeenAt }) => {
            return { edge: edgeId, linked: fleet.linked(edgeId), revoked, lastSeenAt }
          }),
    },
    leaseMs: async (tenant) => (await policies.of(tenant))?.offlineLeaseMs ?? 0,
  })
  const erasures = new Erasures(
    {
      ...deps,
      subjects,
      holds,
      edges,
      auditRetentionMs: async (tenant) => retentionOf(await policies.of(tenant), 'audit') ?? AUDIT_FLOOR_MS,
    },
    config,
  )
  const sweeper = new Sweeper({ store, upkeep, holds, consents, policies, sources, clock })
  return {
    subjects,
    consents,
    cases,
    holds,
    erasures,
    sweeper,
    copies: new SubjectCopies({ store, subjects, consents, policies, sources, clock }),
    reports: new SubjectReportBook({ store, subjects, consents, cases, clock, log }),
    erase: (tenant, subject, by) => erasures.erase(tenant, subject, by, stopping.signal),
    async mayUse(tenant, subject, purpose) {
      const known = await subjects.get(tenant, subject)
      return await consents.mayUse(tenant, known ? [known.id, ...known.also] : [subject], purpose)
    },
    retentionMs: async (tenant, dataClass) => retentionOf(await policies.of(tenant), dataClass),
    async certificate(tenant, id) {
      const erasure = await erasures.get(tenant, id)
      if (erasure) return certify(tenant, erasure, signer)
      throw new YizhanError('not_found', 'there is no such erasure', { hint: 'privacy erasures list' })
    },
    check: (certificate) => checkCertificate(certificate, signer.publicKeys),
    start: () => new Upkeep({ ...deps, erasures, sweeper, cases, stopping }, config),
  }
}

const SYSTEM_ACTOR = 'privacy'
// Soon after a start, so that a center that is restarted every day sweeps too.
const FIRST_SWEEP_MS = 600_000

/** Runs one job at a time: what was broken off, what waits, what is past its time. */
class Upkeep implements Running {
  readonly done: Promise<void>
  readonly #deps: Pick<PrivacyDeps, 'tenants' | 'clock' | 'log'> & {
    readonly erasures: Erasures
    readonly sweeper: Sweeper
    readonly cases: PrivacyCases
  }
  readonly #stopping: AbortController
  readonly #cancels = new Set<() => void>()
  readonly #unsubscribe: () => void
  #ended: () => void = () => undefined
  #working: Promise<void> = Promise.resolve()
  #resumeWaits = false

  constructor(
    deps: Pick<PrivacyDeps, 'tenants' | 'clock' | 'log' | 'fleet'> & {
      readonly erasures: Erasures
      readonly sweeper: Sweeper
      readonly cases: PrivacyCases
      readonly stopping: AbortController
    },
    config: TimerConfig,
  ) {
    this.#deps = deps
    this.#stopping = deps.stopping
    this.done = new Promise((resolve) => {
      this.#ended = resolve
    })
    this.#unsubscribe = deps.fleet.commands.onSettled(() => this.#resume())
    this.#every(config.resumeEveryMs, () => this.#resume())
    const sweep = () => this.#run('sweeping', () => this.#sweep())
    this.#every(config.sweepEveryMs, sweep, Math.min(FIRST_SWEEP_MS, config.sweepEveryMs))
    this.#resume()
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    for (const cancel of this.#cancels) cancel()
    this.#stopping.abort(new YizhanError('cancelled', 'the center is stopping'))
    await this.#working
    this.#ended()
  }

  /** Answers that come together are looked at together. */
  #resume(): void {
    if (this.#resumeWaits) return
    this.#resumeWaits = true
    this.#run('taking up erasures', async () => {
      this.#resumeWaits = false
      await this.#deps.erasures.resume(this.#stopping.signal)
    })
  }

  async #sweep(): Promise<void> {
    for (const tenant of this.#deps.tenants()) {
      try {
        await this.#sweepTenant(tenant)
      } catch (thrown) {
        this.#stopping.signal.throwIfAborted()
        this.#deps.log.error({ err: thrown, tenant }, 'a tenant could not be swept')
      }
    }
  }

  async #sweepTenant(tenant: TenantId): Promise<void> {
    const how = { dryRun: false, by: { actor: SYSTEM_ACTOR } }
    const { classes, audit, held } = await this.#deps.sweeper.sweep(tenant, how, this.#stopping.signal)
    const swept = Object.fromEntries(Object.entries(classes).map(([id, { count }]) => [id, count]))
    this.#deps.log.info({ tenant, swept, audit: audit.count, held }, 'swept')
    const overdue = await this.#deps.cases.overdue(tenant)
    if (overdue > 0) this.#deps.log.warn({ tenant, overdue }, 'people wait for an answer past its time')
  }

  #every(ms: number, work: () => void, firstMs: number = ms): void {
    let cancel: () => void = () => undefined
    const wait = (waitMs: number) => {
      this.#cancels.delete(cancel)
      cancel = this.#deps.clock.after(waitMs, () => {
        wait(ms)
        work()
      })
      this.#cancels.add(cancel)
    }
    wait(firstMs)
  }

  #run(what: string, work: () => Promise<void>): void {
    this.#working = this.#working.then(async () => {
      if (this.#stopping.signal.aborted) return
      try {
        await work()
      } catch (thrown) {
        if (this.#stopping.signal.aborted) return
        this.#deps.log.error({ err: thrown }, `${what} failed and is tried again later`)
      }
    })
  }
}
