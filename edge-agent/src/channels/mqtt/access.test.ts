import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Identity, maySubscribe, rulePublish } from './access.js'

const served = new Set(['acme', 'globex'])
const open: Identity = { mode: 'open' }
const li: Identity = { mode: 'password', tenant: 'acme', user: 'li' }

test('a subscription outside the own prefix is refused', () => {
  const refused = [
    '#',
    '+/x',
    '+/acme/li/c/out',
    'yizhan/#',
    'yizhan/+/li/c/out',
    'yizhan/acme',
    'yizhan/other/li/c/out',
    'yizhan/info/x',
    'yizhan/info/#',
    '$share/g/yizhan/acme/li/#',
    '$SYS/#',
    '$SYS/broker/heartbeat',
    '/yizhan/acme/li/#',
    'Yizhan/acme/li/#',
    '',
  ]
  for (const filter of refused) {
    assert.equal(maySubscribe(open, filter, served), false, `open: ${filter}`)
    assert.equal(maySubscribe(li, filter, served), false, `li: ${filter}`)
  }
  for (const filter of [
    'yizhan/acme/#',
    'yizhan/acme/+/c/out',
    'yizhan/globex/li/#',
    'yizhan/acme/wang/#',
    'yizhan/acme/li',
  ]) {
    assert.equal(maySubscribe(li, filter, served), false, `li: ${filter}`)
  }
})

test('wildcards inside the own prefix and yizhan/info are allowed', () => {
  for (const filter of [
    'yizhan/info',
    'yizhan/acme/li/#',
    'yizhan/acme/li/+/out',
    'yizhan/acme/li/c/delta',
  ]) {
    assert.equal(maySubscribe(open, filter, served), true, `open: ${filter}`)
    assert.equal(maySubscribe(li, filter, served), true, `li: ${filter}`)
  }
  assert.equal(maySubscribe(open, 'yizhan/globex/#', served), true)
})

test('a publish outside the own in-topics closes the connection', () => {
  for (const topic of [
    'yizhan/acme/wang/c/in',
    'yizhan/globex/li/c/in',
    'yizhan/acme/li/c/out',
    'yizhan/acme/li/c/delta',
    'yizhan/acme/li/c/in/more',
    'yizhan/acme/li/in',
    'yizhan/info',
    '$SYS/x',
    'x',
    `yizhan/acme/li/${'c'.repeat(300)}/in`,
    'yizhan/acme/li/a\u0000b/in',
  ]) {
    assert.equal(rulePublish(li, topic, served).ruling, 'close', topic)
  }
  assert.equal(rulePublish(open, 'yizhan/other/li/c/in', served).ruling, 'close')
})

test('a name that no conversation can have is refused on the topic it came from', () => {
  assert.deepEqual(rulePublish(open, 'yizhan/acme/li ming/c/in', served), {
    ruling: 'refuse',
    outTopic: 'yizhan/acme/li ming/c/out',
  })
  assert.equal(rulePublish(li, `yizhan/acme/li/${'c'.repeat(65)}/in`, served).ruling, 'refuse')
  assert.equal(rulePublish(li, 'yizhan/acme/li//in', served).ruling, 'refuse')
})

test('the own in-topic is accepted with its address', () => {
  assert.deepEqual(rulePublish(li, 'yizhan/acme/li/c-1.@_/in', served), {
    ruling: 'accept',
    address: { tenant: 'acme', user: 'li', chat: 'c-1.@_' },
  })
  assert.equal(rulePublish(open, 'yizhan/globex/anyone/c/in', served).ruling, 'accept')
})
