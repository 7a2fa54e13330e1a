import { type Static, Type } from '@sinclair/typebox'

const Limit = Type.Optional(Type.Integer({ minimum: 1 }))

/** Limits of one tenant, or of one person in it. What is left out is not limited. */
export const quotaLimitsSchema = Type.Object({
  requestsPerMinute: Limit,
  /** Read and written. */
  tokensPerMinute: Limit,
  /** Requests that wait or run at once. */
  concurrent: Limit,
  /** Tokens in a calendar month, UTC. */
  monthlyTokens: Limit,
  /** The longest prompt, in tokens as they are estimated. */
  maxPromptTokens: Limit,
})

export type QuotaLimits = Static<typeof quotaLimitsSchema>

export interface QuotaRules {
  readonly tenant: QuotaLimits
  readonly user: QuotaLimits
}

/** Of two limits the lower one. */
export function stricter(a: QuotaLimits, b: QuotaLimits): QuotaLimits {
  const limits: Record<string, number> = {}
  for (const [name, value] of [...Object.entries(a), ...Object.entries(b)]) {
    if (value !== undefined) limits[name] = Math.min(value, limits[name] ?? value)
  }
  return limits
}
