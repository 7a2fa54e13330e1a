import { type Static, Type } from '@sinclair/typebox'
import { wantedSignals } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import { type ListedSample, type Proposer, REASONS, type Reason, type SampleDesk } from '../samples/index.js'
import type { TenantCatalog } from '../tenants/index.js'
import { knownTenant, Name, TenantParams } from './params.js'

export interface SampleRouteParts {
  readonly catalog: Pick<TenantCatalog, 'current'>
  readonly samples: Pick<SampleDesk, 'review' | 'label'>
  readonly proposer: Pick<Proposer, 'paraphrase' | 'label'>
}

const Closed = { additionalProperties: false } as const
const Query = Type.Object(
  {
    state: Type.Optional(
      Type.Unsafe<'open' | 'labelled'>({ enum: ['open', 'labelled'], description: 'default open' }),
    ),
    why: Type.Optional(Type.Unsafe<Reason>({ enum: [...REASONS], description: 'only these' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'default 50' })),
    cursor: Type.Optional(Type.String({ maxLength: 2_000 })),
  },
  Closed,
)
const SampleParams = Type.Object({ tenant: Name, sample: Type.String({ pattern: '^t_[0-9a-z]{26}$' }) })

/** Questions that may teach the local model something. `actor` stands in the audit. */
export function registerSamples(
  app: FastifyInstance,
  { catalog, samples, proposer }: SampleRouteParts,
  actor: string,
): void {
  const untilGone = wantedSignals(app, 'the center')
  const at = '/v1/tenants/:tenant/samples'

  app.get<{ Params: { tenant: string }; Querystring: Static<typeof Query> }>(
    at,
    {
      schema: {
        summary: 'Questions to label, newest first, the same question once; that they were read is audited',
        params: TenantParams,
        querystring: Query,
      },
    },
    async ({ params, query, id }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      const by = { actor, requestId: id }
      const page = await samples.review(tenant, query, by, untilGone(reply.raw))
      return { ...page, samples: page.samples.map(shown) }
    },
  )

  app.post<{ Params: { tenant: string; sample: string }; Body: { intent: string } }>(
    `${at}/:sample/label`,
    {
      schema: {
        summary: 'Label a question, and all that are the same',
        params: SampleParams,
        body: Type.Object(
          {
            intent: Type.String({
              minLength: 1,
              maxLength: 128,
              description: 'an intent of the tenant, `oos` (out of scope), or `discard`',
            }),
          },
          Closed,
        ),
      },
    },
    async ({ params, body, id }) => {
      const tenant = knownTenant(catalog, params.tenant)
      const labelled = await samples.label(tenant, params.sample, body.intent, { actor, requestId: id })
      return { id: params.sample, intent: body.intent, samples: labelled }
    },
  )

  app.post<{ Params: { tenant: string }; Body: { limit?: number } }>(
    `${at}/propose`,
    {
      schema: {
        summary: 'Let the language model propose labels; a person decides',
        params: TenantParams,
        body: Type.Object(
          { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: 'default 100' })) },
          Closed,
        ),
      },
    },
    async ({ params, body: { limit = 100 }, id }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      return await proposer.label(tenant, { limit }, { actor, requestId: id }, untilGone(reply.raw))
    },
  )

  app.post<{ Params: { tenant: string }; Body: { intent: string; count?: number } }>(
    `${at}/paraphrase`,
    {
      schema: {
        summary: 'Let the language model write other ways to ask for an intent, as samples to label',
        params: TenantParams,
        body: Type.Object(
          {
            intent: Type.String({ minLength: 1, maxLength: 128 }),
            count: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, description: 'default 10' })),
          },
          Closed,
        ),
      },
    },
    async ({ params, body: { intent, count = 10 }, id }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      const by = { actor, requestId: id }
      const texts = await proposer.paraphrase(tenant, { intent, count }, by, untilGone(reply.raw))
      return { intent, texts }
    },
  )
}

function shown({ sample, count, why, suggested, proposed, guess }: ListedSample) {
  const { id, text, at, edge, state, intent, score, label } = sample
  return {
    id,
    text,
    why,
    count,
    ...(suggested === undefined ? {} : { suggested }),
    ...(proposed === undefined ? {} : { proposed }),
    ...(guess === undefined ? {} : { guess }),
    ...(intent === undefined ? {} : { decided: { intent, score } }),
    state,
    ...(label === undefined ? {} : { label: label.intent, labelledBy: label.by }),
    at: new Date(at).toISOString(),
    edge,
  }
}
