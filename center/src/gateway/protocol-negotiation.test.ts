import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { negotiateProtocol } from './protocol-negotiation.js'

const center = { protocol: 5, oldestProtocol: 4 }
const refusal = (protocol: number, oldestProtocol: number): YizhanError => {
  const result = negotiateProtocol({ protocol, oldestProtocol }, center)
  assert.ok(result instanceof YizhanError)
  return result
}

test('both speak the highest that each of them can', () => {
  assert.equal(negotiateProtocol({ protocol: 5, oldestProtocol: 4 }, center), 5)
  assert.equal(negotiateProtocol({ protocol: 4, oldestProtocol: 3 }, center), 4, 'an edge one behind')
  assert.equal(negotiateProtocol({ protocol: 6, oldestProtocol: 5 }, center), 5, 'an edge one ahead')
})

test('an edge two behind or two ahead is told who has to upgrade', () => {
  assert.equal(refusal(3, 2).code, 'version_skew')
  assert.match(refusal(3, 2).message, /upgrade the edge/)
  assert.equal(refusal(7, 6).code, 'version_skew')
  assert.match(refusal(7, 6).message, /upgrade the center/)
})

test('a range that is none is an invalid argument', () => {
  assert.equal(refusal(0, 0).code, 'invalid_argument')
  assert.equal(refusal(5, 0).code, 'invalid_argument')
  assert.equal(refusal(4, 5).code, 'invalid_argument')
})
