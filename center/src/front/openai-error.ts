import { ERROR_TABLE, type ErrorCode, httpError, type Logger, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance, FastifyReply } from 'fastify'

/** A failure as OpenAI's clients read it. */
export interface OpenAiFailure {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: {
    readonly error: {
      readonly message: string
      readonly type: string
      readonly param: string | null
      readonly code: string | null
    }
  }
}

type Kind = readonly [status: number, type: string, code: string | null]

const SERVER: Kind = [500, 'server_error', null]
/** By their status clients choose a class, and whether to try again: 408, 409, 429 and from 500 on. */
const KINDS: Partial<Readonly<Record<ErrorCode, Kind>>> = {
  invalid_argument: [400, 'invalid_request_error', null],
  unsupported: [400, 'invalid_request_error', 'unsupported_value'],
  failed_precondition: [400, 'invalid_request_error', null],
  too_large: [413, 'invalid_request_error', 'request_too_large'],
  unauthenticated: [401, 'invalid_request_error', 'invalid_api_key'],
  permission_denied: [403, 'insufficient_permissions', null],
  not_found: [404, 'invalid_request_error', null],
  overloaded: [429, 'requests', 'rate_limit_exceeded'],
  quota_exceeded: [429, 'requests', 'rate_limit_exceeded'],
  deadline_exceeded: [504, 'server_error', 'timeout'],
  backend_failed: [502, 'server_error', 'engine_failed'],
  unavailable: [503, 'server_error', 'unavailable'],
}

export function openAiFailure(thrown: unknown): OpenAiFailure {
  const error = httpError(thrown)
  const { details } = error
  const [status, type, code] = kindOf(error)
  const retryAfterMs = Number(details.retryAfterMs ?? 0)
  const param = typeof details.param === 'string' ? details.param : paramOf(details.problems)
  return {
    status,
    headers:
      retryAfterMs > 0
        ? {
            'retry-after': String(Math.ceil(retryAfterMs / 1_000)),
            'retry-after-ms': String(Math.ceil(retryAfterMs)),
          }
        : // The official clients would ask again at once, and again.
          status >= 429 && !error.retryable
          ? { 'x-should-retry': 'false' }
          : {},
    body: {
      error: {
        message: error.message,
        type,
        param,
        code: typeof details.openAiCode === 'string' ? details.openAiCode : code,
      },
    },
  }
}

function kindOf(error: YizhanError): Kind {
  const { code, details, retryable } = error
  // The engine's own refusal of the request: its caller can mend it, such as a prompt that is too long.
  if (code === 'invalid_argument' && details.codes !== undefined) {
    const codes: unknown = details.codes
    const first: unknown = Array.isArray(codes) ? codes[0] : undefined
    return [400, 'invalid_request_error', typeof first === 'string' ? first : null]
  }
  if ((code === 'overloaded' || code === 'quota_exceeded') && !retryable)
    return [429, 'insufficient_quota', 'insufficient_quota']
  return KINDS[code] ?? SERVER
}

/** `body/messages/0/role` as OpenAI writes it: `messages[0].role`. */
function paramOf(problems: unknown): string | null {
  const [first]: unknown[] = Array.isArray(problems) ? problems : []
  if (typeof first !== 'object' || first === null || !('path' in first)) return null
  const [, ...steps] = String(first.path).split('/')
  const param = steps.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join('')
  return param === '' ? null : param.replace(/^\./, '')
}

/** Makes every failure and every unknown route of `app` answer in OpenAI's form. */
export function useOpenAiErrors(app: FastifyInstance, log: Logger): void {
  const refuse = (reply: FastifyReply, thrown: unknown) => {
    const { status, headers, body } = openAiFailure(thrown)
    return reply.code(status).headers(headers).send(body)
  }
  app.setErrorHandler((thrown, request, reply) => {
    log[ERROR_TABLE[httpError(thrown).code].level](
      { err: thrown, requestId: request.id, route: request.routeOptions.url ?? null },
      'request failed',
    )
    return refuse(reply, thrown)
  })
  app.setNotFoundHandler((request, reply) =>
    refuse(
      reply,
      new YizhanError('not_found', `Unknown request URL: ${request.method} on this path`, {
        details: { openAiCode: 'unknown_url' },
      }),
    ),
  )
}
