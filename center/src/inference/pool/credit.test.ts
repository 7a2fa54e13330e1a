import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Credit } from './credit.js'

const START = new Credit({}).tokens

test('a credit that is set is not learned', () => {
  const credit = new Credit({ tokens: 5_000 })
  credit.observe({ running: 1, waiting: 9, cacheTokens: 100 }, 4_000)
  credit.refused(100)
  for (let n = 0; n < 100; n++) credit.firstToken(n * 1_000)
  assert.equal(credit.tokens, 5_000)
})

test('an engine that queues gets less than it has, one that does not gets more if requests wait for it', () => {
  const credit = new Credit({})
  credit.observe({ running: 8, waiting: 2 }, 10_000)
  assert.equal(credit.tokens, 9_000)
  credit.observe({ running: 8, waiting: 0 }, 5_000)
  assert.equal(credit.tokens, 9_000, 'nobody waits for it')
  credit.heldUp()
  credit.observe({ running: 8, waiting: 0 }, 9_000)
  assert.equal(credit.tokens, 9_900)
  credit.observe({ running: 8, waiting: 0 }, 9_000)
  assert.equal(credit.tokens, 9_900)
})

test('it never grows beyond what the engine can hold, and never shrinks to nothing', () => {
  const credit = new Credit({})
  for (let n = 0; n < 100; n++) {
    credit.heldUp()
    credit.observe({ running: 1, waiting: 0, cacheTokens: 50_000 }, 1)
  }
  assert.equal(credit.tokens, 45_000)
  for (let n = 0; n < 100; n++) credit.observe({ running: 1, waiting: 1 }, 0)
  assert.equal(credit.tokens, 2_048)
})

test('of an engine that says nothing, first tokens that come late say that it is full', () => {
  const credit = new Credit({})
  for (let n = 0; n < 20; n++) credit.firstToken(100)
  assert.equal(credit.tokens, START)
  for (let n = 0; n < 60; n++) credit.firstToken(2_000)
  const shrunk = credit.tokens
  assert.ok(shrunk < START, `${shrunk}`)
  for (let n = 0; n < 300; n++) {
    credit.heldUp()
    credit.firstToken(100)
  }
  assert.ok(credit.tokens > shrunk, `${credit.tokens}`)
})

test('what takes next to no time is not slow, however it varies', () => {
  const credit = new Credit({})
  for (let n = 0; n < 100; n++) credit.firstToken(n % 2 === 0 ? 1 : 40)
  assert.equal(credit.tokens, START)
})
