import type { LaneHold } from '../intake/index.js'
import type { Route, Turn } from '../ledger/index.js'
import type { SlotValues } from '../slots/index.js'
import type { LiveTenant } from '../tenants/index.js'
import type { Handler } from './chain.js'

/** One turn on its way through the chain. */
export interface Visit {
  readonly turn: Turn
  readonly tenant: LiveTenant
  /** The language to answer in. */
  readonly language: string
  /** The message's text, or the earlier question that this message makes clear. */
  readonly question: string
  /** The intent, if the asker has chosen it: nothing is left to classify. */
  readonly chosen?: string
  /** The values of the chosen intent's slots, if all of them are known. */
  readonly slots?: SlotValues
  readonly signal: AbortSignal
  readonly lane: LaneHold
}

export type RouterHandler = Handler<Visit>

/** A route that no model was asked for. */
export function plainRoute(intent: string, decision: string): Route {
  return { intent, score: 1, accept: 0, match: 'none', top: [], decision, classifyMs: 0 }
}
