import type { FastifyInstance } from 'fastify'
import { ERROR_TABLE, type ErrorCode, isErrorCode, YizhanError } from '../errors.js'
import type { Logger } from '../log.js'

/** The JSON form of a failure on every HTTP surface. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly hint?: string
    readonly details?: Readonly<Record<string, unknown>>
  }
}

export interface ErrorReply {
  readonly status: number
  readonly body: ErrorBody
}

/**
 * What a caller is told about a failure. Errors of the HTTP layer (a `statusCode` below 500) become the code that fits;
 * any other foreign error is `internal` and its text stays here.
 */
export function errorReply(thrown: unknown): ErrorReply {
  const error = httpError(thrown)
  const body = {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  }
  return { status: error.traits.http, body: { error: body } }
}

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  408: 'deadline_exceeded',
  413: 'too_large',
  415: 'unsupported',
  429: 'overloaded',
}

/** What was thrown while a request was served, as an error of ours. */
export function httpError(thrown: unknown): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const status = thrown instanceof Error && 'statusCode' in thrown ? Number(thrown.statusCode) : 500
  if (thrown instanceof Error && status >= 400 && status < 500) {
    return new YizhanError(BY_STATUS[status] ?? 'invalid_argument', thrown.message, { cause: thrown })
  }
  if (status === 503) return new YizhanError('unavailable', 'the server is stopping', { cause: thrown })
  return new YizhanError('internal', 'an internal error; the log says more', { cause: thrown })
}

/** Makes every failure and every unknown route of `app` answer with `errorReply`; what is no caller's fault is logged. */
export function useErrorReplies(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((thrown, request, reply) => {
    const { status, body } = errorReply(thrown)
    const { level } = ERROR_TABLE[body.error.code]
    log[level](
      { err: thrown, method: request.method, route: request.routeOptions.url ?? null },
      'request failed',
    )
    return reply.code(status).send(body)
  })
  app.setNotFoundHandler((request, reply) => {
    const { status, body } = errorReply(
      new YizhanError('not_found', `there is no ${request.method} on this path`),
    )
    return reply.code(status).send(body)
  })
}

/** The YizhanError that a peer's error body stands for; a body of another form is `internal` (below 500: refused). */
export function errorFromReply(status: number, body: unknown): YizhanError {
  const error = isRecord(body) && isRecord(body.error) ? body.error : {}
  const { code, message, hint, details } = error
  if (isErrorCode(code) && typeof message === 'string') {
    return new YizhanError(code, message, {
      ...(typeof hint === 'string' ? { hint } : {}),
      ...(isRecord(details) ? { details } : {}),
    })
  }
  const guessed = status < 500 ? (BY_STATUS[status] ?? 'invalid_argument') : 'internal'
  return new YizhanError(guessed, `the server answered with status ${status}`, { details: { status } })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
