import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet'
import { hashPassword } from './passwords.js'
import {
  connectClient,
  never,
  rawSocket,
  replyOf,
  startTestChannel,
  type TestChannel,
  turnOf,
} from './testing.js'

const IN = 'yizhan/acme/li/c1/in'
const bytes = (packet: Packet) => mqttPacket.generate(packet)
const CONNECT: Packet = {
  cmd: 'connect',
  clientId: 'raw',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  keepalive: 60,
}
const publish = (topic: string, payload: string, messageId: number, qos: 0 | 1 | 2 = 1): IPublishPacket => ({
  cmd: 'publish',
  topic,
  payload,
  qos,
  messageId,
  dup: false,
  retain: false,
})

/** Sends raw packets and gives the answers as they come. */
async function speak(t: TestContext, port: number) {
  const { socket, closed } = await rawSocket(t, port)
  const parser = mqttPacket.parser()
  const got: Packet[] = []
  const waiting: { cmd: string; resolve: (packet: Packet) => void }[] = []
  parser.on('packet', (packet) => {
    got.push(packet)
    const index = waiting.findIndex((waiter) => waiter.cmd === packet.cmd)
    if (index >= 0) waiting.splice(index, 1)[0]?.resolve(packet)
  })
  socket.on('data', (data) => parser.parse(data))
  return {
    socket,
    closed,
    got,
    send: (...packets: Packet[]) => socket.write(Buffer.concat(packets.map(bytes))),
    next: (cmd: string) => new Promise<Packet>((resolve) => waiting.push({ cmd, resolve })),
  }
}

async function assertServes({ connect, messages }: TestChannel): Promise<void> {
  const client = await connect()
  const before = messages.length
  await client.say(IN, { text: 'still there?' })
  assert.equal(messages.length, before + 1)
}

test('garbage and broken packets close the connection and nothing else', async (t) => {
  const run = await startTestChannel(t)
  const broken: [string, Buffer][] = [
    ['http', Buffer.from('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')],
    ['tls hello', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc])],
    ['zeros', Buffer.alloc(64)],
    ['endless length', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01])],
    ['256 MiB announced', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
    ['publish first', bytes(publish(IN, '{"text":"x"}', 1))],
    ['subscribe first', Buffer.from([0x82, 0x06, 0x00, 0x01, 0x00, 0x01, 0x61, 0x01])],
    [
      'protocol of its own',
      Buffer.from([0x10, 0x0c, 0x00, 0x04, 0x4d, 0x51, 0x54, 0x58, 0x04, 0x02, 0x00, 0x3c, 0x00, 0x00]),
    ],
    ['connect twice', Buffer.concat([bytes(CONNECT), bytes(CONNECT)])],
    ['reserved flags', Buffer.concat([bytes(CONNECT), Buffer.from([0x80, 0x00])])],
    ['QoS 3', Buffer.concat([bytes(CONNECT), Buffer.from([0x36, 0x05, 0x00, 0x01, 0x61, 0x00, 0x01])])],
    [
      'wildcard in a publish',
      Buffer.concat([bytes(CONNECT), bytes({ ...publish('yizhan/acme/+/c1/in', 'x', 1) })]),
    ],
    ['unknown type', Buffer.concat([bytes(CONNECT), Buffer.from([0xf0, 0x00])])],
  ]
  for (const [what, data] of broken) {
    const { socket, closed } = await rawSocket(t, run.channel.port)
    socket.resume()
    socket.write(data)
    await closed
    assert.equal(run.messages.length, 0, what)
  }
  await assertServes(run)
})

test('too many topic levels close the connection', async (t) => {
  const run = await startTestChannel(t)
  const deep = `yizhan/acme/li/${'x/'.repeat(150)}in`
  const one = await speak(t, run.channel.port)
  one.send(CONNECT)
  await one.next('connack')
  one.send(publish(deep, '{}', 1))
  await one.closed
  const two = await speak(t, run.channel.port)
  two.send(CONNECT)
  await two.next('connack')
  two.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: deep, qos: 1 }] })
  await two.closed
  await assertServes(run)
})

test('a packet over the cap is cut off before it is there', async (t) => {
  const run = await startTestChannel(t)
  const client = await speak(t, run.channel.port)
  client.send(CONNECT)
  await client.next('connack')
  client.socket.write(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]))
  await client.closed
  await assertServes(run)
})

