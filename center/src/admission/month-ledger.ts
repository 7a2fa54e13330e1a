import { type Static, Type } from '@sinclair/typebox'
import {
  asTenantId,
  type Clock,
  type Logger,
  type Running,
  type TenantId,
  toYizhanError,
} from '@yizhan/kernel'
import { fromStored, toStored } from '../fleet/stored-json.js'
import type { Change, SystemStore } from '../storage/index.js'
import type { MonthlyUse } from './quotas.js'

const COLLECTION = 'quota-months'
/** As much use may be forgotten by a crash. */
const FLUSH_MS = 2_000
const DAY_MS = 86_400_000

const MonthSchema = Type.Object({
  /** `2026-11`, UTC. */
  month: Type.String(),
  tokens: Type.Number(),
  /** By the user's pseudonym. */
  users: Type.Record(Type.String(), Type.Number()),
})

interface Month {
  month: string
  tokens: number
  readonly users: Map<string, number>
  dirty: boolean
}

/** Months of tenants in the system's store. */
export interface MonthLedger extends MonthlyUse, Running {}

/**
 * Counts the tokens of each tenant and user in the present month of UTC. Written at most two seconds after they were
 * used; `stop` writes what is left. The users of a month are forgotten with it.
 */
export async function openMonthLedger(deps: {
  readonly system: SystemStore
  readonly clock: Clock
  readonly log: Logger
}): Promise<MonthLedger> {
  const months = new Map<TenantId, Month>()
  let cursor: string | undefined
  do {
    const page = await deps.system.scan(COLLECTION, cursor === undefined ? {} : { cursor })
    for (const { key, value } of page.records) {
      const tenant = asTenantId(key)
      if (tenant) months.set(tenant, fromRecord(fromStored(MonthSchema, value, `the quota month of ${key}`)))
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return new Ledger(deps, months)
}

function fromRecord({ month, tokens, users }: Static<typeof MonthSchema>): Month {
  return { month, tokens, users: new Map(Object.entries(users)), dirty: false }
}

class Ledger implements MonthLedger {
  readonly done: Promise<void>
  readonly #system: SystemStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #months: Map<TenantId, Month>
  /** `day` since 1970, UTC. */
  #today = { day: Number.NaN, month: '' }
  #cancelFlush: (() => void) | undefined
  #flushing: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | undefined
  #resolveDone: () => void = () => undefined

  constructor(
    deps: { readonly system: SystemStore; readonly clock: Clock; readonly log: Logger },
    months: Map<TenantId, Month>,
  ) {
    this.#system = deps.system
    this.#clock = deps.clock
    this.#log = deps.log
    this.#months = months
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve
    })
  }

  used(tenant: TenantId, user?: string): number {
    const month = this.#present(tenant)
    return user === undefined ? month.tokens : (month.users.get(user) ?? 0)
  }

  add(tenant: TenantId, user: string | undefined, tokens: number): void {
    if (tokens === 0) return
    const month = this.#present(tenant)
    // What was estimated in the month before may be taken back in this one.
    month.tokens = Math.max(0, month.tokens + tokens)
    if (user !== undefined) month.users.set(user, Math.max(0, (month.users.get(user) ?? 0) + tokens))
    month.dirty = true
    this.#cancelFlush ??= this.#clock.after(FLUSH_MS, () => this.#flushSoon())
  }

  leftMs(): number {
    const now = new Date(this.#clock.wall())
    return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1) - now.getTime()
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#flushSoon()
    await this.#flushing
    this.#resolveDone()
  }

  #present(tenant: TenantId): Month {
    const name = this.#monthName()
    const known = this.#months.get(tenant)
    if (known?.month === name) return known
    const month: Month = { month: name, tokens: 0, users: new Map(), dirty: true }
    this.#months.set(tenant, month)
    return month
  }

  /** Asked for every piece of an answer: a date is made only where the day has changed. */
  #monthName(): string {
    const day = Math.floor(this.#clock.wall() / DAY_MS)
    if (day !== this.#today.day)
      this.#today = { day, month: new Date(day * DAY_MS).toISOString().slice(0, 7) }
    return this.#today.month
  }

  #flushSoon(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#flushing = this.#flushing.then(() => this.#flush())
  }

  async #flush(): Promise<void> {
    const changes: Change[] = []
    const written: Month[] = []
    for (const [tenant, month] of this.#months) {
      if (!month.dirty) continue
      month.dirty = false
      written.push(month)
      const { month: name, tokens } = month
      const value = toStored({ month: name, tokens, users: Object.fromEntries(month.users) })
      changes.push({ op: 'put', collection: COLLECTION, key: tenant, value })
    }
    if (changes.length === 0) return
    try {
      await this.#system.batch(changes)
    } catch (thrown) {
      for (const month of written) month.dirty = true
      this.#log.warn(
        { err: toYizhanError(thrown) },
        'used tokens could not be written down; tried again later',
      )
      if (!this.#stopping) this.#cancelFlush ??= this.#clock.after(FLUSH_MS, () => this.#flushSoon())
    }
  }
}
