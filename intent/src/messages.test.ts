import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMessageKey, MESSAGES, messageProblem, placeholdersOf } from './messages.js'

test('every sentence is there in both languages, with the same placeholders', () => {
  for (const [key, map] of Object.entries(MESSAGES)) {
    assert.ok(isMessageKey(key))
    assert.deepEqual(Object.keys(map), ['zh', 'en'], key)
    assert.match(map.zh, /\p{sc=Han}/u, `${key} in Chinese`)
    assert.doesNotMatch(map.en, /\p{sc=Han}/u, `${key} in English`)
  }
})

test('placeholders are the same in both languages, but for languages that name themselves', () => {
  for (const [key, map] of Object.entries(MESSAGES)) {
    assert.deepEqual(placeholdersOf(map.zh), placeholdersOf(map.en), key)
  }
})

test('an unknown key and an unknown placeholder are told apart', () => {
  assert.deepEqual(messageProblem('constructor', 'x'), { unknown: 'key' })
  assert.deepEqual(messageProblem('ticket.number', '{ticket} {tiket}'), {
    unknown: 'placeholder',
    name: 'tiket',
  })
  assert.equal(messageProblem('ticket.number', '{ticket}'), undefined)
})
