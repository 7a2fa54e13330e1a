import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { never, replyOf, startTestChannel, turnOf } from './testing.js'

const _IN = 'yizhan/acme/li/c1/in'
const OUT = 'yizhan/acme/li/c1/out'
const CONVERSATION = 'acme/mqtt/li/c1'

/** A client that takes replies and never acknowledges one. */
async function subscribeMute(connect: Awaited<ReturnType<typeof startTestChannel>>['connect']) {
  const client = await connect()
  client.mqtt.handleMessage = () => undefined
  await client.mqtt.subscribeAsync(OUT, { qos: 1 })
  return client
}

test('a reply is confirmed by the first acknowledgement of several subscribers', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  const silent = await connect({ customHandleAcks: () => undefined, protocolVersion: 4 })
  silent.mqtt.handleMessage = () => undefined
  const page = await connect()
  for (const client of [silent, page]) await client.mqtt.subscribeAsync('yizhan/acme/li/#', { qos: 1 })
  const turn = turnOf(CONVERSATION, 'q1')
  const outcome = await channel.deliver(turn, replyOf(turn, 'hello'), never)
  assert.equal(outcome, 'confirmed')
  const got = await page.next()
  assert.equal(got.topic, OUT)
  assert.equal(got.qos, 1)
  assert.equal(got.retain, false)
  const { at, ...body } = got.body
  assert.equal(typeof at, 'string')
  assert.deepEqual(body, {
    type: 'final',
    id: `${turn.id}.final`,
    turnId: turn.id,
    inReplyTo: 'q1',
    text: 'hello',
    answeredBy: 'edge',
    intent: null,
    score: null,
    citations: [],
    finish: 'stop',
  })
})

test('without a subscriber a reply is unreachable until one comes', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  const turn = turnOf(CONVERSATION, undefined)
  const reachable = new Promise<string>((resolve) => channel.onReachable(resolve))
  const client = await connect()
  await client.mqtt.subscribeAsync('yizhan/acme/wang/#', { qos: 1 })
  assert.equal(await channel.deliver(turn, replyOf(turn, 'hello'), never), 'unreachable')
  await client.mqtt.subscribeAsync('yizhan/acme/+/c1/out', { qos: 1 })
  assert.equal(await reachable, CONVERSATION)
  assert.equal(await channel.deliver(turn, replyOf(turn, 'hello'), never), 'confirmed')
  const out = await client.nextOut()
  assert.equal(out.type === 'final' && out.promise, 'at-most-once')
  assert.equal(out.inReplyTo, undefined)
})

test('a subscriber that leaves without acknowledging makes a reply unreachable', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  const client = await subscribeMute(connect)
  const turn = turnOf(CONVERSATION, 'q1')
  const outcome = channel.deliver(turn, replyOf(turn, 'hello'), never)
  await client.next()
  client.mqtt.stream.destroy()
  assert.equal(await outcome, 'unreachable')
})

test('a connection that died unnoticed holds nothing up: who subscribes meanwhile confirms', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  const dead = await subscribeMute(connect)
  const turn = turnOf(CONVERSATION, 'q1')
  const outcome = channel.deliver(turn, replyOf(turn, 'hello'), never)
  await dead.next()
  const phone = await connect()
  await phone.mqtt.subscribeAsync(OUT, { qos: 1 })
  assert.equal(await outcome, 'confirmed')
  assert.equal((await phone.next()).body.text, 'hello')
})

test('a client that takes replies and never acknowledges is cut off after the deadline', async (t) => {
  const { connect, channel, clock } = await startTestChannel(t)
  const client = await subscribeMute(connect)
  const turn = turnOf(CONVERSATION, 'q1')
  const outcome = channel.deliver(turn, replyOf(turn, 'hello'), never)
  await client.next()
  clock.advance(30_000)
  assert.equal(await outcome, 'unreachable')
})

test('a QoS 0 subscription confirms by being written to', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  const client = await connect()
  await client.mqtt.subscribeAsync(OUT, { qos: 0 })
  const turn = turnOf(CONVERSATION, 'q1')
  assert.equal(await channel.deliver(turn, replyOf(turn, 'hello'), never), 'confirmed')
  assert.equal((await client.next()).qos, 0)
})

test('a full window makes replies wait, and room announces them', async (t) => {
  const { connect, channel } = await startTestChannel(t, { limits: { maxInFlight: 2 } })
  const client = await connect()
  const acks: (() => void)[] = []
  client.mqtt.handleMessage = (_packet, done) => acks.push(done)
  await client.mqtt.subscribeAsync('yizhan/acme/li/#', { qos: 1 })
  const turns = ['c1', 'c2', 'c3'].map((chat) => turnOf(`acme/mqtt/li/${chat}`, 'q1'))
  const [one, two, three] = turns.map((turn) => channel.deliver(turn, replyOf(turn, 'x'), never))
  assert.equal(await three, 'unreachable')
  const reachable = new Promise<string>((resolve) => channel.onReachable(resolve))
  while (acks.length < 1) await new Promise(setImmediate)
  acks[0]?.()
  assert.equal(await reachable, 'acme/mqtt/li/c3')
  assert.equal(await one, 'confirmed')
  while (acks.length < 2) await new Promise(setImmediate)
  acks[1]?.()
  assert.equal(await two, 'confirmed')
})

