import type { status } from '@grpc/grpc-js'

type GrpcStatus = keyof typeof status
type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

export interface ErrorTraits {
  readonly grpc: GrpcStatus
  readonly http: number
  /** Exit code of a command that ends with this error (0 ok, 1 failed, 2 usage or config, 4 unreachable, 5 refused). */
  readonly exit: 1 | 2 | 4 | 5
  readonly level: LogLevel
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
}

/** The closed set of codes and what each becomes at every boundary; `docs/errors.md` is held equal to it by a test. */
export const ERROR_TABLE = {
  invalid_argument: { grpc: 'INVALID_ARGUMENT', http: 400, exit: 2, level: 'info', retryable: false },
  config_invalid: { grpc: 'FAILED_PRECONDITION', http: 422, exit: 2, level: 'error', retryable: false },
  tenant_invalid: { grpc: 'INVALID_ARGUMENT', http: 422, exit: 2, level: 'info', retryable: false },
  tests_failed: { grpc: 'FAILED_PRECONDITION', http: 422, exit: 1, level: 'info', retryable: false },
  model_refused: { grpc: 'FAILED_PRECONDITION', http: 422, exit: 5, level: 'error', retryable: false },
  too_large: { grpc: 'RESOURCE_EXHAUSTED', http: 413, exit: 2, level: 'info', retryable: false },
  unsupported: { grpc: 'UNIMPLEMENTED', http: 501, exit: 2, level: 'info', retryable: false },
  unauthenticated: { grpc: 'UNAUTHENTICATED', http: 401, exit: 5, level: 'warn', retryable: false },
  permission_denied: { grpc: 'PERMISSION_DENIED', http: 403, exit: 5, level: 'warn', retryable: false },
  version_skew: { grpc: 'FAILED_PRECONDITION', http: 426, exit: 5, level: 'warn', retryable: false },
  not_found: { grpc: 'NOT_FOUND', http: 404, exit: 1, level: 'info', retryable: false },
  already_exists: { grpc: 'ALREADY_EXISTS', http: 409, exit: 1, level: 'info', retryable: false },
  conflict: { grpc: 'ABORTED', http: 409, exit: 1, level: 'info', retryable: false },
  failed_precondition: { grpc: 'FAILED_PRECONDITION', http: 412, exit: 1, level: 'info', retryable: false },
  epoch_fenced: { grpc: 'FAILED_PRECONDITION', http: 412, exit: 5, level: 'error', retryable: false },
  overloaded: { grpc: 'RESOURCE_EXHAUSTED', http: 429, exit: 1, level: 'warn', retryable: true },
  quota_exceeded: { grpc: 'RESOURCE_EXHAUSTED', http: 429, exit: 5, level: 'info', retryable: true },
  disk_full: { grpc: 'RESOURCE_EXHAUSTED', http: 507, exit: 1, level: 'error', retryable: true },
  port_taken: { grpc: 'UNAVAILABLE', http: 503, exit: 1, level: 'error', retryable: true },
  unavailable: { grpc: 'UNAVAILABLE', http: 503, exit: 4, level: 'warn', retryable: true },
  deadline_exceeded: { grpc: 'DEADLINE_EXCEEDED', http: 504, exit: 1, level: 'warn', retryable: true },
  cancelled: { grpc: 'CANCELLED', http: 499, exit: 1, level: 'debug', retryable: false },
  clock_skew: { grpc: 'FAILED_PRECONDITION', http: 412, exit: 1, level: 'error', retryable: true },
  data_corrupt: { grpc: 'DATA_LOSS', http: 500, exit: 1, level: 'error', retryable: false },
  key_unknown: { grpc: 'DATA_LOSS', http: 500, exit: 1, level: 'error', retryable: false },
  erased: { grpc: 'FAILED_PRECONDITION', http: 410, exit: 1, level: 'info', retryable: false },
  storage_failed: { grpc: 'INTERNAL', http: 500, exit: 1, level: 'fatal', retryable: false },
  backend_failed: { grpc: 'UNAVAILABLE', http: 502, exit: 1, level: 'warn', retryable: true },
  internal: { grpc: 'INTERNAL', http: 500, exit: 1, level: 'error', retryable: false },
} as const satisfies Record<string, ErrorTraits>

export type ErrorCode = keyof typeof ERROR_TABLE

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value)
}

export interface ErrorOptions {
  readonly cause?: unknown
  /** Overrides the table's `retryable`. */
  readonly retryable?: boolean
  /** Plain data for logs and callers; never secrets and never what a person wrote. */
  readonly details?: Readonly<Record<string, unknown>>
  /** What the reader can do next: a command or a setting. */
  readonly hint?: string
}

/** The one error class. Foreign errors are converted in the adapter that met them. */
export class YizhanError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'YizhanError'
    this.code = code
    this.retryable = options.retryable ?? ERROR_TABLE[code].retryable
    this.details = options.details ?? {}
    this.hint = options.hint
  }

  get traits(): ErrorTraits {
    return ERROR_TABLE[this.code]
  }
}

/** Any thrown value as a YizhanError; what is not one already becomes `fallback` (default `internal`) with it as cause. */
export function toYizhanError(thrown: unknown, fallback: ErrorCode = 'internal'): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new YizhanError(fallback, message, { cause: thrown })
}
