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

const STATE_NAMES = namesByNumber(TURN_STATES, TurnState)
const REPLY_STATE_NAMES = namesByNumber(REPLY_STATES, ReplyState)
const RATING_NAMES = namesByNumber(RATINGS, TurnRating)

/** Undefined for one that this build does not know. */
export function turnStateName(state: TurnState): TurnStateName | undefined {
  return STATE_NAMES.get(state)
}

export function turnStateOf(name: TurnStateName): TurnState {
  return TurnState[wireName(name) as keyof typeof TurnState]
}

export function replyStateName(state: ReplyState): ReplyStateName | undefined {
  return REPLY_STATE_NAMES.get(state)
}

export function ratingName(rating: TurnRating): RatingName | undefined {
  return RATING_NAMES.get(rating)
}

/** Looked up for every step of every turn. */
function namesByNumber<N extends string>(
  names: readonly N[],
  wire: Readonly<Record<string, string | number>>,
): ReadonlyMap<number, N> {
  return new Map(names.map((name) => [Number(wire[wireName(name)]), name]))
}

function wireName(name: string): string {
  return name.replaceAll('-', '_').toUpperCase()
}
