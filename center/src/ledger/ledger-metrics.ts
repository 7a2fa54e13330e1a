import { isErrorCode, type Metrics, type TenantId } from '@yizhan/kernel'
import { isOpen, type Turn } from './turn-collection.js'
import type { TurnStateName } from './turn-names.js'

/** Causes that edges give beside error codes; any other counts as `other`, so that the label stays bounded. */
const CAUSES: ReadonlySet<string> = new Set([
  'journal-gap',
  'nobody-came',
  'reply-unknown',
  'waiting-ttl',
  'recovered',
])

type Counted = Pick<Turn, 'state' | 'doubtSince'>

/** What the replica shows in `/metrics`: turns that somebody has to look after, and how far behind uploads are. */
export class LedgerMetrics {
  readonly #open
  readonly #doubt
  readonly #failed
  readonly #lag
  readonly #records
  readonly #lost
  readonly #byTenant = new Map<TenantId, Map<TurnStateName | 'in-doubt', number>>()

  constructor(metrics: Metrics) {
    this.#open = metrics.gauge('yizhan_center_turns_open', 'Turns that have not ended, by state', ['state'])
    this.#doubt = metrics.gauge(
      'yizhan_center_turns_in_doubt',
      'Turns whose edge came with another journal: nobody knows whether they were answered',
    )
    this.#failed = metrics.counter('yizhan_center_turns_failed_total', 'Turns that failed, by cause', [
      'cause',
    ])
    this.#lag = metrics.gauge(
      'yizhan_center_turns_upload_lag_seconds',
      'Age of the newest record when it was stored, by edge',
      ['edge'],
    )
    this.#records = metrics.counter(
      'yizhan_center_turn_records_total',
      'Records of edges: stored, or passed over and why',
      ['outcome'],
    )
    this.#lost = metrics.counter(
      'yizhan_center_turn_records_lost_total',
      'Records that disks of edges have lost, as they told',
    )
  }

  /** Anew, in place of what was counted of the tenant before. */
  recounted(tenant: TenantId, turns: Iterable<Counted>): void {
    for (const name of this.#byTenant.get(tenant)?.keys() ?? [])
      this.#show(name, this.#add(tenant, name, 0, true))
    for (const turn of turns) this.#count(tenant, turn, 1)
  }

  changed(tenant: TenantId, before: Counted | undefined, after: Turn): void {
    if (before) this.#count(tenant, before, -1)
    this.#count(tenant, after, 1)
    if (after.state !== 'failed' || before?.state === 'failed') return
    const { cause } = after
    this.#failed.inc({ cause: isErrorCode(cause) || CAUSES.has(cause) ? cause : 'other' })
  }

  outcome(outcome: 'stored' | 'old' | 'unknown' | 'leaving' | 'malformed', count = 1): void {
    if (count > 0) this.#records.inc({ outcome }, count)
  }

  lost(count: bigint): void {
    this.#lost.inc(Number(count))
  }

  lag(edge: string, ms: number): void {
    this.#lag.set({ edge }, Math.max(0, ms) / 1_000)
  }

  forgetEdge(edge: string): void {
    this.#lag.remove({ edge })
  }

  #count(tenant: TenantId, turn: Counted, by: number): void {
    if (!isOpen(turn)) return
    const name = turn.doubtSince === undefined ? turn.state : 'in-doubt'
    this.#show(name, this.#add(tenant, name, by, false))
  }

  /** The new sum over all tenants. */
  #add(tenant: TenantId, name: TurnStateName | 'in-doubt', by: number, anew: boolean): number {
    const counts = this.#byTenant.get(tenant) ?? new Map<TurnStateName | 'in-doubt', number>()
    this.#byTenant.set(tenant, counts)
    counts.set(name, anew ? by : Math.max(0, (counts.get(name) ?? 0) + by))
    let sum = 0
    for (const one of this.#byTenant.values()) sum += one.get(name) ?? 0
    return sum
  }

  #show(name: TurnStateName | 'in-doubt', sum: number): void {
    if (name === 'in-doubt') this.#doubt.set(sum)
    else this.#open.set({ state: name }, sum)
  }
}
