import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Subscriptions, topicTest } from './subscriptions.js'

const OUT = 'yizhan/acme/li/c1/out'

test('a subscriber is found once, with the highest QoS of its matching filters', () => {
  const subscriptions = new Subscriptions<string>()
  subscriptions.add('page', 'yizhan/acme/+/c1/out', 0)
  subscriptions.add('page', 'yizhan/acme/li/+/out', 1)
  subscriptions.add('page', 'yizhan/acme/li/#', 0)
  subscriptions.add('phone', 'yizhan/acme/li/c2/out', 1)
  subscriptions.add('screen', 'yizhan/acme/#', 2)
  assert.deepEqual([...subscriptions.match(OUT)].sort(), [
    ['page', 1],
    ['screen', 2],
  ])
  assert.equal(subscriptions.count('page'), 3)
})

test('a filter that equals the topic decides the QoS', () => {
  const subscriptions = new Subscriptions<string>()
  subscriptions.add('page', 'yizhan/acme/li/+/out', 1)
  subscriptions.add('page', OUT, 0)
  assert.deepEqual([...subscriptions.match(OUT)], [['page', 0]])
})

test('a filter that is subscribed again counts with its new QoS and goes with one unsubscribe', () => {
  const subscriptions = new Subscriptions<string>()
  subscriptions.add('page', OUT, 1)
  subscriptions.add('page', OUT, 0)
  assert.deepEqual([...subscriptions.match(OUT)], [['page', 0]])
  subscriptions.remove('page', OUT)
  subscriptions.remove('page', OUT)
  assert.equal(subscriptions.match(OUT).size, 0)
})

test('a subscriber that leaves is forgotten, the others stay', () => {
  const subscriptions = new Subscriptions<string>()
  for (const who of ['a', 'b']) for (const filter of [OUT, 'yizhan/acme/#']) subscriptions.add(who, filter, 1)
  subscriptions.removeAll('a')
  assert.deepEqual([...subscriptions.match(OUT).keys()], ['b'])
  assert.equal(subscriptions.count('a'), 0)
})

test('a filter is tested as MQTT says', () => {
  assert.equal(topicTest('yizhan/acme/+/c1/out')(OUT), true)
  assert.equal(topicTest('yizhan/acme/#')(OUT), true)
  assert.equal(topicTest('yizhan/acme/li/c1/delta')(OUT), false)
  assert.equal(topicTest('yizhan/acme/+/out')(OUT), false)
})
