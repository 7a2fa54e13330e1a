import { type Static, Type } from '@sinclair/typebox'
import { defineCollection } from '../storage/index.js'

export const ACTIONS = ['retry', 'edit', 'reroute', 'answer', 'abandon'] as const
export type TurnAction = (typeof ACTIONS)[number]

const Literals = <N extends string>(names: readonly N[]) =>
  Type.Union(names.map((name) => Type.Literal(name)))
const Maybe = Type.Optional(Type.String())
const Count = Type.Integer({ minimum: 0 })

const Order = Type.Object({
  id: Type.String({ minLength: 1 }),
  turn: Type.String({ minLength: 1 }),
  action: Literals(ACTIONS),
  text: Maybe,
  target: Maybe,
  expectedVersion: Count,
  actor: Type.String(),
  at: Count,
  /** Milliseconds since the Unix epoch. */
  expiresAt: Count,
  /**
   * `ordered`: not in the edge's queue yet; `waiting`: for the edge; `passing-on`: for the other edge of a reroute;
   * the others are the end. `dropped`: the edge was taken over, or the turn is gone.
   */
  state: Literals(['ordered', 'waiting', 'passing-on', 'done', 'failed', 'expired', 'dropped']),
  /** The command that waits, or the last one. */
  edge: Type.String(),
  command: Maybe,
  detail: Maybe,
  settledAt: Type.Optional(Count),
  subject: Maybe,
})

/** What a person wants done to a turn, and what came of it. */
export type TurnOrder = Static<typeof Order>

export function isSettled({ state }: Pick<TurnOrder, 'state'>): boolean {
  return state !== 'ordered' && state !== 'waiting' && state !== 'passing-on'
}

export const ORDERS = defineCollection({
  name: 'turn-commands',
  version: 1,
  schema: Order,
  key: ({ id }) => id,
  subject: ({ subject }) => subject,
  terms: (order) => [
    { name: 'turn', value: `${order.turn}/${order.id}` },
    ...(isSettled(order) ? [] : [{ name: 'waiting', value: order.id }]),
  ],
  dataClass: 'turns',
})
