import { ReplyState, TurnRating, TurnState } from '@yizhan/proto'

/** States as people read them, in the order of the ledger. */
export const TURN_STATES = [
  'received',
  'routed',
  'answering',
  'forwarded',
  'streaming',
  'replying',
  'done',
  'waiting',
  'handed-off',
  'rerouted',
  'expired',
  'cancelled',
  'refused',
  'failed',
  'abandoned',
] as const
export type TurnStateName = (typeof TURN_STATES)[number]

export const REPLY_STATES = ['pending', 'attempting', 'sent', 'confirmed', 'unknown', 'failed'] as const
export type ReplyStateName = (typeof REPLY_STATES)[number]

export const RATINGS = ['up', 'down', 'none'] as const
export type RatingName = (typeof RATINGS)[number]

const TERMINAL: ReadonlySet<TurnStateName> = new Set([
  'done',
  'handed-off',
  'rerouted',
  'expired',
  'cancelled',
  'refused',
  'failed',
  'abandoned',
])

/** Whether nothing more happens with a turn by itself. */
export function isTerminal(state: TurnStateName): boolean {
  return TERMINAL.has(state)
}

/** Undefined for one that this build does not know. */
export function turnStateName(state: TurnState): TurnStateName | undefined {
  return nameIn(TURN_STATES, TurnState[state])
}

export function turnStateOf(name: TurnStateName): TurnState {
  return TurnState[name.replaceAll('-', '_').toUpperCase() as keyof typeof TurnState]
}

export function replyStateName(state: ReplyState): ReplyStateName | undefined {
  return nameIn(REPLY_STATES, ReplyState[state])
}

export function ratingName(rating: TurnRating): RatingName | undefined {
  return nameIn(RATINGS, TurnRating[rating])
}

function nameIn<N extends string>(names: readonly N[], wire: string | undefined): N | undefined {
  const wanted = wire?.toLowerCase().replaceAll('_', '-')
  return names.find((name) => name === wanted)
}
