import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metadata, status } from '@grpc/grpc-js'
import { ERROR_TABLE, type ErrorCode, YizhanError } from '@yizhan/kernel'
import { fromServiceError, toFailure, toServiceError, toStatus } from './service-error.js'

test('every code comes back from its gRPC status', () => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    const sent = toServiceError(
      new YizhanError(code, 'why', { retryable: true, details: { retryAfterMs: 1_500.2 } }),
    )
    assert.equal(sent.code, status[ERROR_TABLE[code].grpc])
    const back = fromServiceError(sent)
    assert.equal(back.code, code)
    assert.equal(back.retryable, true)
    assert.deepEqual(back.details, { retryAfterMs: 1_501 })
  }
})

test('what the center keeps to itself stays out of the status and the frame', () => {
  const error = new YizhanError('storage_failed', 'EIO in /var/lib/yizhan/shard-2')
  assert.doesNotMatch(toStatus(error).details, /yizhan\//)
  assert.doesNotMatch(toFailure(error).message, /yizhan\//)
  assert.equal(toFailure(error).code, 'storage_failed')
})

test('a message that cannot be a header value is made one, and a long one is cut', () => {
  const details = toStatus(
    new YizhanError('not_found', `lone ${String.fromCharCode(0xd800)} ${'x'.repeat(2_000)}`),
  ).details
  assert.doesNotThrow(() => encodeURI(details))
  assert.ok(details.length <= 512)
})

test('the status of a server that is not ours is read by its number', () => {
  const foreign = (code: number) =>
    fromServiceError(Object.assign(new Error('x'), { code, details: 'x', metadata: new Metadata() })).code
  assert.equal(foreign(status.UNAVAILABLE), 'unavailable')
  assert.equal(foreign(status.UNIMPLEMENTED), 'unsupported')
  assert.equal(foreign(status.PERMISSION_DENIED), 'permission_denied')
  assert.equal(foreign(status.UNKNOWN), 'internal')
  assert.equal(foreign(99), 'internal')
  assert.equal(fromServiceError('no error at all').code, 'internal')
})
