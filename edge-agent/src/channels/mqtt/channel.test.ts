import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { hashPassword } from './passwords.js'
import { connectClient, INFO, never, replyOf, startTestChannel, turnOf } from './testing.js'

const IN = 'yizhan/acme/li/c1/in'
const OUT = 'yizhan/acme/li/c1/out'
const CONVERSATION = 'acme/mqtt/li/c1'

test('open access on a network address is refused at start', async (t) => {
  for (const host of ['0.0.0.0', '::', '192.168.1.5']) {
    await assert.rejects(
      startTestChannel(t, { host }),
      (thrown) => thrown instanceof YizhanError && thrown.code === 'config_invalid',
      host,
    )
  }
})

test('who repeats a message before subscribing again is told all the same that it is refused', async (t) => {
  const run = await startTestChannel(t)
  run.onMessage = async () => ({ outcome: 'refused', code: 'disk_full', message: 'no space' })
  const client = await run.connect()
  await client.say(IN, { id: 'q1', text: 'x' })
  const refusal = await client.nextOut()
  assert.deepEqual([refusal.type, refusal.inReplyTo], ['refused', 'q1'])
})

test('a taken port is named', async (t) => {
  const { channel } = await startTestChannel(t)
  await assert.rejects(
    startTestChannel(t, { port: channel.port }),
    (thrown) =>
      thrown instanceof YizhanError &&
      thrown.code === 'port_taken' &&
      thrown.message.includes(String(channel.port)) &&
      thrown.hint?.includes('mqtt.port') === true,
  )
})

test('bad payloads are refused by name on the out-topic, and the connection serves on', async (t) => {
  const { connect, messages } = await startTestChannel(t)
  const client = await connect()
  await client.mqtt.subscribeAsync(OUT, { qos: 1 })
  const bad: [unknown, string][] = [
    ['not json', 'invalid_argument'],
    [Buffer.from([0xc3, 0x28]), 'invalid_argument'],
    [Buffer.alloc(70_000, 0x61), 'too_large'],
    [{ v: 2, text: 'x' }, 'invalid_argument'],
    [{ text: 'x'.repeat(4_001) }, 'too_large'],
  ]
  for (const [body, code] of bad) {
    await client.say(IN, body)
    const refusal = await client.nextOut()
    assert.equal(refusal.type, 'refused')
    assert.equal(refusal.type === 'refused' && refusal.code, code)
  }
  await client.say('yizhan/acme/li ming/c1/in', { text: 'x' })
  assert.equal((await client.nextOut()).type, 'refused')
  await client.say(IN, { id: 'q1', text: 'x', locale: '?' })
  const last = await client.nextOut()
  assert.equal(last.inReplyTo, 'q1')
  assert.equal(messages.length, 0)
  await client.say(IN, { id: 'q2', text: 'hi' })
  assert.deepEqual(
    messages.map((message) => message.platformId),
    ['li/c1/q2'],
  )
})

test('a message is acknowledged only once it is durable, and in the order of publishing', async (t) => {
  const run = await startTestChannel(t)
  const client = await run.connect()
  const release: (() => void)[] = []
  run.onMessage = () =>
    new Promise((resolve) => release.push(() => resolve({ outcome: 'accepted', turnId: 't_1' })))
  const acked: string[] = []
  const first = client.say(IN, { id: 'a', text: '1' }).then(() => acked.push('a'))
  const second = client.say(IN, { id: 'b', text: '2' }).then(() => acked.push('b'))
  const ping = client.say('yizhan/acme/li/c1/in', 'refused at once').then(() => acked.push('refused'))
  while (release.length < 2) await new Promise(setImmediate)
  release[1]?.()
  await new Promise(setImmediate)
  assert.deepEqual(acked, [])
  release[0]?.()
  await Promise.all([first, second, ping])
  assert.deepEqual(acked, ['a', 'b', 'refused'])
})

