import {
  type Clock,
  type Logger,
  type Metrics,
  type Outbound,
  type Running,
  type TenantId,
  toYizhanError,
} from '@yizhan/kernel'
import type { Signer } from '../fleet/index.js'
import type { ScopeHead, SystemStore } from '../storage/index.js'
import { anchorKeys, type SignedAnchor, signAnchor } from './anchor.js'
import { AnchorBook } from './anchor-book.js'
import type { AnchorConfig, AnchorTargetConfig } from './anchor-config.js'
import { AnchorDelivery } from './anchor-delivery.js'
import type { AnchorTarget } from './anchor-target.js'
import { fileTarget, linesOf, readAnchors } from './file-target.js'
import { syslogTarget } from './syslog-target.js'
import { openWebhookTarget } from './webhook-target.js'

export interface AnchoringDeps {
  readonly tenants: () => readonly TenantId[]
  readonly head: (tenant: TenantId) => Promise<ScopeHead | undefined>
  readonly system: SystemStore
  readonly signer: Signer
  readonly fetch: Outbound['fetch']
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** Of this machine, for syslog. */
  readonly hostname: string
  /** 0 to 1, for the jitter; default Math.random. */
  readonly random?: () => number
}

export interface Anchoring extends Running {
  /** The newest anchor of a tenant and those in the files of the settings, their signatures checked. */
  anchors(tenant: TenantId): Promise<readonly SignedAnchor[]>
  /** Anchors every tenant that has something new, now; resolves once the anchors are kept, before they are delivered. */
  anchorNow(): Promise<void>
}

const MAX_LOOK_MS = 30_000
const STOP_MS = 3_000

/**
 * Signs the head of each tenant's audit every so many entries or minutes and brings it to every target. At the start it
 * anchors what is new. `stop` anchors once more and makes one last attempt at each target, three seconds at most.
 * Throws `config_invalid`, `storage_failed`, `data_corrupt`.
 */
export async function startAnchoring(deps: AnchoringDeps, config: AnchorConfig): Promise<Anchoring> {
  const targets: AnchorTarget[] = []
  for (const target of config.to) targets.push(await targetOf(deps, target))
  const book = new AnchorBook(
    deps.system,
    targets.map(({ id }) => id),
  )
  await book.load()
  const anchoring = new HeadAnchoring(deps, config, { book, deliveries: deliveriesOf(deps, targets, book) })
  anchoring.start()
  return anchoring
}

interface Parts {
  readonly book: AnchorBook
  readonly deliveries: readonly { readonly id: string; readonly delivery: AnchorDelivery }[]
}

class HeadAnchoring implements Anchoring {
  readonly done: Promise<void>
  readonly #deps: AnchoringDeps
  readonly #config: AnchorConfig
  readonly #parts: Parts
  readonly #made: ReturnType<Metrics['counter']>
  readonly #rollbacks: ReturnType<Metrics['counter']>
  /** Monotonic time of the last anchor that this process made, by tenant. */
  readonly #madeAt = new Map<TenantId, number>()
  #cancel: () => void = () => undefined
  #round: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | undefined
  #resolveDone: () => void = () => undefined

