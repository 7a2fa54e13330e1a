import { MAX_HISTORY, type Turn } from './turn-collection.js'
import type { TurnStateName } from './turn-names.js'

/** The turn after a step that the center takes itself. */
export function movedTurn(
  turn: Turn,
  by: {
    readonly state: TurnStateName
    readonly at: number
    readonly actor: string
    readonly cause: string
  },
): Turn {
  const { doubtSince: _doubt, ...rest } = turn
  return withStep(rest, { version: turn.version + 1, ...by })
}

/** The turn with one more step in its history, which forgets the oldest. */
export function withStep(turn: Turn, step: Turn['history'][number]): Turn {
  const history = [...turn.history, step]
  const excess = Math.max(0, history.length - MAX_HISTORY)
  return { ...turn, ...step, history: history.slice(excess), omitted: turn.omitted + excess }
}

/** What the audit says of a turn that the center changed. */
export function snapshotOf({ state, version, doubtSince, takenOver, said }: Turn): object {
  return {
    state,
    version,
    inDoubt: doubtSince !== undefined,
    takenOver: takenOver !== undefined,
    ...(said ? { said: said.text } : {}),
  }
}
