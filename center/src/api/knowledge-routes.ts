import { type Static, Type } from '@sinclair/typebox'
import { type CliLanguage, type TenantId, wantedSignals } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type {
  Ask,
  AskedAnswer,
  GivenSource,
  ImportedSource,
  Library,
  PageFetcher,
  StoredSource,
} from '../knowledge/index.js'
import type { Explained, Knowledge } from '../retrieval/index.js'
import { decodeBase64, knownTenant, TenantParams, tenantOf } from './params.js'

export interface KnowledgeRouteParts {
  readonly catalog: Parameters<typeof knownTenant>[0]
  readonly explain: Knowledge['explain']
  readonly library: Library
  readonly ask: Ask
  readonly pages: PageFetcher
}

const Closed = { additionalProperties: false } as const
/** Of what is imported in one call, in base64. */
const IMPORT_BODY_LIMIT = 24 * 1024 * 1024
const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 50, description: 'passages; default 5' }))
const Sets = Type.Array(Type.String({ minLength: 1, maxLength: 63 }), {
  maxItems: 100,
  description: 'knowledge sets to look in; default all',
})
const Word = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' })

const ImportBody = Type.Object(
  {
    sources: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, maxLength: 400 }),
          content: Type.String({ description: 'the bytes in base64' }),
        },
        Closed,
      ),
      { minItems: 1, maxItems: 1_000 },
    ),
    knowledge: Type.Optional(Word),
    class: Type.Optional(Word),
  },
  Closed,
)
const FetchBody = Type.Object(
  {
    urls: Type.Array(Type.String({ minLength: 1, maxLength: 2_000 }), { minItems: 1, maxItems: 20 }),
    knowledge: Type.Optional(Word),
    class: Type.Optional(Word),
  },
  Closed,
)
const AskBody = Type.Object(
  {
    questions: Type.Array(Type.String({ minLength: 1, maxLength: 4_000 }), { minItems: 1, maxItems: 200 }),
    limit: Limit,
    knowledge: Type.Optional(Sets),
    locale: Type.Optional(Type.String({ maxLength: 35 })),
  },
  Closed,
)
const Lang = Type.Object({ lang: Type.Optional(Type.Unsafe<CliLanguage>({ enum: ['zh', 'en'] })) }, Closed)
interface OfTenant {
  readonly Params: { tenant: string }
}

