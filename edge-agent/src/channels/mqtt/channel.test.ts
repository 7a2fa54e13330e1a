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