test('what the edge refuses is acknowledged and said why', async (t) => {
  const run = await startTestChannel(t)
  const client = await run.connect()
  await client.mqtt.subscribeAsync(OUT, { qos: 1 })
  run.onMessage = async () => ({ outcome: 'refused', code: 'overloaded', message: 'come back later' })
  await client.say(IN, { id: 'q1', text: 'hi' })
  const refusal = await client.nextOut()
  assert.deepEqual(
    { ...refusal, at: 0 },
    { type: 'refused', code: 'overloaded', message: 'come back later', inReplyTo: 'q1', at: 0 },
  )
})

test('a message that cannot be made durable is not acknowledged, the connection is closed, others go on', async (t) => {
  const run = await startTestChannel(t)
  const client = await run.connect()
  const other = await run.connect()
  run.onMessage = async () => {
    throw new YizhanError('storage_failed', 'no disk')
  }
  const closed = new Promise<void>((resolve) => client.mqtt.once('close', () => resolve()))
  let acked = false
  void client.say(IN, { id: 'q1', text: 'hi' }).then(
    () => {
      acked = true
    },
    () => undefined,
  )
  await closed
  assert.equal(acked, false)
  run.onMessage = async () => ({ outcome: 'accepted', turnId: 't_1' })
  await other.say(IN, { id: 'q2', text: 'hi' })
})

test('QoS 0 and QoS 2 come in as well, QoS 2 once for all its packets', async (t) => {
  const { connect, messages } = await startTestChannel(t)
  const client = await connect()
  await client.say(IN, { id: 'q0', text: 'zero' }, 0)
  await client.say(IN, { id: 'q2', text: 'two' }, 2)
  assert.deepEqual(
    messages.map((message) => message.text),
    ['zero', 'two'],
  )
})

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
  const client = await connect()
  client.mqtt.handleMessage = () => undefined
  await client.mqtt.subscribeAsync(OUT, { qos: 1 })
  const turn = turnOf(CONVERSATION, 'q1')
  const outcome = channel.deliver(turn, replyOf(turn, 'hello'), never)
  await client.next()
  client.mqtt.stream.destroy()
  assert.equal(await outcome, 'unreachable')
})

