import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js'
import { ERROR_TABLE, type ErrorCode, isErrorCode, toYizhanError, YizhanError } from '@yizhan/kernel'
import { create, ERROR_METADATA, type Failure, FailureSchema } from '@yizhan/proto'

const MAX_MESSAGE = 512

// Their messages may hold paths and states of this machine; the log has them, a peer does not get them.
const PRIVATE: ReadonlySet<ErrorCode> = new Set([
  'internal',
  'storage_failed',
  'data_corrupt',
  'config_invalid',
])

/** The gRPC status of an error, with its code and whether to retry as `ERROR_METADATA`. */
export function toStatus(error: YizhanError): StatusObject {
  const metadata = new Metadata()
  metadata.set(ERROR_METADATA.code, error.code)
  metadata.set(ERROR_METADATA.retryable, String(error.retryable))
  const wait = retryAfterMs(error)
  if (wait > 0) metadata.set(ERROR_METADATA.retryAfterMs, String(wait))
  return { code: status[error.traits.grpc], details: publicMessage(error), metadata }
}

/** An Error in the form in which grpc-js takes it from a handler. */
export function toServiceError(error: YizhanError): ServiceError {
  return Object.assign(new Error(error.message), { name: 'ServiceError' }, toStatus(error))
}

/** The other way round: by the metadata if a center of ours sent it, else by the gRPC status. */
export function fromServiceError(thrown: unknown): YizhanError {
  if (!isServiceError(thrown)) return toYizhanError(thrown)
  const [named] = thrown.metadata?.get(ERROR_METADATA.code) ?? []
  const code = isErrorCode(named) ? named : codeOfStatus(thrown.code)
  const [retryable] = thrown.metadata?.get(ERROR_METADATA.retryable) ?? []
  const [wait] = thrown.metadata?.get(ERROR_METADATA.retryAfterMs) ?? []
  const retryAfter = Number(wait ?? 0)
  return new YizhanError(code, thrown.details, {
    cause: thrown,
    ...(retryable === undefined ? {} : { retryable: retryable === 'true' }),
    ...(retryAfter > 0 ? { details: { retryAfterMs: retryAfter } } : {}),
  })
}

/** The same for a frame inside a stream that goes on. `details.retryAfterMs` becomes `retry_after_ms`. */
export function toFailure(error: YizhanError): Failure {
  return create(FailureSchema, {
    code: error.code,
    message: publicMessage(error),
    retryable: error.retryable,
    retryAfterMs: retryAfterMs(error),
  })
}

function publicMessage(error: YizhanError): string {
  if (PRIVATE.has(error.code)) return 'the center failed; its log has the cause'
  // Through UTF-8 and back: grpc-js percent-encodes the text and throws on a lone surrogate.
  return Buffer.from(error.message.slice(0, MAX_MESSAGE)).toString()
}

function retryAfterMs(error: YizhanError): number {
  const value = error.details.retryAfterMs
  return typeof value === 'number' && value > 0 ? Math.min(Math.ceil(value), 0xffff_ffff) : 0
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' && 'details' in thrown
}

const BY_STATUS: Partial<Record<keyof typeof status, ErrorCode>> = {
  CANCELLED: 'cancelled',
  RESOURCE_EXHAUSTED: 'overloaded',
  UNAVAILABLE: 'unavailable',
  FAILED_PRECONDITION: 'failed_precondition',
  INVALID_ARGUMENT: 'invalid_argument',
}

function codeOfStatus(code: number): ErrorCode {
  const name = Object.entries(status).find(([, value]) => value === code)?.[0] as
    | keyof typeof status
    | undefined
  if (!name) return 'internal'
  const fixed = BY_STATUS[name]
  if (fixed) return fixed
  return (Object.keys(ERROR_TABLE) as ErrorCode[]).find((key) => ERROR_TABLE[key].grpc === name) ?? 'internal'
}
