import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrafficBudget } from './traffic-budget.js'

const none = { bytesRead: 0, bytesWritten: 0, messages: 0, messageBytes: 0 }

test('overhead beyond the burst is not allowed', () => {
  const budget = new TrafficBudget(10_000, 1_000, 0)
  assert.equal(budget.allows({ ...none, bytesRead: 9_000 }, 0), true)
  assert.equal(budget.allows({ ...none, bytesRead: 11_000 }, 0), false)
})

test('overhead at the rate is allowed for ever', () => {
  const budget = new TrafficBudget(10_000, 1_000, 0)
  for (let second = 1; second <= 1_000; second++) {
    assert.equal(budget.allows({ ...none, bytesRead: second * 1_000 }, second * 1_000), true)
  }
  assert.equal(budget.allows({ ...none, bytesRead: 1_000_000 + 11_000 }, 1_000_000), false)
})

test('messages are not overhead, however small or large', () => {
  const small = new TrafficBudget(10_000, 0, 0)
  assert.equal(small.allows({ ...none, bytesRead: 70_000, messages: 1_000, messageBytes: 20_000 }, 0), true)
  const large = new TrafficBudget(10_000, 0, 0)
  assert.equal(
    large.allows({ ...none, bytesRead: 102_000_000, messages: 400, messageBytes: 100_000_000 }, 0),
    true,
  )
})

test('what the peer acknowledges of our own sending is not overhead', () => {
  const budget = new TrafficBudget(10_000, 0, 0)
  assert.equal(budget.allows({ ...none, bytesRead: 100_000, bytesWritten: 32_000_000 }, 0), true)
})

test('a message that was read in part does not gain more than the burst when it is whole', () => {
  const budget = new TrafficBudget(10_000, 0, 0)
  assert.equal(budget.allows({ ...none, bytesRead: 9_000 }, 0), true)
  assert.equal(budget.allows({ ...none, bytesRead: 9_100, messages: 1, messageBytes: 9_000 }, 0), true)
  assert.equal(budget.allows({ ...none, bytesRead: 20_000, messages: 1, messageBytes: 9_000 }, 0), false)
})
