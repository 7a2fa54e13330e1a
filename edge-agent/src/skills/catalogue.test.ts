import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MESSAGE_PLACEHOLDERS } from '@yizhan/intent'
import { asTenantId } from '@yizhan/kernel'
import { acme } from '../router/testing.js'
import { checkMessages, isMessageKey, MESSAGES, placeholdersOf, say } from './catalogue.js'

const live = (messages: Record<string, Record<string, string>>, languages = ['zh', 'en']) => ({
  tenant: asTenantId('acme') ?? assert.fail(),
  digest: 'd',
  file: { ...acme, languages, messages },
})

test("a tenant's sentence with an unknown placeholder is named by path; an unknown key is left alone", () => {
  const problems = checkMessages({
    messages: {
      'ticket.number': { zh: '编号 {ticket}', en: 'Ticket {tiket} {place}' },
      'end.cancelled': { en: '{ticket}' },
      'of.a.newer.center': { en: '{x}' },
      constructor: { en: '{x}' },
    },
  })
  assert.deepEqual(problems, [
    'messages/ticket.number/en: there is no {tiket} here',
    'messages/end.cancelled/en: there is no {ticket} here',
  ])
})

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

test('a sentence is said in the language asked for, else in English', () => {
  assert.equal(say(live({}), 'zh', 'end.cancelled', {}), '已取消。')
  assert.equal(say(live({}), 'zh-Hant-TW', 'end.cancelled', {}), '已取消。')
  assert.equal(say(live({}, ['de']), 'de', 'end.cancelled', {}), 'Cancelled.')
  assert.equal(say(undefined, 'en', 'cancel.done', { count: 2 }), 'Cancelled: 2.')
})

test("the tenant's own words go before the built-in ones, in its own languages", () => {
  const tenant = live({ 'end.cancelled': { de: 'Abgebrochen.' } }, ['de', 'en'])
  assert.equal(say(tenant, 'de', 'end.cancelled', {}), 'Abgebrochen.')
  assert.equal(say(tenant, 'en', 'end.cancelled', {}), 'Abgebrochen.')
})

test('a value that looks like a placeholder is not filled in again', () => {
  assert.equal(
    say(undefined, 'en', 'ticket.number', { ticket: '{place}', place: 3 }),
    'Ticket {place}, place 3.',
  )
})

test('the center checks tenants’ own words against the same keys and placeholders', () => {
  const own = Object.fromEntries(Object.entries(MESSAGES).map(([key, map]) => [key, placeholdersOf(map.en)]))
  assert.deepEqual(own, MESSAGE_PLACEHOLDERS)
})
