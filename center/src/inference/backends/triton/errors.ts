import { status } from '@grpc/grpc-js'
import { toYizhanError, YizhanError } from '@yizhan/kernel'

/** gRPC statuses under which the same request fails again. */
const FINAL: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
])

/** What a call threw, as a typed error; its words may hold a question and are dropped. */
export function callError(thrown: unknown): YizhanError {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  if (thrown instanceof YizhanError || typeof code !== 'number') return toYizhanError(thrown)
  const details = { status: status[code] }
  if (code === status.RESOURCE_EXHAUSTED)
    return new YizhanError('overloaded', 'Triton asks to slow down', { details })
  if (code === status.DEADLINE_EXCEEDED)
    return new YizhanError('deadline_exceeded', 'Triton took too long', { details })
  return new YizhanError('backend_failed', `Triton failed (${status[code]})`, {
    details,
    retryable: !FINAL.has(code),
    ...(code === status.NOT_FOUND ? { hint: 'check model and version of the backend' } : {}),
  })
}

// An error inside a stream has only words.
const TOO_LONG =
  /max(?:imum)?[_ -]?(?:model|input|context|sequence|prompt)[_ -]?len|longer than|exceeds? (?:the )?max/i
const QUEUE_FULL = /maximum queue size|queue is full|too many requests/i

/** What the words of a stream's error say; they are not kept. */
export function streamError(message: string): YizhanError {
  if (QUEUE_FULL.test(message)) return new YizhanError('overloaded', "Triton's queue is full")
  if (TOO_LONG.test(message)) return new YizhanError('too_large', 'the prompt is longer than the model takes')
  return new YizhanError('backend_failed', 'Triton failed on the request')
}
