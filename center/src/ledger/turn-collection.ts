import { type Static, type TLiteral, type TUnion, Type } from '@sinclair/typebox'
import { defineCollection, type IndexTerm } from '../storage/index.js'
import { isTerminal, RATINGS, REPLY_STATES, TURN_STATES, type TurnStateName } from './turn-names.js'

/** One of a few words, in a collection’s schema. */
export function oneOf<N extends string>(names: readonly N[]): TUnion<TLiteral<N>[]> {
  return Type.Union(names.map((name) => Type.Literal(name)))
}

const Count = Type.Integer({ minimum: 0 })
const Text = Type.String()
const Maybe = Type.Optional(Text)

const Reply = Type.Object({
  id: Text,
  text: Text,
  state: oneOf(REPLY_STATES),
  at: Count,
  answeredBy: Maybe,
  intent: Maybe,
  score: Type.Optional(Type.Number()),
  /** What the score had to reach; left out where no model decided. */
  accept: Type.Optional(Type.Number()),
  /** What is answered, if that is not the message's own text. */
  question: Maybe,
  finish: Maybe,
  model: Maybe,
  handoff: Maybe,
  citations: Type.Array(Type.Object({ document: Text, title: Text, heading: Text, score: Type.Number() })),
})

const Turn = Type.Object({
  id: Type.String({ pattern: '^t_[0-9a-z]{26}$' }),
  /** Which edge it is of, and the journal (16 hex digits) that last told of it. */
  edge: Text,
  epoch: Text,
  /** The edge's; from 0. */
  version: Count,
  state: oneOf(TURN_STATES),
  /** Of the last transition. */
  at: Count,
  cause: Text,
  actor: Text,
  ticket: Maybe,
  channel: Text,
  /** Blind mark of the conversation, in an index. */
  conversation: Text,
  receivedAt: Count,
  receivedSeq: Text,
  successorOf: Maybe,
  /** The Message whole, in base64: another edge may have to take it in. */
  message: Text,
  notice: Type.Optional(Reply),
  final: Type.Optional(Reply),
  feedback: Type.Optional(Type.Object({ rating: oneOf(RATINGS), reason: Text, at: Count, by: Text })),
  /** The latest transitions, oldest first; `omitted` came before them. */
  history: Type.Array(
    Type.Object({ version: Count, state: oneOf(TURN_STATES), at: Count, actor: Text, cause: Text }),
  ),
  omitted: Count,
  /** Since when its edge has another journal that does not tell of it. */
  doubtSince: Type.Optional(Count),
  /** The edge is gone for good: the center decides from here on. */
  takenOver: Type.Optional(Type.Object({ at: Count, by: Text, reason: Maybe })),
  /** What a person says was told to the asker by other means. */
  said: Type.Optional(Type.Object({ text: Text, at: Count, by: Text })),
  /** Random id of the asker; left out where the message names nobody. */
  subject: Maybe,
})

/** A turn as the center holds it. Times are the edge's, milliseconds since the Unix epoch. */
export type Turn = Static<typeof Turn>
export type TurnReplyRecord = Static<typeof Reply>

/** Transitions that are kept of one turn. */
export const MAX_HISTORY = 32

/** Whether somebody has to look after it: it has not ended, or nobody knows whether it has. */
export function isOpen({ state, doubtSince }: Pick<Turn, 'state' | 'doubtSince'>): boolean {
  return !isTerminal(state) || doubtSince !== undefined
}

export const TURNS = defineCollection({
  name: 'turns',
  version: 1,
  schema: Turn,
  key: ({ id }) => id,
  subject: ({ subject }) => subject,
  terms: turnTerms,
  dataClass: 'turns',
})

/**
 * Ids grow with time, so that a term that ends with one gives an order by time: `open` and `edge-open` of those that
 * are open, `state`, `edge` and `conversation` of all.
 */
function turnTerms(turn: Turn): readonly IndexTerm[] {
  const { id, state, edge, conversation } = turn
  const all = [
    { name: 'state', value: stateTerm(state, id) },
    { name: 'edge', value: `${edge}/${id}` },
    { name: 'conversation', value: `${conversation}/${id}` },
  ]
  if (!isOpen(turn)) return all
  return [...all, { name: 'open', value: id }, { name: 'edge-open', value: `${edge}/${id}` }]
}

export function stateTerm(state: TurnStateName, id: string): string {
  return `${state}/${id}`
}