/** Documents of a tenant: import, list, delete, index anew, search, ask. */
export function registerKnowledge(app: FastifyInstance, parts: KnowledgeRouteParts, actor: string): void {
  const { catalog, explain, library, ask, pages } = parts
  const untilGone = wantedSignals(app, 'the center')
  /** Either it was applied, or something was imported: either makes its documents. */
  const withDocuments = (text: string): TenantId => {
    const tenant = tenantOf(text)
    return library.list(tenant).length > 0 ? tenant : knownTenant(catalog, text)
  }

  app.post<OfTenant & { Body: Static<typeof ImportBody>; Querystring: Static<typeof Lang> }>(
    '/v1/tenants/:tenant/knowledge/import',
    {
      bodyLimit: IMPORT_BODY_LIMIT,
      schema: {
        summary: 'Import documents; one that is refused hinders no other',
        params: TenantParams,
        body: ImportBody,
        querystring: Lang,
      },
    },
    async ({ params, body, query, id: requestId }, reply) => {
      const { sources, ...options } = body
      const given = sources.map(({ name, content }, at) => ({
        name,
        bytes: decodeBase64(`body/sources/${at}/content`, content),
      }))
      const told = await library.import(
        tenantOf(params.tenant),
        given,
        { ...options, actor, requestId },
        untilGone(reply.raw),
      )
      return { sources: told.map((source) => inLanguage(source, query.lang ?? 'en')) }
    },
  )

  app.post<OfTenant & { Body: Static<typeof FetchBody>; Querystring: Static<typeof Lang> }>(
    '/v1/tenants/:tenant/knowledge/fetch',
    {
      schema: {
        summary: 'Fetch pages of the public internet, or of hosts that are allowed, and import them',
        params: TenantParams,
        body: FetchBody,
        querystring: Lang,
      },
    },
    async ({ params, body, query, id: requestId }, reply) => {
      const { urls, ...options } = body
      const signal = untilGone(reply.raw)
      const given: GivenSource[] = []
      const failed: ImportedSource[] = []
      for (const url of new Set(urls)) {
        const page = await pages.fetch(url, signal)
        if ('source' in page) given.push(page.source)
        else failed.push({ ...page, status: 'refused', version: 0, documents: 0, skipped: 0 })
      }
      const told = await library.import(
        tenantOf(params.tenant),
        given,
        { ...options, actor, requestId },
        signal,
      )
      return { sources: [...told, ...failed].map((source) => inLanguage(source, query.lang ?? 'en')) }
    },
  )

  app.get<OfTenant & { Querystring: { after?: string; limit?: number } }>(
    '/v1/tenants/:tenant/knowledge/sources',
    {
      schema: {
        summary: 'What was imported, by name',
        params: TenantParams,
        querystring: Type.Object(
          {
            after: Type.Optional(
              Type.String({ maxLength: 400, description: 'the last name of the page before' }),
            ),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'default 1,000' })),
          },
          Closed,
        ),
      },
    },
    async ({ params, query }) => {
      const { after, limit = 1_000 } = query
      const sources = library.list(withDocuments(params.tenant))
      const left = after === undefined ? sources : sources.filter(({ name }) => name > after)
      return { sources: left.slice(0, limit).map(shown), more: left.length > limit }
    },
  )

  app.delete<OfTenant & { Querystring: { name: string } }>(
    '/v1/tenants/:tenant/knowledge/sources',
    {
      schema: {
        summary: 'Delete what was imported under a name',
        params: TenantParams,
        querystring: Type.Object({ name: Type.String({ minLength: 1, maxLength: 400 }) }, Closed),
      },
    },
    async ({ params, query, id: requestId }) => {
      await library.delete(tenantOf(params.tenant), query.name, { actor, requestId })
      return { name: query.name, deleted: true }
    },
  )

  app.post<OfTenant>(
    '/v1/tenants/:tenant/knowledge/reindex',
    { schema: { summary: 'Make the index of what was imported anew', params: TenantParams } },
    async ({ params }) => ({ sources: await library.reindex(withDocuments(params.tenant)) }),
  )

  app.post<OfTenant & { Body: Static<typeof AskBody> }>(
    '/v1/tenants/:tenant/knowledge/ask',
    {
      schema: {
        summary: 'What the documents give for questions, and the reply that is made of it without a model',
        params: TenantParams,
        body: AskBody,
      },
    },
    async ({ params, body }, reply) => {
      const tenant = withDocuments(params.tenant)
      const signal = untilGone(reply.raw)
      const { questions, limit = 5, knowledge = [], locale } = body
      const options = { limit, knowledge, ...(locale === undefined ? {} : { locale }) }
      const answers: AskedAnswer[] = []
      for (const question of questions) answers.push(await ask(tenant, question, options, signal))
      return { answers }
    },
  )

  app.get<OfTenant & { Querystring: { q: string; limit?: number; all?: boolean } }>(
    '/v1/tenants/:tenant/knowledge',
    {
      schema: {
        summary: 'Passages that the documents give for a question, and why',
        params: TenantParams,
        querystring: Type.Object(
          {
            q: Type.String({ minLength: 1, maxLength: 1_000 }),
            limit: Limit,
            all: Type.Optional(
              Type.Boolean({ description: 'also where the best holds too little; default false' }),
            ),
          },
          Closed,
        ),
      },
    },
    async ({ params, query }, reply) => {
      const { q, limit = 5, all = false } = query
      const tenant = withDocuments(params.tenant)
      const explained = await explain(tenant, q, { knowledge: [], limit }, untilGone(reply.raw))
      return explained.found || all ? explained.passages.map(why) : []
    },
  )
}

/** A passage with what made its score. */
function why({ passage, terms, ...shares }: Explained['passages'][number]) {
  return {
    ...passage,
    ...shares,
    terms: terms.map(({ term, weight, inHeading }) => ({
      term,
      weight,
      field: inHeading ? 'heading' : 'text',
    })),
  }
}

function inLanguage({ problem, ...source }: ImportedSource, lang: CliLanguage) {
  return { ...source, ...(problem && { problem: problem[lang] }) }
}

function shown({ parts: _, textBytes: __, importedAt, ...source }: StoredSource): Record<string, unknown> {
  return { ...source, importedAt: new Date(importedAt).toISOString() }
}
