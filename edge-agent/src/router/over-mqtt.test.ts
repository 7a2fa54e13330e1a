import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startTestChannel } from '../channels/mqtt/testing.js'
import { temporaryDir } from '../ledger/testing.js'
import { heldSkill, startTestEdge, sure } from './testing.js'

const CHAT = 'yizhan/acme/li/c1'
const IN = `${CHAT}/in`

/** An edge whose chats come over MQTT; the client has subscribed to one of them. */
async function startMqttEdge(t: TestContext) {
  const held = heldSkill()
  const edge = await startTestEdge(t, await temporaryDir(t), { skills: [held.skill] })
  edge.classifier.known.set('slow', sure('slow'))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const broker = await startTestChannel(t)
  broker.onMessage = edge.accept
  edge.replies.attach(broker.channel)
  edge.turns.tickets.onChange(() => broker.setTickets(edge.turns.tickets.waiting()))
  const client = await broker.connect()
  await client.mqtt.subscribeAsync(`${CHAT}/out`, { qos: 1 })
  return {
    ...edge,
    broker,
    client,
    held,
    send: (event: object, chat = CHAT) => client.say(`${chat}/in`, { kind: 'event', event }),
    turnOf: (platformId: string) =>
      edge.ledger.recent(100).find((turn) => turn.message.platformId === platformId),
  }
}

test('a client recalls its message by its own id and hears nothing of it; in another chat the id is another message', async (t) => {
  const edge = await startMqttEdge(t)
  await edge.client.say(IN, { id: 'q1', text: 'slow' })
  await edge.until(() => edge.held.waiting.has('slow'))
  await edge.send({ type: 'recalled', subject: 'q1' }, 'yizhan/acme/li/c2')
  await edge.send({ type: 'recalled', subject: 'q1' }, 'yizhan/acme/wang/c1')
  await edge.until(() => edge.ledger.open().length === 1)
  assert.equal(edge.turnOf('li/c1/q1')?.state, 'answering')
  await edge.send({ type: 'recalled', subject: 'q1' })
  await edge.until(() => edge.ledger.open().length === 0)
  assert.equal(edge.turnOf('li/c1/q1')?.state, 'cancelled')
  assert.deepEqual(edge.client.received, [])
})

test('the longest names and ids that a client may use are taken in, answered and cancelled', async (t) => {
  const edge = await startMqttEdge(t)
  const [user, chat, id] = ['u'.repeat(64), 'c'.repeat(64), 'i'.repeat(128)]
  const topic = `yizhan/acme/${user}/${chat}`
  await edge.client.mqtt.subscribeAsync(`${topic}/out`, { qos: 1 })
  await edge.client.say(`${topic}/in`, { id, text: 'slow' })
  await edge.until(() => edge.held.waiting.has('slow'))
  await edge.send({ type: 'cancel', subject: id }, topic)
  const { body } = await edge.client.next()
  assert.deepEqual([body.finish, body.inReplyTo], ['cancelled', id])
})

test('a client cancels its question by its own id or by the turn, and rates an answer', async (t) => {
  const edge = await startMqttEdge(t)
  await edge.client.say(IN, { id: 'q1', text: 'slow' })
  await edge.until(() => edge.held.waiting.has('slow'))
  await edge.send({ type: 'cancel', subject: 'q1' })
  const cancelled = await edge.client.next()
  assert.deepEqual([cancelled.body.inReplyTo, cancelled.body.finish], ['q1', 'cancelled'])

  edge.held.waiting.clear()
  await edge.client.say(IN, { id: 'q2', text: 'slow' })
  await edge.until(() => edge.held.waiting.has('slow'))
  await edge.send({ type: 'cancel', subject: edge.turnOf('li/c1/q2')?.id })
  assert.equal((await edge.client.next()).body.inReplyTo, 'q2')

  await edge.client.say(IN, { id: 'q3', text: 'vpn' })
  const { turnId } = (await edge.client.next()).body
  await edge.send({ type: 'feedback', subject: turnId, rating: 'down', reason: 'wrong year' })
  await edge.until(() => edge.turnOf('li/c1/q3')?.feedback)
  assert.equal(edge.turnOf('li/c1/q3')?.feedback?.reason, 'wrong year')
  await edge.send({ type: 'feedback', subject: turnId, rating: 'up' }, 'yizhan/acme/wang/c1')
  await edge.send({ type: 'feedback', subject: turnId, rating: 'none' })
  await edge.until(() => edge.turnOf('li/c1/q3')?.feedback === undefined)
  await edge.until(() => edge.ledger.open().length === 0)
  assert.equal(edge.client.received.length, 3, 'an event is never answered')
})

