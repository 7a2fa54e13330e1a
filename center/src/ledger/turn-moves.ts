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
  return withSteps(rest, [{ version: turn.version + 1, ...by }])
}

/** The turn with these steps, oldest first, behind its history, which forgets the oldest. */
export function withSteps(turn: Turn, steps: Turn['history']): Turn {
  const history = [...turn.history, ...steps]
  const excess = Math.max(0, history.length - MAX_HISTORY)
  return { ...turn, ...steps.at(-1), history: history.slice(excess), omitted: turn.omitted + excess }
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
