import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId } from '@yizhan/kernel'
import { acme } from '../router/testing.js'
import { checkMessages, say } from './catalogue.js'

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
