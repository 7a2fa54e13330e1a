import { Type } from '@sinclair/typebox'
import { type Clock, deadlineSignal, newId, wantedSignals, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { EdgeLedger, MendAction } from '../ledger/index.js'
import type { Uplink } from '../uplink/port.js'
import { type IntentViewParts, intentRows, tryText } from './intent-view.js'
import { type StatusParts, statusOf, type Wanted, waitFor } from './status.js'
import { turnDetails, turnRow } from './turn-view.js'

export interface OpsParts extends StatusParts {
  readonly clock: Clock
  readonly uplink: Uplink
  readonly ledger: EdgeLedger
  readonly turns: StatusParts['turns'] & IntentViewParts['turns']
}

const ACTIONS = ['retry', 'edit', 'reroute', 'answer', 'abandon'] as const satisfies readonly MendAction[]

interface Mending {
  readonly expect: number
  readonly text?: string
  readonly target?: string
}

const Closed = { additionalProperties: false } as const
/** More than any channel takes. */
const MAX_TRIED_CHARS = 64_000

/** The routes of the edge's admin socket. */
export function registerOpsRoutes(app: FastifyInstance, parts: OpsParts): void {
  const untilGone = wantedSignals(app, 'the edge agent')
  app.get<{ Querystring: Wanted & { timeoutMs?: number } }>(
    '/v1/status',
    {
      schema: {
        querystring: Type.Object(
          {
            tenant: Type.Optional(Type.String({ maxLength: 200 })),
            link: Type.Optional(Type.Union([Type.Literal('ready'), Type.Literal('down')])),
            timeoutMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000, default: 60_000 })),
          },
          Closed,
        ),
      },
    },
    async ({ query }, reply) => {
      const { timeoutMs = 60_000, ...wanted } = query
      const deadline = new AbortController()
      const cancel = parts.clock.after(timeoutMs, () =>
        deadline.abort(
          new YizhanError('deadline_exceeded', `the edge did not get there within ${timeoutMs} ms`),
        ),
      )
      try {
        await waitFor(parts, wanted, AbortSignal.any([deadline.signal, untilGone(reply.raw)]))
      } finally {
        cancel()
      }
      return statusOf(parts)
    },
  )

  app.get<{ Querystring: { tenant?: string } }>(
    '/v1/intents',
    {
      schema: {
        querystring: Type.Object({ tenant: Type.Optional(Type.String({ maxLength: 200 })) }, Closed),
      },
    },
    async ({ query }) => intentRows(parts, query.tenant),
  )

  app.post<{ Body: { text: string; tenant?: string } }>(
    '/v1/intents/try',
    {
      schema: {
        body: Type.Object(
          {
            text: Type.String({ maxLength: MAX_TRIED_CHARS }),
            tenant: Type.Optional(Type.String({ maxLength: 200 })),
          },
          Closed,
        ),
      },
    },
    async ({ body }, reply) => tryText(parts, body, untilGone(reply.raw)),
  )

  app.post('/v1/renew', async () => {
    const deadline = deadlineSignal(30_000)
    await parts.uplink.renew(deadline)
    return { certificate: statusOf(parts).certificate }
  })

  app.get<{ Querystring: { limit?: number } }>(
    '/v1/turns',
    {
      schema: {
        querystring: Type.Object(
          { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })) },
          Closed,
        ),
      },
    },
    async ({ query }) => parts.ledger.recent(query.limit ?? 50).map(turnRow),
  )

  app.get<{ Params: { id: string }; Querystring: { text?: boolean } }>(
    '/v1/turns/:id',
    {
      schema: {
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }, Closed),
        querystring: Type.Object({ text: Type.Optional(Type.Boolean()) }, Closed),
      },
    },
    async ({ params, query }) => {
      const turn = parts.ledger.get(params.id)
      if (!turn) {
        throw new YizhanError('not_found', 'there is no such turn here', {
          hint: 'see `yizhan-edge turns list`; settled turns are shown as long as they are among the last 1,000',
        })
      }
      return turnDetails(turn, await parts.ledger.history(turn.id), { text: query.text === true })
    },
  )

  app.post<{ Params: { id: string; action: MendAction }; Body: Mending }>(
    '/v1/turns/:id/:action',
    {
      schema: {
        params: Type.Object(
          {
            id: Type.String({ maxLength: 64 }),
            action: Type.Union(ACTIONS.map((action) => Type.Literal(action))),
          },
          Closed,
        ),
        body: Type.Object(
          {
            expect: Type.Integer({ minimum: 0 }),
            text: Type.Optional(Type.String()),
            target: Type.Optional(Type.String({ maxLength: 300 })),
          },
          Closed,
        ),
      },
    },
    async ({ params: { id: turnId, action }, body }) => {
      if (body.target?.startsWith('edge:')) {
        throw new YizhanError('failed_precondition', 'only the center hands a turn to another edge', {
          hint: 'see `yizhan-center turns reroute`',
        })
      }
      const commandId = newId('cmd', parts.clock.wall())
      return await parts.turns.mend({ commandId, actor: 'admin', turnId, action, ...body })
    },
  )
}
