import { Type } from '@sinclair/typebox'
import { type CliLanguage, wantedSignals } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import {
  type DiffReport,
  MAX_TENANT_BYTES,
  MAX_TENANT_FILES,
  problemLine,
  type TenantCatalog,
  tenantInvalid,
  testsFailed,
} from '../tenants/index.js'
import { decodeBase64 } from './params.js'

const Files = Type.Record(
  Type.String({ minLength: 1, maxLength: 512 }),
  Type.String({ description: 'the file’s bytes in base64' }),
  { maxProperties: MAX_TENANT_FILES, description: 'content by path' },
)
const Prune = Type.Optional(
  Type.Boolean({ description: 'delete what the directory lacks; default false: it is kept' }),
)
const Closed = { additionalProperties: false } as const
const Lang = Type.Object(
  { lang: Type.Optional(Type.Unsafe<CliLanguage>({ enum: ['zh', 'en'] })) },
  { ...Closed },
)
/** The files in base64, and room for their paths. */
const BODY_LIMIT = Math.ceil((MAX_TENANT_BYTES * 4) / 3) + 2 * 1024 * 1024

interface Posted {
  readonly Body: {
    readonly files: Readonly<Record<string, string>>
    readonly prune?: boolean
    readonly dryRun?: boolean
  }
  readonly Querystring: { readonly lang?: CliLanguage }
}

/**
 * `POST /v1/tenants/apply` and `…/diff`. Either ends when its client goes away or the server stops; then nothing has
 * changed. Warnings and problems come in `lang`.
 */
export function registerApply(app: FastifyInstance, catalog: TenantCatalog, actor: string): void {
  const untilGone = wantedSignals(app, 'the center')

  app.post<Posted>(
    '/v1/tenants/apply',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Check, train, test and put in force a tenant directory',
        body: Type.Object(
          {
            files: Files,
            prune: Prune,
            dryRun: Type.Optional(
              Type.Boolean({ description: 'up to and including the tests; nothing is put in force' }),
            ),
          },
          Closed,
        ),
        querystring: Lang,
      },
    },
    async (request, reply) => {
      const { prune = false, dryRun = false } = request.body
      const { lang = 'en' } = request.query
      const files = filesIn(request.body.files)
      const outcome = await catalog.apply(
        files,
        { prune, dryRun, actor, requestId: request.id },
        untilGone(reply.raw),
      )
      if ('problems' in outcome) throw tenantInvalid(outcome.problems, lang)
      if ('failed' in outcome) throw testsFailed(outcome.failed, outcome.passed, lang)
      return inLanguage(outcome.report, lang)
    },
  )

  app.post<Posted>(
    '/v1/tenants/diff',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'What a tenant directory would change; trains nothing',
        body: Type.Object({ files: Files, prune: Prune }, Closed),
        querystring: Lang,
      },
    },
    async (request, reply) => {
      const { prune = false } = request.body
      const { lang = 'en' } = request.query
      const outcome = await catalog.diff(filesIn(request.body.files), { prune }, untilGone(reply.raw))
      if ('problems' in outcome) throw tenantInvalid(outcome.problems, lang)
      return inLanguage(outcome.report, lang)
    },
  )
}

function inLanguage<R extends DiffReport>(report: R, lang: CliLanguage) {
  return { ...report, warnings: report.warnings.map((warning) => problemLine(warning, lang)) }
}

function filesIn(files: Posted['Body']['files']): Map<string, Uint8Array> {
  return new Map(
    Object.entries(files).map(([path, text]) => [path, decodeBase64(`body/files/${path}`, text)]),
  )
}
