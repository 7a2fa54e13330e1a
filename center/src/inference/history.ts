import type { Backend, GenerateRequest } from './port.js'
import { estimateTokens } from './token-estimate.js'

type History = GenerateRequest['history']

/**
 * A conversation of fewer exchanges is still sent whole by its edge. Notes of it would say nothing new, and just after a
 * change of subject they could be of the one before.
 */
export const SENT_WHOLE = 4

const DEFAULT_TOKENS = 2_000
const MIN_TOKENS = 256
const MAX_TOKENS = 4_000
/** Of a model's context; the rest is for rules, documents and the answer. */
const SHARE = 1 / 4

/** How much history fits all of these engines: a quarter of the smallest context that is known. */
export function historyTokensFor(backends: readonly Pick<Backend, 'contextTokens'>[]): number {
  const known = backends.flatMap(({ contextTokens }) => contextTokens ?? [])
  if (known.length === 0) return DEFAULT_TOKENS
  return Math.max(MIN_TOKENS, Math.min(MAX_TOKENS, Math.floor(SHARE * Math.min(...known))))
}

/** The latest of a conversation that fits into so many tokens; it begins with what a person says. */
export function latestWithin(
  history: History,
  maxTokens: number,
): { readonly kept: History; readonly leftOut: boolean } {
  let from = history.length
  let tokens = 0
  for (let at = history.length - 1; at >= 0; at--) {
    tokens += estimateTokens(history[at]?.text ?? '')
    if (tokens > maxTokens) break
    // Chat templates refuse a conversation that an answer begins.
    if (history[at]?.role === 'user') from = at
  }
  return { kept: history.slice(from), leftOut: from > 0 }
}