test('an aborted delivery rejects with the reason', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  await subscribeMute(connect)
  const turn = turnOf(CONVERSATION, 'q1')
  const abort = new AbortController()
  const outcome = channel.deliver(turn, replyOf(turn, 'hello'), abort.signal)
  abort.abort(new YizhanError('cancelled', 'stop'))
  await assert.rejects(outcome, /stop/)
  await assert.rejects(channel.deliver(turn, replyOf(turn, 'hello'), abort.signal), /stop/)
})

test('a reply larger than the channel takes is refused', async (t) => {
  const { channel } = await startTestChannel(t)
  const turn = turnOf(CONVERSATION, 'q1')
  await assert.rejects(
    channel.deliver(turn, replyOf(turn, 'x'.repeat(300_000)), never),
    (thrown) => thrown instanceof YizhanError && thrown.code === 'too_large',
  )
})

test('deltas go out with QoS 0 in order, and are left out for a client that does not read', async (t) => {
  const { connect, channel } = await startTestChannel(t, { limits: { maxBacklogBytes: 100_000 } })
  const client = await connect()
  await client.mqtt.subscribeAsync('yizhan/acme/li/c1/delta')
  const turn = turnOf(CONVERSATION, 'q1')
  assert.equal(channel.delta(turnOf('acme/mqtt/nobody/c1', 'q1'), { attempt: 1, seq: 1, text: 'x' }), true)
  assert.equal(channel.delta(turn, { attempt: 1, seq: 1, text: 'Open ' }), true)
  assert.equal(channel.delta(turn, { attempt: 1, seq: 2, text: 'it.' }), true)
  assert.deepEqual((await client.next()).body, {
    turnId: turn.id,
    inReplyTo: 'q1',
    attempt: 1,
    seq: 1,
    text: 'Open ',
  })
  assert.deepEqual((await client.next()).body.text, 'it.')

  client.mqtt.stream.pause()
  const text = 'x'.repeat(50_000)
  let taken = 0
  while (taken < 1_000 && channel.delta(turn, { attempt: 1, seq: 3 + taken, text })) {
    taken++
    await new Promise(setImmediate)
  }
  assert.ok(taken < 1_000, 'a client that does not read is left out')
  client.mqtt.stream.resume()
})

test('who subscribes to delta, by name or by wildcard, is announced as a watcher of just those chats', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  const mine = turnOf(CONVERSATION, 'q1')
  const others = turnOf('acme/mqtt/wang/c1', 'q2')
  const wanted: string[] = []
  const off = channel.onWatcher?.((watcher) => {
    for (const turn of [mine, others]) {
      if (!watcher.wants(turn)) continue
      wanted.push(turn.id)
      watcher.show(turn, { attempt: 2, seq: 7, text: 'Open it', snapshot: true })
    }
  })
  const client = await connect()
  for (const filter of [
    'yizhan/acme/li/c1/delta',
    'yizhan/acme/li/+/+',
    'yizhan/acme/li/#',
    'yizhan/acme/li/c1/out',
  ]) {
    await client.mqtt.subscribeAsync(filter)
  }
  assert.deepEqual(wanted, [mine.id, mine.id, mine.id])
  const first = await client.next()
  assert.equal(first.topic, 'yizhan/acme/li/c1/delta')
  const whole = { turnId: mine.id, inReplyTo: 'q1', attempt: 2, seq: 7, text: 'Open it', snapshot: true }
  assert.deepEqual(first.body, whole)
  channel.delta(mine, { attempt: 2, seq: 8, text: '.' })
  off?.()
  await client.mqtt.subscribeAsync('yizhan/acme/li/c1/delta')
  assert.equal(wanted.length, 3)
})

test('a reply carries its card, its choices, its place and who takes over', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  const client = await connect()
  await client.mqtt.subscribeAsync(OUT, { qos: 1 })
  const turn = turnOf(CONVERSATION, 'q1')
  const card = {
    id: 'password',
    title: 'Password',
    text: '',
    facts: [{ name: 'Length', value: '12' }],
    buttons: [{ label: 'Person', does: { kind: 'action', action: '/human' } }],
  } as const
  const fields = { card, choices: [{ label: 'VPN', text: '1' }], place: 2, ticket: 'A-0001', handoff: 'hr' }
  assert.equal(await channel.deliver(turn, replyOf(turn, 'text', fields), never), 'confirmed')
  const { body } = await client.next()
  const { card: gotCard, choices, place, handoff } = body
  assert.deepEqual({ card: gotCard, choices, place, ticket: body.ticket, handoff }, fields)
  await channel.deliver(turn, replyOf(turn, 'plain'), never)
  const plain = (await client.next()).body
  for (const key of ['card', 'choices', 'place', 'handoff', 'ticket']) assert.ok(!(key in plain), key)
})
