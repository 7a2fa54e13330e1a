import type { Backend, GenerateRequest } from './port.js'
import { estimateTokens } from './token-estimate.js'

type History = GenerateRequest['history']

/**
 * A conversation of fewer exchanges is still sent whole by its edge, unless they are long: notes of it would say nothing
 * new.
 */
export const SENT_WHOLE = 4

/** An edge that sends so much history, UTF-8, may have left something out: it sends 4 KiB at most. */
const MAYBE_CUT_BYTES = 2_048

/** Whether what comes with a question may not be all that was said. */
export function mayBeCut(history: History): boolean {
  if (history.filter(({ role }) => role === 'user').length >= SENT_WHOLE) return true
  return history.reduce((bytes, { text }) => bytes + Buffer.byteLength(text), 0) >= MAYBE_CUT_BYTES
}

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