test('a connection that died unnoticed holds nothing up: who subscribes meanwhile confirms', async (t) => {
  const { connect, channel } = await startTestChannel(t)
  const dead = await connect()
  dead.mqtt.handleMessage = () => undefined
  await dead.mqtt.subscribeAsync(OUT, { qos: 1 })
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
  const client = await connect()
  client.mqtt.handleMessage = () => undefined
  await client.mqtt.subscribeAsync(OUT, { qos: 1 })
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
  const client = await connect()
  client.mqtt.handleMessage = () => undefined
  await client.mqtt.subscribeAsync(OUT, { qos: 1 })
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

test('yizhan/info comes on subscribing and on a change', async (t) => {
  const { connect, setInfo } = await startTestChannel(t)
  const client = await connect()
  await client.mqtt.subscribeAsync('yizhan/info', { qos: 1 })
  assert.deepEqual((await client.next()).body, INFO)
  const link = { state: 'backing-off', since: '2027-01-15T09:00:00.000Z', waiting: 3 }
  setInfo({ ...INFO, link })
  assert.deepEqual((await client.next()).body.link, link)
})

test('with passwords: only who is known, only its own prefix, only its own tenant in the info', async (t) => {
  const users = [
    { tenant: 'acme', user: 'li', scrypt: await hashPassword('sesam') },
    { tenant: 'globex', user: 'wu', scrypt: await hashPassword('other') },
  ]
  const { connect, messages, url } = await startTestChannel(t, { auth: { mode: 'password', users } })
  for (const login of [
    {},
    { username: 'acme/li', password: 'wrong' },
    { username: 'acme/li' },
    { username: 'acme/nobody', password: 'sesam' },
  ]) {
    await assert.rejects(connectClient(t, url, login), (thrown: { code?: number }) => thrown.code === 4)
  }
  const li = await connect({ username: 'acme/li', password: 'sesam' })
  await li.mqtt.subscribeAsync('yizhan/info')
  const info = (await li.next()).body
  assert.deepEqual(
    (info.tenants as { id: string }[]).map((tenant) => tenant.id),
    ['acme'],
  )
  for (const filter of ['#', 'yizhan/acme/#', 'yizhan/acme/wang/#', 'yizhan/globex/wu/#', '$SYS/#']) {
    await assert.rejects(
      li.mqtt.subscribeAsync(filter, { qos: 1 }),
      /Unspecified|128|Not authorized/i,
      filter,
    )
  }
  await li.mqtt.subscribeAsync('yizhan/acme/li/#', { qos: 1 })
  await li.say(IN, { id: 'q1', text: 'hi' })
  const closed = new Promise<void>((resolve) => li.mqtt.once('close', () => resolve()))
  li.say('yizhan/acme/wang/c1/in', { text: 'not me' }).catch(() => undefined)
  await closed
  assert.deepEqual(
    messages.map((message) => message.sender?.id),
    ['li'],
  )
})

test('a client id cannot be taken over by another user, by the same one it can', async (t) => {
  const users = [
    { tenant: 'acme', user: 'li', scrypt: await hashPassword('one') },
    { tenant: 'globex', user: 'wu', scrypt: await hashPassword('two') },
  ]
  const { connect, url, channel, clock } = await startTestChannel(t, { auth: { mode: 'password', users } })
  const li = { clientId: 'phone', username: 'acme/li', password: 'one' }
  const wu = { clientId: 'phone', username: 'globex/wu', password: 'two' }
  const first = await connect(li)
  await first.mqtt.subscribeAsync(OUT, { qos: 1 })
  const refused = (thrown: { code?: number }) => thrown.code === 2
  await assert.rejects(connectClient(t, url, wu), refused)
  assert.equal(first.mqtt.connected, true)
  const gone = new Promise<void>((resolve) => first.mqtt.once('close', () => resolve()))
  const second = await connect(li)
  await gone
  await second.mqtt.endAsync()
  while (channel.health().clients > 0) await new Promise(setImmediate)
  await assert.rejects(connectClient(t, url, wu), refused)
  clock.advance(24 * 3_600_000)
  await connect(wu)
})

test('nothing is kept: no session, no retained message, no will', async (t) => {
  const { connect, channel, messages } = await startTestChannel(t)
  const will = { topic: IN, payload: Buffer.from('{"text":"from beyond"}'), qos: 1 as const, retain: true }
  const first = await connect({ clientId: 'a', clean: false, will })
  await first.mqtt.subscribeAsync(OUT, { qos: 1 })
  await first.mqtt.publishAsync(IN, '{"id":"q1","text":"kept?"}', { qos: 1, retain: true })
  const turn = turnOf(CONVERSATION, 'q1')
  first.mqtt.stream.destroy()
  while (channel.health().clients > 0) await new Promise(setImmediate)
  assert.equal(await channel.deliver(turn, replyOf(turn, 'while away'), never), 'unreachable')
  const again = await connect({ clientId: 'a', clean: false })
  assert.equal(again.connack.sessionPresent, false)
  await again.mqtt.subscribeAsync(['yizhan/acme/li/#', IN], { qos: 1 })
  await again.say(IN, { id: 'q2', text: 'now' })
  assert.deepEqual(again.received, [])
  assert.deepEqual(
    messages.map((message) => message.text),
    ['kept?', 'now'],
  )
})

test('stop acknowledges what is being made durable, then closes everything', async (t) => {
  const run = await startTestChannel(t)
  const client = await run.connect()
  let release: () => void = () => undefined
  const taken = new Promise<void>((resolve) => {
    run.onMessage = () => {
      resolve()
      return new Promise((accept) => {
        release = () => accept({ outcome: 'accepted', turnId: 't_1' })
      })
    }
  })
  const acked = client.say(IN, { id: 'q1', text: 'hi' })
  await taken
  const stopped = run.channel.stop('test')
  assert.equal(run.channel.stop('again'), stopped)
  let late = false
  client.say(IN, { id: 'q2', text: 'too late' }).then(
    () => {
      late = true
    },
    () => undefined,
  )
  await client.mqtt.publishAsync(IN, 'flushes', { qos: 0 })
  release()
  await acked
  await stopped
  await run.channel.done
  assert.equal(run.channel.health().state, 'closed')
  assert.equal(late, false)
  assert.equal(run.messages.length, 1)
})
