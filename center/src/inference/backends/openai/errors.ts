import { toYizhanError, YizhanError } from '@yizhan/kernel'

/** Money ran out: trying again changes nothing until a person pays. */
const HARD_QUOTA = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active'])
const TOO_LONG = new Set(['context_length_exceeded', 'exceed_context_size_error'])
const MAX_RETRY_AFTER_MS = 3_600_000
const CERTIFICATE = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_|EPROTO$)/

/** What a server says about a failure: its words may hold a key or a question, so only a short code is kept. */
export interface ServerFault {
  readonly status: number
  /** `error.code` and `error.type` of the body. */
  readonly codes: readonly string[]
  readonly tooLong?: boolean
  readonly retryAfterMs?: number
}

/** An HTTP status, or an error event inside a stream, as a typed error. */
export function faultError(fault: ServerFault): YizhanError {
  const { status, codes, tooLong, retryAfterMs } = fault
  const details = {
    status,
    ...(codes.length > 0 ? { codes } : {}),
    ...(retryAfterMs ? { retryAfterMs } : {}),
  }
  const fail = (message: string, retryable: boolean, hint?: string) =>
    new YizhanError('backend_failed', message, { retryable, details, ...(hint ? { hint } : {}) })
  if (status === 402 || codes.some((code) => HARD_QUOTA.has(code))) {
    return new YizhanError('overloaded', 'the quota at the model server is used up', {
      retryable: false,
      details,
    })
  }
  if (status === 413 || (status === 400 && (tooLong || codes.some((code) => TOO_LONG.has(code))))) {
    return new YizhanError('too_large', 'the prompt is longer than the model takes', { details })
  }
  if (status === 401 || status === 403) {
    return fail('the model server refused the API key', false, 'check the API key of the backend')
  }
  if (status === 404) {
    return fail(
      'the model server knows no such model or address',
      false,
      'check url and model of the backend',
    )
  }
  if (status === 429) return new YizhanError('overloaded', 'the model server asks to slow down', { details })
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    return fail(`the model server failed (${status})`, true)
  }
  if (status >= 300 && status < 400) {
    return fail('the model server redirects elsewhere', false, 'set the final address as url of the backend')
  }
  return fail(`the model server refused the request (${status})`, false)
}

/** What `fetch` or reading a body threw, as a typed error. */
export function transportError(thrown: unknown): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const code = systemCodes(thrown)
  const details = { cause: code ?? 'unknown' }
  const timeout = (phase: string) =>
    new YizhanError('deadline_exceeded', `the model server took too long (${phase})`, {
      cause: thrown,
      details: { phase },
    })
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return timeout('connect')
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return timeout('headers')
  if (code === 'UND_ERR_BODY_TIMEOUT') return timeout('between tokens')
  if (code !== undefined && CERTIFICATE.test(code)) {
    return new YizhanError('backend_failed', `no trusted TLS connection to the model server (${code})`, {
      cause: thrown,
      retryable: false,
      details,
    })
  }
  if (code !== undefined || thrown instanceof TypeError) {
    return new YizhanError('backend_failed', `the connection to the model server failed (${details.cause})`, {
      cause: thrown,
      details,
    })
  }
  return toYizhanError(thrown)
}

/** undici wraps the cause once or twice; the innermost code names it. */
function systemCodes(thrown: unknown): string | undefined {
  let code: string | undefined
  let at: unknown = thrown
  for (let depth = 0; depth < 4 && typeof at === 'object' && at !== null; depth++) {
    if ('code' in at && typeof at.code === 'string') code = at.code
    at = 'cause' in at ? at.cause : undefined
  }
  return code
}

/** Milliseconds of a `retry-after-ms` or `retry-after` header (seconds or a date), at most an hour. */
export function retryAfterMs(
  header: (name: string) => string | undefined,
  wallMs: number,
): number | undefined {
  const direct = Number(header('retry-after-ms') ?? Number.NaN)
  const value = header('retry-after') ?? ''
  const seconds = value.trim() === '' ? Number.NaN : Number(value)
  const date = Date.parse(value) - wallMs
  const ms = [direct, seconds * 1_000, date].find((candidate) => Number.isFinite(candidate) && candidate > 0)
  return ms === undefined ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.ceil(ms))
}

const SHORT_CODE = /^[a-z0-9_.-]{1,64}$/i

/** vLLM and SGLang have no code for it, only words. */
const TOO_LONG_WORDS = /context (?:length|size|window)|longer than the model|exceeds? (?:the )?(?:max|n_ctx)/i

export interface ErrorBody {
  readonly codes: readonly string[]
  readonly status?: number
  readonly tooLong?: boolean
}

/** What can be kept of an error body of the OpenAI form: short codes, and whether it says that the prompt is too long. */
export function errorBody(body: unknown): ErrorBody {
  if (typeof body !== 'object' || body === null) return { codes: [] }
  const error: unknown = 'error' in body ? body.error : body
  if (typeof error !== 'object' || error === null) return { codes: [] }
  const given = ['code' in error ? error.code : undefined, 'type' in error ? error.type : undefined]
  const codes = given.filter((code): code is string => typeof code === 'string' && SHORT_CODE.test(code))
  const status = given.find((code): code is number => typeof code === 'number')
  const tooLong = 'message' in error && TOO_LONG_WORDS.test(String(error.message))
  return { codes, ...(status === undefined ? {} : { status }), ...(tooLong ? { tooLong } : {}) }
}
