import assert from 'node:assert/strict'
import test from 'node:test'
import { Metadata, status } from '@grpc/grpc-js'
import { create, FailureSchema } from '@yizhan/proto'
import { failureError, isRefusal, retryAfterMs, rpcError } from './rpc-error.js'

function serviceError(code: status, metadata: Record<string, string> = {}): Error {
  const named = new Metadata()
  for (const [key, value] of Object.entries(metadata)) named.set(key, value)
  return Object.assign(new Error('text'), { code, details: 'said by the peer', metadata: named })
}

test('a status becomes its code; one without a code of its own is internal', () => {
  assert.equal(rpcError(serviceError(status.UNAUTHENTICATED)).code, 'unauthenticated')
  assert.equal(rpcError(serviceError(status.UNAVAILABLE)).code, 'unavailable')
  assert.equal(rpcError(serviceError(status.UNKNOWN)).code, 'internal')
  assert.equal(rpcError(new Error('no status at all')).code, 'unavailable')
})

test('what the center says in its metadata counts more than the status', () => {
  const metadata = {
    'yizhan-code': 'version_skew',
    'yizhan-retryable': 'true',
    'yizhan-retry-after-ms': '1500',
  }
  const error = rpcError(serviceError(status.FAILED_PRECONDITION, metadata))
  assert.deepEqual([error.code, error.retryable, retryAfterMs(error)], ['version_skew', true, 1500])
  assert.equal(isRefusal(error), false)
})

test('a code that this edge does not know becomes internal and keeps what matters', () => {
  const failure = create(FailureSchema, {
    code: 'quota_of_the_future',
    message: 'wait',
    retryable: true,
    retryAfterMs: 9,
  })
  const error = failureError(failure)
  assert.deepEqual([error.code, error.retryable, retryAfterMs(error)], ['internal', true, 9])
  assert.equal(rpcError(serviceError(status.ABORTED, { 'yizhan-code': '__proto__' })).code, 'conflict')
  assert.equal(failureError(undefined).code, 'internal')
})

test('a refusal is what the center will not change its mind about', () => {
  assert.equal(isRefusal(rpcError(serviceError(status.PERMISSION_DENIED))), true)
  assert.equal(isRefusal(rpcError(serviceError(status.UNAVAILABLE))), false)
  assert.equal(isRefusal(rpcError(serviceError(status.DATA_LOSS))), false)
})