test('who comes in the middle of a streamed answer sees all of it and then goes on', async (t) => {
  const edge = await startMqttEdge(t)
  await edge.client.say(IN, { id: 'q1', text: 'why' })
  await edge.until(() => edge.uplink.requests.length === 1)
  const request = edge.uplink.requests[0] ?? assert.fail()
  request.sink.started(1, 0)
  request.sink.tokens(1, 1, 'Be')
  request.sink.tokens(1, 2, 'cause ')
  const late = await edge.broker.connect()
  await late.mqtt.subscribeAsync('yizhan/acme/li/+/delta')
  request.sink.tokens(1, 3, 'it is.')
  const snapshot = await late.next()
  assert.deepEqual([snapshot.body.seq, snapshot.body.text, snapshot.body.snapshot], [2, 'Because ', true])
  assert.deepEqual((await late.next()).body, {
    turnId: edge.turnOf('li/c1/q1')?.id,
    inReplyTo: 'q1',
    attempt: 1,
    seq: 3,
    text: 'it is.',
  })
  request.finish('Because it is.')
  assert.equal((await edge.client.next()).body.text, 'Because it is.')
  const afterwards = await edge.broker.connect()
  await afterwards.mqtt.subscribeAsync(`${CHAT}/delta`)
  await afterwards.mqtt.subscribeAsync('yizhan/info')
  assert.equal((await afterwards.next()).topic, 'yizhan/info', 'what has its final is not shown again')
})

test('the places of tickets move as those before them end, and a cancelled one leaves the list', async (t) => {
  const edge = await startMqttEdge(t)
  edge.uplink.up = false
  await edge.client.mqtt.subscribeAsync(`${CHAT}/tickets`, { qos: 1 })
  const board = async () => {
    edge.broker.clock.advance(1_000)
    for (;;) {
      const { topic, body } = await edge.client.next()
      if (topic.endsWith('/out')) continue
      return (body.tickets as { inReplyTo: string; place: number }[]).map(
        ({ inReplyTo, place }) => `${inReplyTo} ${place}`,
      )
    }
  }
  assert.deepEqual(await board(), [])
  await edge.broker.connect().then((other) => other.say('yizhan/acme/wang/c1/in', { id: 'w1', text: 'how' }))
  await edge.until(() => edge.turns.waitingForCenter() === 1)
  await edge.client.say(IN, { id: 'q1', text: 'why' })
  await edge.client.say(IN, { id: 'q2', text: 'when' })
  await edge.until(() => edge.turns.waitingForCenter() === 3)
  assert.deepEqual(await board(), ['q1 2', 'q2 3'])
  await edge.until(() => edge.turnOf('li/c1/q2')?.notice)
  assert.equal(edge.turnOf('li/c1/q2')?.notice?.content.place, 3)

  edge.uplink.up = true
  await edge.until(() => edge.uplink.requests.length === 3)
  edge.uplink.requests[0]?.finish('done')
  await edge.until(() => edge.turns.waitingForCenter() === 2)
  assert.deepEqual(await board(), ['q1 1', 'q2 2'])
  await edge.send({ type: 'cancel', subject: 'q1' })
  await edge.until(() => edge.turns.waitingForCenter() === 1)
  assert.deepEqual(await board(), ['q2 1'])
  edge.uplink.requests[2]?.finish('now')
  await edge.until(() => edge.turns.waitingForCenter() === 0)
  assert.deepEqual(await board(), [])
})
