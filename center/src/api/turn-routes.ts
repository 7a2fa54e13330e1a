import { type Static, Type } from '@sinclair/typebox'
import { type EdgeId, YizhanError } from '@yizhan/kernel'
import { MessageSchema, toJson } from '@yizhan/proto'
import type { FastifyInstance } from 'fastify'
import {
  ACTIONS,
  isOpen,
  messageOf,
  type TakeoverOptions,
  type TakeoverReport,
  TURN_STATES,
  type Turn,
  type TurnAction,
  type TurnDesk,
  type TurnOrder,
  type TurnStateName,
} from '../ledger/index.js'
import type { ConversationMemory } from '../memory/index.js'
import type { By } from '../privacy/index.js'
import type { TenantCatalog } from '../tenants/index.js'
import { EdgeParams, edgeOf, knownTenant, Name, TenantParams } from './params.js'

export interface TurnRouteParts {
  readonly catalog: Pick<TenantCatalog, 'current'>
  readonly turns: {
    readonly desk: Pick<TurnDesk, 'list' | 'show' | 'give' | 'order'>
    /** Notes of the turn's conversation; left out where none are kept. */
    readonly memory?: Pick<ConversationMemory, 'about'> | undefined
    takeOver(edge: EdgeId, options: TakeoverOptions, by: By): Promise<TakeoverReport>
  }
}

const Closed = { additionalProperties: false } as const
const DAY_MS = 86_400_000
const TurnId = Type.String({ pattern: '^t_[0-9a-z]{26}$' })
const TurnParams = Type.Object({ tenant: Name, turn: TurnId })
const Query = Type.Object(
  {
    edge: Type.Optional(Name),
    state: Type.Optional(Type.Unsafe<TurnStateName>({ enum: [...TURN_STATES] })),
    open: Type.Optional(
      Type.Boolean({
        description: 'true: only those that have not ended, or are in doubt; false: the others',
      }),
    ),
    since: Type.Optional(Type.String({ maxLength: 40, description: 'ISO 8601, inclusive' })),
    with: Type.Optional(
      Type.String({ pattern: '^t_[0-9a-z]{26}$', description: 'of the conversation of this turn' }),
    ),
    oldestFirst: Type.Optional(Type.Boolean({ description: 'default false' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'default 100' })),
    cursor: Type.Optional(Type.String({ maxLength: 2_000 })),
  },
  Closed,
)
const Expected = {
  expectedVersion: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'of the turn, as it was looked at; default: as it is held here',
    }),
  ),
  ttlMs: Type.Optional(
    Type.Integer({ minimum: 1_000, maximum: 30 * DAY_MS, description: `default ${DAY_MS}` }),
  ),
}
const Text = Type.String({ minLength: 1, maxLength: 16_384 })
const BODIES = {
  retry: Type.Object(Expected, Closed),
  edit: Type.Object({ ...Expected, text: Text }, Closed),
  reroute: Type.Object(
    {
      ...Expected,
      target: Type.String({
        maxLength: 200,
        description: '`center`, `intent:<name>`, `handoff:<key>` or `edge:<id>`',
      }),
    },
    Closed,
  ),
  answer: Type.Object({ ...Expected, text: Text }, Closed),
  abandon: Type.Object(Expected, Closed),
} as const
const SUMMARIES: Readonly<Record<TurnAction, string>> = {
  retry: 'Let the edge work on a turn again',
  edit: 'The same with another question',
  reroute: 'Send a turn another way, or to another edge',
  answer: 'Answer a turn as a person',
  abandon: 'Give a turn up; its asker is told nothing',
}

interface OfTurn {
  readonly Params: { readonly tenant: string; readonly turn: string }
}