test('who is not let in yet may send so many bytes and no message', async (t) => {
  const users = [{ tenant: 'acme', user: 'li', scrypt: await hashPassword('sesam') }]
  const run = await startTestChannel(t, { auth: { mode: 'password', users } })
  const login: Packet = { ...CONNECT, username: 'acme/li', password: Buffer.from('wrong') }
  const eager = await speak(t, run.channel.port)
  eager.send(login, publish(IN, '{"text":"before the answer"}', 1), {
    cmd: 'subscribe',
    messageId: 2,
    subscriptions: [{ topic: 'yizhan/acme/li/#', qos: 1 }],
  })
  await eager.closed
  assert.deepEqual(
    eager.got.map((packet) => packet.cmd),
    ['connack'],
  )
  const long = await speak(t, run.channel.port)
  long.send({ ...login, password: Buffer.alloc(20_000) })
  await long.closed
  assert.deepEqual(long.got, [])
  assert.equal(run.messages.length, 0)

  const known = await speak(t, run.channel.port)
  known.send({ ...login, password: Buffer.from('sesam') }, publish(IN, '{"text":"waits for the answer"}', 1))
  await known.next('puback')
  assert.equal(run.messages.length, 1)
})

test('a hoard of connections that never log in ends by itself, and is bounded', async (t) => {
  const run = await startTestChannel(t, { limits: { connectMs: 100, maxConnections: 50 } })
  const hoard = await Promise.all(Array.from({ length: 60 }, () => rawSocket(t, run.channel.port)))
  for (const { socket } of hoard) {
    socket.resume()
    socket.write(Buffer.from([0x10]))
  }
  await Promise.all(hoard.map(({ closed }) => closed))
  await assertServes(run)
})

test('more filters than allowed are refused one by one', async (t) => {
  const run = await startTestChannel(t, { limits: { maxFilters: 3 } })
  const client = await speak(t, run.channel.port)
  client.send(CONNECT)
  await client.next('connack')
  const subscriptions = ['a', 'b', 'c', 'd', 'e'].map((chat) => ({
    topic: `yizhan/acme/li/${chat}/out`,
    qos: 1 as const,
  }))
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  const suback = await client.next('suback')
  assert.deepEqual(suback.cmd === 'suback' && suback.granted, [1, 1, 1, 128, 128])
})

test('filters outside the own prefix are refused with 128', async (t) => {
  const run = await startTestChannel(t)
  const client = await speak(t, run.channel.port)
  client.send(CONNECT)
  await client.next('connack')
  const topics = ['#', '+/x', '$share/g/yizhan/acme/#', '$SYS/#', 'yizhan/other/#', 'yizhan/acme/#']
  client.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: topics.map((topic) => ({ topic, qos: 2 as const })),
  })
  const suback = await client.next('suback')
  assert.deepEqual(suback.cmd === 'suback' && suback.granted, [128, 128, 128, 128, 128, 2])
  const turn = turnOf('acme/mqtt/li/c1', 'q1')
  const outcome = run.channel.deliver(turn, replyOf(turn, 'x'), never)
  const out = await client.next('publish')
  assert.equal(out.cmd === 'publish' && out.qos, 1)
  client.send({ cmd: 'puback', messageId: out.messageId ?? 0 })
  assert.equal(await outcome, 'confirmed')
})

test('a QoS 2 publish that is repeated before its PUBREL is taken in once', async (t) => {
  const run = await startTestChannel(t)
  const client = await speak(t, run.channel.port)
  client.send(CONNECT)
  await client.next('connack')
  const packet = publish(IN, '{"text":"no id"}', 7, 2)
  client.send(packet)
  await client.next('pubrec')
  client.send({ ...packet, dup: true })
  await client.next('pubrec')
  client.send({ cmd: 'pubrel', messageId: 7 })
  await client.next('pubcomp')
  assert.equal(run.messages.length, 1)
  client.send(packet)
  await client.next('pubrec')
  assert.equal(run.messages.length, 2, 'after the PUBREL the id is free for a new message')
})

test('acknowledgements of nothing do no harm', async (t) => {
  const run = await startTestChannel(t)
  const client = await speak(t, run.channel.port)
  client.send(CONNECT)
  await client.next('connack')
  client.send(
    { cmd: 'puback', messageId: 99 },
    { cmd: 'pubcomp', messageId: 98 },
    { cmd: 'pubrec', messageId: 97 },
    { cmd: 'pubrel', messageId: 96 },
    { cmd: 'pingreq' },
  )
  await client.next('pingresp')
  await assertServes(run)
})

test('many small messages in one chunk keep their order', async (t) => {
  const run = await startTestChannel(t)
  const client = await speak(t, run.channel.port)
  client.send(CONNECT)
  await client.next('connack')
  const count = 500
  const last = new Promise<void>((resolve) => {
    run.onMessage = async () => {
      if (run.messages.length === count) resolve()
      return { outcome: 'accepted', turnId: 't' }
    }
  })
  client.send(...Array.from({ length: count }, (_, i) => publish(IN, `{"id":"${i}","text":"${i}"}`, i + 1)))
  await last
  assert.deepEqual(
    run.messages.map((message) => message.text),
    Array.from({ length: count }, (_, i) => `${i}`),
  )
})

test('MQTT 5 is told that it is not spoken', async (t) => {
  const { url } = await startTestChannel(t)
  await assert.rejects(connectClient(t, url, { protocolVersion: 5 }))
})
