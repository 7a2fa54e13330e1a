import { Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import { wantedSignals, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance, FastifyReply } from 'fastify'
import parseRange from 'range-parser'
import type { CenterAudit } from '../audit/index.js'
import type { ByteRange, FileStore, StoredFile } from '../files/index.js'
import type { TenantCatalog } from '../tenants/index.js'
import { knownTenant, Name, TenantParams } from './params.js'

export interface AttachmentRouteParts {
  readonly catalog: Pick<TenantCatalog, 'current'>
  readonly files: FileStore
  /** Written before the first byte is read. */
  readonly audit: CenterAudit
}

const Closed = { additionalProperties: false } as const
const FileParams = Type.Object({ tenant: Name, file: Type.String({ pattern: '^file_[0-9a-z]{26}$' }) })

/** Files of a tenant: put, list, read whole or in part, check, delete. */
export function registerAttachments(
  app: FastifyInstance,
  { catalog, files, audit }: AttachmentRouteParts,
  actor: string,
): void {
  const untilGone = wantedSignals(app, 'the center')
  app.register(async (raw) => {
    // The content goes through as it comes: neither parsed nor held.
    raw.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
    raw.post<{ Params: { tenant: string }; Querystring: { name: string; type?: string }; Body: Readable }>(
      '/v1/tenants/:tenant/attachments',
      {
        schema: {
          summary: 'Store a file; the body is its content',
          params: TenantParams,
          consumes: ['application/octet-stream'],
          querystring: Type.Object(
            {
              name: Type.String({ minLength: 1, maxLength: 255 }),
              type: Type.Optional(
                Type.String({ maxLength: 201, description: 'default application/octet-stream' }),
              ),
            },
            Closed,
          ),
        },
      },
      async ({ params, query, body, id: requestId }, reply) => {
        const tenant = knownTenant(catalog, params.tenant)
        const mediaType = query.type ?? 'application/octet-stream'
        const file = { name: query.name, mediaType, actor, requestId }
        return shown(await files.put(tenant, file, body, untilGone(reply.raw)))
      },
    )
  })

  app.get<{ Params: { tenant: string }; Querystring: { cursor?: string; limit?: number } }>(
    '/v1/tenants/:tenant/attachments',
    {
      schema: {
        summary: 'Files of a tenant, in the order of their ids',
        params: TenantParams,
        querystring: Type.Object(
          {
            cursor: Type.Optional(Type.String({ maxLength: 2_000 })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'default 100' })),
          },
          Closed,
        ),
      },
    },
    async ({ params, query }) => {
      const page = await files.list(knownTenant(catalog, params.tenant), query)
      return { ...page, files: page.files.map(shown) }
    },
  )

  app.get<{ Params: { tenant: string; file: string } }>(
    '/v1/tenants/:tenant/attachments/:file',
    { schema: { summary: 'The content of a file, or a range of it', params: FileParams } },
    async (request, reply) => {
      const tenant = knownTenant(catalog, request.params.tenant)
      const file = await files.stat(tenant, request.params.file)
      if (!file) throw new YizhanError('not_found', 'there is no such file')
      const range = rangeOf(request.headers.range, file.sizeBytes)
      if (range === 'beyond') {
        reply.header('content-range', `bytes */${file.sizeBytes}`)
        return reply.status(416).send()
      }
      await audit({ tenant, actor, action: 'READ', object: `files/${file.id}`, requestId: request.id })
      describe(reply, file, range)
      const content = files.read(tenant, file.id, range, untilGone(reply.raw))
      return reply.send(Readable.from(content, { objectMode: false }))
    },
  )

  app.post<{ Params: { tenant: string; file: string } }>(
    '/v1/tenants/:tenant/attachments/:file/check',
    { schema: { summary: 'Hold every piece against the digest tree', params: FileParams } },
    async ({ params: { tenant, file } }, reply) => {
      const bad = await files.check(knownTenant(catalog, tenant), file, untilGone(reply.raw))
      return { file, badPieces: bad }
    },
  )

  app.delete<{ Params: { tenant: string; file: string } }>(
    '/v1/tenants/:tenant/attachments/:file',
    { schema: { summary: 'Delete a file', params: FileParams } },
    async ({ params, id: requestId }) => {
      await files.delete(knownTenant(catalog, params.tenant), params.file, { actor, requestId })
      return { file: params.file, deleted: true }
    },
  )
}

function shown({ storedAt, expiresAt, ...file }: StoredFile): Record<string, unknown> {
  return {
    ...file,
    storedAt: new Date(storedAt).toISOString(),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  }
}

/** Undefined: all of it. A header that is malformed or asks for several ranges is passed over, as RFC 9110 allows. */
function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | 'beyond' | undefined {
  if (header === undefined) return undefined
  const ranges = parseRange(sizeBytes, header)
  if (ranges === -1) return 'beyond'
  const [range] = ranges === -2 ? [] : ranges
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1 || !range) return undefined
  return { start: range.start, end: range.end }
}

function describe(reply: FastifyReply, file: StoredFile, range: ByteRange | undefined): void {
  const length = range ? range.end - range.start + 1 : file.sizeBytes
  reply.headers({
    // Never shown in place: what a person uploaded must not run in the API's origin.
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}`,
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'bytes',
    'content-length': String(length),
    etag: `"${file.sha256}"`,
  })
  if (!range) return
  reply.header('content-range', `bytes ${range.start}-${range.end}/${file.sizeBytes}`).status(206)
}
