import type { ServerResponse } from 'node:http'
import { Type } from '@sinclair/typebox'
import { type CliLanguage, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import { MAX_TENANT_BYTES, MAX_TENANT_FILES, type TenantCatalog, tenantInvalid } from '../tenants/index.js'

const Files = Type.Record(
  Type.String({ minLength: 1, maxLength: 512 }),
  Type.String({ description: 'the file’s bytes in base64' }),
  { maxProperties: MAX_TENANT_FILES, description: 'content by path' },
)
/** The files in base64, and room for their paths. */
const BODY_LIMIT = Math.ceil((MAX_TENANT_BYTES * 4) / 3) + 2 * 1024 * 1024

interface Apply {
  readonly Body: { readonly files: Readonly<Record<string, string>> }
  readonly Querystring: { readonly lang?: CliLanguage }
}

/** `POST /v1/tenants/apply`. It ends when its client goes away or the server stops; then nothing has changed. */
export function registerApply(app: FastifyInstance, catalog: TenantCatalog, actor: string): void {
  const stopping = new AbortController()
  app.addHook('preClose', async () => {
    stopping.abort(new YizhanError('unavailable', 'the center is stopping'))
  })
  app.post<Apply>(
    '/v1/tenants/apply',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Check, train, test and put in force a tenant directory',
        body: Type.Object({ files: Files }, { additionalProperties: false }),
        querystring: Type.Object(
          { lang: Type.Optional(Type.Unsafe<CliLanguage>({ enum: ['zh', 'en'] })) },
          { additionalProperties: false },
        ),
      },
    },
    async (request, reply) => {
      const files = new Map(
        Object.entries(request.body.files).map(([path, text]) => [path, decode(path, text)]),
      )
      const signal = AbortSignal.any([clientGone(reply.raw), stopping.signal])
      const outcome = await catalog.apply(files, actor, signal)
      if ('problems' in outcome) throw tenantInvalid(outcome.problems, request.query.lang)
      return outcome.report
    },
  )
}

/** Buffer.from skips what is not base64, and the rest would be taken for the file. */
function decode(path: string, text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') === text) return bytes
  const problems = [{ path: `body/files/${path}`, message: 'must be base64' }]
  throw new YizhanError('invalid_argument', 'the request is malformed: a file is not base64', {
    details: { problems },
  })
}

/** Not `request.signal`: it aborts as soon as the body has been read, since that is when the request closes. */
function clientGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new YizhanError('cancelled', 'the client went away'))
  })
  return gone.signal
}