/** Turns as the center holds them, and what people do to them. `actor` stands in the audit. */
export function registerTurns(app: FastifyInstance, { catalog, turns }: TurnRouteParts, actor: string): void {
  const { desk } = turns
  const at = '/v1/tenants/:tenant/turns'

  app.get<{ Params: { tenant: string }; Querystring: Static<typeof Query> }>(
    at,
    {
      schema: {
        summary: 'Turns without their words, newest first',
        params: TenantParams,
        querystring: Query,
      },
    },
    async ({ params, query: { since, ...query } }) => {
      const tenant = knownTenant(catalog, params.tenant)
      const page = await desk.list(tenant, { ...query, ...sinceOf(since) })
      return { ...page, turns: page.turns.map(briefly) }
    },
  )

  app.get<OfTurn>(
    `${at}/:turn`,
    { schema: { summary: 'A turn whole; that it was read is audited', params: TurnParams } },
    async ({ params, id }) => {
      const tenant = knownTenant(catalog, params.tenant)
      const { turn, orders } = await desk.show(tenant, params.turn, { actor, requestId: id })
      const memory = await turns.memory?.about(tenant, turn)
      return { ...whole(turn), ...(memory && { memory }), commands: orders.map(shownOrder) }
    },
  )

  for (const action of ACTIONS) {
    app.post<OfTurn & { Body: { text?: string; target?: string; expectedVersion?: number; ttlMs?: number } }>(
      `${at}/:turn/${action}`,
      { schema: { summary: SUMMARIES[action], params: TurnParams, body: BODIES[action] } },
      async ({ params, body, id }) => {
        const tenant = knownTenant(catalog, params.tenant)
        return shownOrder(await desk.give(tenant, params.turn, { action, ...body }, { actor, requestId: id }))
      },
    )
  }

  app.get<{ Params: { tenant: string; command: string } }>(
    '/v1/tenants/:tenant/turn-commands/:command',
    {
      schema: {
        summary: 'What came of a command',
        params: Type.Object({ tenant: Name, command: Type.String({ pattern: '^tcm_[0-9a-z]{26}$' }) }),
      },
    },
    async ({ params }) => shownOrder(await desk.order(knownTenant(catalog, params.tenant), params.command)),
  )

  app.post<{ Params: { edge: string }; Body: TakeoverOptions }>(
    '/v1/edges/:edge/takeover',
    {
      schema: {
        summary: 'Fence the journals of an edge that is gone, and take its open turns over',
        params: EdgeParams,
        body: Type.Object(
          {
            reason: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
            older: Type.Optional(
              Type.Boolean({ description: 'only journals before the present one; default false' }),
            ),
          },
          Closed,
        ),
      },
    },
    async ({ params, body, id }) => await turns.takeOver(edgeOf(params.edge), body, { actor, requestId: id }),
  )
}

function sinceOf(text: string | undefined): { since?: number } {
  if (text === undefined) return {}
  const since = Date.parse(text)
  if (Number.isFinite(since) && since >= 0) return { since }
  throw new YizhanError('invalid_argument', 'since is no time in ISO 8601')
}

/** Nothing of what was said. */
function briefly(turn: Turn) {
  const { id, edge, state, version, at, cause, ticket, channel, receivedAt, notice, final } = turn
  return {
    id,
    edge,
    state,
    open: isOpen(turn),
    inDoubt: turn.doubtSince !== undefined,
    takenOver: turn.takenOver !== undefined,
    version,
    receivedAt: iso(receivedAt),
    at: iso(at),
    channel,
    cause,
    ...(ticket === undefined ? {} : { ticket }),
    ...(notice ? { notice: notice.state } : {}),
    ...(final ? { final: final.state } : {}),
  }
}

function whole(turn: Turn) {
  const { epoch, actor, subject, successorOf, notice, final, feedback, history, omitted, doubtSince } = turn
  return {
    ...briefly(turn),
    epoch,
    actor,
    ...(subject === undefined ? {} : { subject }),
    ...(successorOf === undefined ? {} : { successorOf }),
    message: toJson(MessageSchema, messageOf(turn)),
    ...(notice ? { notice: { ...notice, at: iso(notice.at) } } : {}),
    ...(final ? { final: { ...final, at: iso(final.at) } } : {}),
    ...(feedback ? { feedback: { ...feedback, at: iso(feedback.at) } } : {}),
    history: history.map((step) => ({ ...step, at: iso(step.at) })),
    omitted,
    ...(doubtSince === undefined ? {} : { doubtSince: iso(doubtSince) }),
    ...(turn.takenOver ? { takeover: { ...turn.takenOver, at: iso(turn.takenOver.at) } } : {}),
    ...(turn.said ? { said: { ...turn.said, at: iso(turn.said.at) } } : {}),
  }
}

function shownOrder({ at, expiresAt, settledAt, subject: _subject, command: _command, ...order }: TurnOrder) {
  return {
    ...order,
    at: iso(at),
    expiresAt: iso(expiresAt),
    ...(settledAt === undefined ? {} : { settledAt: iso(settledAt) }),
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
