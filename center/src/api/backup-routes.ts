import { Type } from '@sinclair/typebox'
import { wantedSignals } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { CenterAudit } from '../audit/index.js'
import type { Backups, SnapshotSummary } from '../backup/index.js'

export interface BackupRouteParts {
  readonly backups: Backups
  /** Written before anything is done. */
  readonly audit: CenterAudit
}

const Closed = { additionalProperties: false } as const
const At = Type.String({
  minLength: 1,
  maxLength: 4_096,
  description: 'absolute path of a directory of backups',
})
const Id = Type.String({ minLength: 1, maxLength: 64 })

/** Backups of this center; on the admin socket only, since they name paths of the machine. */
export function registerBackups(
  app: FastifyInstance,
  { backups, audit }: BackupRouteParts,
  actor: string,
): void {
  const untilGone = wantedSignals(app, 'the center')

  app.post<{ Body: { at: string; full?: boolean } }>(
    '/v1/backups',
    {
      schema: {
        summary: 'Back up everything that the center holds',
        body: Type.Object(
          { at: At, full: Type.Optional(Type.Boolean({ description: 'default false' })) },
          Closed,
        ),
      },
    },
    async ({ body, id: requestId }, reply) => {
      await audit({ tenant: null, actor, action: 'CREATE', object: 'backups', requestId })
      return shown(await backups.create(body.at, { full: body.full === true }, untilGone(reply.raw)))
    },
  )

  app.get<{ Querystring: { at: string } }>(
    '/v1/backups',
    {
      schema: {
        summary: 'Backups in a directory, oldest first',
        querystring: Type.Object({ at: At }, Closed),
      },
    },
    async ({ query }) => (await backups.list(query.at)).map(shown),
  )

  app.post<{ Body: { at: string; id: string } }>(
    '/v1/backups/verify',
    {
      schema: {
        summary: 'Restore a backup into a scratch store and check every record',
        body: Type.Object({ at: At, id: Id }, Closed),
      },
    },
    async ({ body }, reply) => shown(await backups.verify(body.at, body.id, untilGone(reply.raw))),
  )

  app.post<{ Body: { at: string; keep: number } }>(
    '/v1/backups/prune',
    {
      schema: {
        summary: 'Delete all but the newest backups',
        body: Type.Object({ at: At, keep: Type.Integer({ minimum: 1, maximum: 10_000 }) }, Closed),
      },
    },
    async ({ body, id: requestId }) => {
      await audit({ tenant: null, actor, action: 'DELETE', object: 'backups', requestId })
      return backups.prune(body.at, body.keep)
    },
  )
}

function shown({ startedAt, ...rest }: SnapshotSummary): Record<string, unknown> {
  return { ...rest, startedAt: new Date(startedAt).toISOString() }
}
