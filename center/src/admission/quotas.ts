import { type Clock, type TenantId, YizhanError } from '@yizhan/kernel'
import type { AdmissionRequest } from '../inference/port.js'
import { Bucket } from './bucket.js'
import type { QuotaLimits, QuotaRules } from './quota-config.js'

/** Tokens of the present month, kept across restarts. */
export interface MonthlyUse {
  /** Of the tenant, or of one of its users. */
  used(tenant: TenantId, user?: string): number
  add(tenant: TenantId, user: string | undefined, tokens: number): void
  /** Ms until the next month begins. */
  leftMs(): number
}

/** A request that its quotas let in. */
export interface QuotaHold {
  charge(tokens: number): void
  /** It is over; it took so many tokens beyond (or below) what was charged. */
  release(correction: number): void
}

export interface QuotaUse {
  readonly limits: QuotaLimits
  /** Of each user. */
  readonly userLimits: QuotaLimits
  /** Requests that wait or run. */
  readonly open: number
  readonly monthTokens: number
}

interface Holder {
  readonly limits: QuotaLimits
  readonly requests: Bucket
  readonly tokens: Bucket
  open: number
}

const UNLIMITED = Number.MAX_SAFE_INTEGER
/** Holders that are remembered before those are looked for that have nothing to remember. */
const MAX_IDLE = 20_000

export type Refusal = 'requests per minute' | 'tokens per minute' | 'concurrent' | 'monthly tokens'

/**
 * What a tenant and each of its users may ask for. Rates are buckets: a minute's worth may come at once. Throws
 * `quota_exceeded` with details.retryAfterMs, `too_large` for a prompt that is too long.
 */
export class Quotas {
  readonly #clock: Clock
  readonly #rulesOf: (tenant: TenantId) => QuotaRules
  readonly #month: MonthlyUse
  readonly #tenants = new Map<TenantId, Holder>()
  readonly #users = new Map<string, Holder>()

  constructor(deps: {
    readonly clock: Clock
    readonly rulesOf: (tenant: TenantId) => QuotaRules
    readonly month: MonthlyUse
  }) {
    this.#clock = deps.clock
    this.#rulesOf = deps.rulesOf
    this.#month = deps.month
  }

  admit(request: AdmissionRequest): QuotaHold {
    const { tenant, user } = request
    const tokens = Math.max(1, request.estimatedTokens)
    const rules = this.#rulesOf(tenant)
    const holders = [this.#holder(this.#tenants, tenant, rules.tenant)]
    this.#check('tenant', holders[0], tokens, this.#month.used(tenant))
    if (user !== undefined) {
      const holder = this.#holder(this.#users, `${tenant}\n${user}`, rules.user)
      holders.push(holder)
      this.#check('user', holder, tokens, this.#month.used(tenant, user))
    }
    // Who is not limited is not remembered by the month.
    const counted = rules.user.monthlyTokens === undefined ? undefined : user
    const charge = (amount: number) => {
      for (const holder of holders) holder.tokens.take(amount)
      this.#month.add(tenant, counted, amount)
    }
    for (const holder of holders) {
      holder.open += 1
      holder.requests.take(1)
    }
    charge(tokens)
    return {
      charge,
      release: (correction) => {
        for (const holder of holders) holder.open -= 1
        charge(correction)
      },
    }
  }

  use(tenant: TenantId): QuotaUse {
    const { tenant: limits, user: userLimits } = this.#rulesOf(tenant)
    return {
      limits,
      userLimits,
      open: this.#tenants.get(tenant)?.open ?? 0,
      monthTokens: this.#month.used(tenant),
    }
  }

  #check(whose: 'tenant' | 'user', holder: Holder | undefined, tokens: number, month: number): void {
    if (!holder) return
    const { limits } = holder
    if (limits.maxPromptTokens !== undefined && tokens > limits.maxPromptTokens) {
      throw new YizhanError('too_large', `the prompt has about ${tokens} tokens`, {
        details: { whose, maxPromptTokens: limits.maxPromptTokens },
      })
    }
    if (limits.monthlyTokens !== undefined && month >= limits.monthlyTokens) {
      // Waiting for days is nothing that a client should do by itself.
      throw refusal(whose, 'monthly tokens', this.#month.leftMs(), false)
    }
    if (limits.concurrent !== undefined && holder.open >= limits.concurrent) {
      throw refusal(whose, 'concurrent', CONCURRENT_RETRY_MS, true)
    }
    const requestsMs = holder.requests.waitMs(1)
    if (requestsMs > 0) throw refusal(whose, 'requests per minute', requestsMs, true)
    const tokensMs = holder.tokens.waitMs(tokens)
    if (tokensMs > 0) throw refusal(whose, 'tokens per minute', tokensMs, true)
  }

  #holder<K extends string>(holders: Map<K, Holder>, key: K, limits: QuotaLimits): Holder {
    const known = holders.get(key)
    const { requestsPerMinute = UNLIMITED, tokensPerMinute = UNLIMITED } = limits
    if (known) {
      known.requests.limit(requestsPerMinute)
      known.tokens.limit(tokensPerMinute)
    }
    const holder: Holder = known
      ? Object.assign(known, { limits })
      : {
          limits,
          requests: new Bucket(this.#clock, requestsPerMinute),
          tokens: new Bucket(this.#clock, tokensPerMinute),
          open: 0,
        }
    if (known) return holder
    if (holders.size >= MAX_IDLE) forgetIdle(holders)
    holders.set(key, holder)
    return holder
  }
}

/** When a place of a person's own may be free again, nobody knows; a few seconds are polite. */
const CONCURRENT_RETRY_MS = 2_000

function forgetIdle<K>(holders: Map<K, Holder>): void {
  for (const [key, { open, requests, tokens }] of holders) {
    if (open === 0 && requests.full && tokens.full) holders.delete(key)
  }
}

function refusal(
  whose: 'tenant' | 'user',
  reason: Refusal,
  retryAfterMs: number,
  retryable: boolean,
): YizhanError {
  const error = `the quota of the ${whose} is used up (${reason})`
  return new YizhanError('quota_exceeded', error, { retryable, details: { whose, reason, retryAfterMs } })
}