  constructor(deps: AnchoringDeps, config: AnchorConfig, parts: Parts) {
    this.#deps = deps
    this.#config = config
    this.#parts = parts
    this.#made = deps.metrics.counter('yizhan_audit_anchors_total', 'Signed heads of audits that were made')
    this.#rollbacks = deps.metrics.counter(
      'yizhan_audit_rollbacks_total',
      'Audits that ended before their last signed head, or in another entry',
    )
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve
    })
  }

  start(): void {
    for (const { id, delivery } of this.#parts.deliveries) delivery.offer(this.#parts.book.lacking(id))
    this.#watch(this.anchorNow())
  }

  anchorNow(): Promise<void> {
    const mine = this.#round.then(() => this.#anchorAll(true))
    this.#round = mine.catch(() => undefined)
    return mine
  }

  async anchors(tenant: TenantId): Promise<readonly SignedAnchor[]> {
    const newest = this.#parts.book.newest(tenant)
    const keys = anchorKeys(this.#deps.signer.publicKeys)
    const found = newest ? [newest] : []
    for (const target of this.#config.to) {
      if (!('file' in target)) continue
      const { anchors, bad } = await readAnchors(linesOf(target.file), tenant, keys)
      if (bad.length > 0)
        this.#deps.log.error({ tenant, path: target.file, bad }, 'anchors are not of this center')
      found.push(...anchors)
    }
    return found
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#cancel()
    const enough = new AbortController()
    const cancel = this.#deps.clock.after(STOP_MS, () => enough.abort())
    await this.anchorNow().catch((thrown: unknown) => this.#failed(thrown))
    await Promise.all(this.#parts.deliveries.map(({ delivery }) => delivery.stop(enough.signal)))
    cancel()
    this.#resolveDone()
  }

  #watch(round: Promise<void>): void {
    round
      .catch((thrown: unknown) => this.#failed(thrown))
      .finally(() => {
        if (this.#stopping) return
        const lookMs = Math.min(MAX_LOOK_MS, this.#config.everyMs)
        this.#cancel = this.#deps.clock.after(lookMs, () => {
          for (const { delivery } of this.#parts.deliveries) delivery.observe()
          const next = this.#round.then(() => this.#anchorAll(false))
          this.#round = next.catch(() => undefined)
          this.#watch(next)
        })
      })
  }

  #failed(thrown: unknown): void {
    this.#deps.log.error({ err: toYizhanError(thrown) }, 'audits were not anchored')
  }

  /** `all`: every tenant with something new, whatever its number and age. */
  async #anchorAll(all: boolean): Promise<void> {
    const { signer, clock } = this.#deps
    const made: [TenantId, SignedAnchor][] = []
    for (const tenant of this.#deps.tenants()) {
      const head = await this.#headOf(tenant)
      if (!head || head.auditSequence === 0) continue
      if (!this.#isDue(tenant, head, all)) continue
      const { auditSequence: sequence, auditHash: hash } = head
      made.push([tenant, signAnchor(signer, tenant, { sequence, hash }, clock.wall())])
      this.#madeAt.set(tenant, clock.monotonic())
    }
    if (made.length === 0) return
    await this.#parts.book.add(made)
    this.#made.inc(made.length)
    const anchors = made.map(([, anchor]) => anchor)
    for (const { delivery } of this.#parts.deliveries) delivery.offer(anchors, clock.wall())
  }

  #isDue(tenant: TenantId, head: ScopeHead, all: boolean): boolean {
    const last = this.#parts.book.newest(tenant)
    if (!last) return true
    if (last.hash === head.auditHash) return false
    if (head.auditSequence <= last.sequence) {
      this.#rollbacks.inc()
      const about = { tenant, ends: head.auditSequence, anchored: last.sequence }
      this.#deps.log.error(
        about,
        'an audit ends before its last anchor: it was cut, or an older copy restored',
      )
      return true
    }
    const age = this.#deps.clock.monotonic() - (this.#madeAt.get(tenant) ?? Number.NEGATIVE_INFINITY)
    return all || head.auditSequence - last.sequence >= this.#config.entries || age >= this.#config.everyMs
  }

  /** One damaged tenant must not keep the others from being anchored. */
  async #headOf(tenant: TenantId): Promise<ScopeHead | undefined> {
    try {
      return await this.#deps.head(tenant)
    } catch (thrown) {
      this.#deps.log.error({ err: toYizhanError(thrown), tenant }, 'the head of an audit cannot be read')
      return undefined
    }
  }
}

async function targetOf(deps: AnchoringDeps, config: AnchorTargetConfig): Promise<AnchorTarget> {
  if ('file' in config) return fileTarget(config.file)
  if ('syslog' in config) return syslogTarget(deps, config.syslog)
  return openWebhookTarget(deps, config.webhook)
}

function deliveriesOf(
  deps: AnchoringDeps,
  targets: readonly AnchorTarget[],
  book: AnchorBook,
): Parts['deliveries'] {
  const { metrics, clock, log, random = Math.random } = deps
  const waiting = metrics.gauge(
    'yizhan_audit_anchors_waiting',
    'Tenants whose newest anchor a target lacks',
    ['target'],
  )
  const lag = metrics.gauge(
    'yizhan_audit_anchor_lag_seconds',
    'For how long a target has lacked the newest anchor of some tenant',
    ['target'],
  )
  const failures = metrics.counter('yizhan_audit_anchor_failures_total', 'Failed deliveries of anchors', [
    'target',
  ])
  return targets.map((target) => {
    const label = { target: target.id }
    const own = {
      pending: (count: number) => waiting.set(label, count),
      lagSeconds: (seconds: number) => lag.set(label, seconds),
      failed: () => failures.inc(label),
    }
    return { id: target.id, delivery: new AnchorDelivery({ target, book, clock, log, metrics: own, random }) }
  })
}
