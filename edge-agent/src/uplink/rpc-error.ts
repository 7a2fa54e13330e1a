import { type ServiceError, status } from '@grpc/grpc-js'
import { type ErrorCode, isErrorCode, toYizhanError, YizhanError } from '@yizhan/kernel'
import { ERROR_METADATA, type Failure } from '@yizhan/proto'

const CODE_OF = new Map<status, ErrorCode>([
  [status.INVALID_ARGUMENT, 'invalid_argument'],
  [status.UNAUTHENTICATED, 'unauthenticated'],
  [status.PERMISSION_DENIED, 'permission_denied'],
  [status.FAILED_PRECONDITION, 'failed_precondition'],
  [status.NOT_FOUND, 'not_found'],
  [status.ALREADY_EXISTS, 'already_exists'],
  [status.ABORTED, 'conflict'],
  [status.UNIMPLEMENTED, 'unsupported'],
  [status.RESOURCE_EXHAUSTED, 'overloaded'],
  [status.UNAVAILABLE, 'unavailable'],
  [status.DEADLINE_EXCEEDED, 'deadline_exceeded'],
  [status.CANCELLED, 'cancelled'],
  [status.DATA_LOSS, 'data_corrupt'],
])

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' && 'details' in thrown
}

/** What grpc-js threw, as a YizhanError: by the center's metadata if it sent some, else by the status. */
export function rpcError(thrown: unknown): YizhanError {
  if (!isServiceError(thrown)) return toYizhanError(thrown, 'unavailable')
  const named = (key: string) => thrown.metadata?.get(key)[0]
  const code = named(ERROR_METADATA.code)
  const retryable = named(ERROR_METADATA.retryable)
  return new YizhanError(
    isErrorCode(code) ? code : (CODE_OF.get(thrown.code) ?? 'internal'),
    thrown.details,
    {
      cause: thrown,
      ...(retryable === undefined ? {} : { retryable: retryable === 'true' }),
      ...waitDetails(Number(named(ERROR_METADATA.retryAfterMs) ?? 0)),
    },
  )
}

/** A failure that the center sent, as a YizhanError; a code of a newer center becomes `internal`. */
export function failureError(failure: Failure | undefined): YizhanError {
  if (!failure) return new YizhanError('internal', 'the center named no reason')
  const code = isErrorCode(failure.code) ? failure.code : 'internal'
  return new YizhanError(code, failure.message, {
    retryable: failure.retryable,
    ...waitDetails(failure.retryAfterMs),
  })
}

function waitDetails(retryAfterMs: number): { details?: { retryAfterMs: number } } {
  return retryAfterMs > 0 ? { details: { retryAfterMs } } : {}
}

/** How long the center asks to wait, in milliseconds; 0 = it gives no advice. */
export function retryAfterMs(error: YizhanError): number {
  const advised = error.details.retryAfterMs
  return typeof advised === 'number' ? advised : 0
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'unauthenticated',
  'permission_denied',
  'failed_precondition',
  'version_skew',
  'unsupported',
  'invalid_argument',
  'already_exists',
  'conflict',
])

/** Whether the center has made up its mind, so that asking again soon is of no use. */
export function isRefusal(error: YizhanError): boolean {
  return !error.retryable && REFUSALS.has(error.code)
}
