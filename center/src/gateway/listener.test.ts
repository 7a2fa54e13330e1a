import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { heartbeatFrame, startTestGateway, type TestGateway, until } from './test-gateway.js'

async function session(t: TestContext, center: TestGateway): Promise<ClientHttp2Session> {
  const { key, cert } = center.ca.edge('beijing-1')
  const client = connect(`https://localhost:${center.gateway.linkPort}`, { ca: center.ca.cert, key, cert })
  client.on('error', () => undefined)
  t.after(() => client.destroy())
  await new Promise((resolve) => client.once('connect', resolve))
  return client
}

/** Sends that many pings, as many at a time as Node lets have under way. */
function ping(client: ClientHttp2Session, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0
    let answered = 0
    const one = () => {
      if (sent >= count) return
      sent += 1
      client.ping((error) => {
        answered += 1
        if (error) reject(error)
        else if (answered === count) resolve()
        else one()
      })
    }
    for (let i = 0; i < 10; i++) one()
  })
}

test('a connection that sends pings and no messages is closed, other links stay', async (t) => {
  const center = await startTestGateway(t, { overheadBurstBytes: 32_768 })
  const { link, welcome } = await center.edge().link()
  const flood = await session(t, center)
  const closed = new Promise((resolve) => flood.once('close', resolve))
  await ping(flood, 5_000)
  center.clock.advance(1_000)
  await closed
  assert.equal(await center.count('yizhan_gateway_floods_total'), 1)
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  assert.equal((await link.next()).frame.case, 'heartbeatAck')
})

test('a connection that opens and resets streams is closed, by nghttp2’s limit or by ours', async (t) => {
  const center = await startTestGateway(t, { overheadBurstBytes: 262_144 })
  const flood = await session(t, center)
  let closed = false
  flood.once('close', () => {
    closed = true
  })
  const padding = 'x'.repeat(2_048)
  await until(async () => {
    for (let i = 0; i < 16 && !flood.closed && !flood.destroyed; i++) {
      const stream = flood.request({
        ':path': '/x/y',
        ':method': 'POST',
        padding: `${Math.random()}${padding}`,
      })
      stream.on('error', () => undefined)
      stream.close(8)
    }
    center.clock.advance(10)
    return closed || (await center.count('yizhan_gateway_floods_total')) > 0
  })
  await center.edge().link()
})

test('keepalive pings and the handshake are no flood', async (t) => {
  const center = await startTestGateway(t, { overheadBurstBytes: 32_768, overheadBytesPerSecond: 1_024 })
  const quiet = await session(t, center)
  for (let second = 0; second < 60; second++) {
    await ping(quiet, 10)
    center.clock.advance(1_000)
  }
  assert.equal(quiet.destroyed, false)
  assert.equal(await center.count('yizhan_gateway_floods_total'), 0)
})

test('thousands of small messages are no flood', async (t) => {
  const center = await startTestGateway(t, { overheadBurstBytes: 65_536, overheadBytesPerSecond: 1_024 })
  const { link, welcome } = await center.edge().link()
  for (let sequence = 1n; sequence <= 8_000n; sequence++) {
    link.call.write(heartbeatFrame(welcome.linkGeneration, sequence))
    if (sequence % 100n === 0n) {
      for (let i = 0; i < 100; i++) await link.next()
      center.clock.advance(10)
    }
  }
  center.clock.advance(1_000)
  assert.equal(await center.count('yizhan_gateway_floods_total'), 0)
  assert.equal(center.gateway.links().length, 1)
})

test('connections beyond the limit are not taken', async (t) => {
  const center = await startTestGateway(t, { maxConnections: 2 })
  const open = () =>
    new Promise<string>((resolve) => {
      const socket = connectTcp({ host: '127.0.0.1', port: center.gateway.linkPort })
      t.after(() => socket.destroy())
      socket.on('error', () => resolve('closed'))
      socket.on('close', () => resolve('closed'))
      socket.resume()
      socket.on('connect', () => socket.write('x'))
      if (held.length < 2) socket.on('connect', () => resolve('open'))
    })
  const held: string[] = []
  held.push(await open())
  held.push(await open())
  assert.deepEqual(held, ['open', 'open'])
  assert.equal(await open(), 'closed')
})

/** A TCP connection that says nothing; resolves `open` once it is taken, `shed` if it is reset. */
function silent(
  t: TestContext,
  center: TestGateway,
): { readonly socket: Socket; readonly ended: Promise<string> } {
  const socket = connectTcp({ host: '127.0.0.1', port: center.gateway.linkPort })
  t.after(() => socket.destroy())
  const ended = new Promise<string>((resolve) => {
    socket.once('error', () => undefined)
    socket.once('close', () => resolve('ended'))
  })
  return { socket, ended }
}

test('more connections in their handshake than can get there are reset at once, links stay', async (t) => {
  const center = await startTestGateway(t, { maxNewConnections: 2 })
  const { link, welcome } = await center.edge().link()
  const waiting = [silent(t, center), silent(t, center)]
  await Promise.all(waiting.map(({ socket }) => once(socket, 'connect')))
  await silent(t, center).ended
  assert.equal(await center.count('yizhan_gateway_connections_shed_total'), 1)
  assert.ok(waiting.every(({ socket }) => !socket.destroyed))
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  assert.equal((await link.next()).frame.case, 'heartbeatAck')
})

test('a hoard of silent connections keeps nobody out: those of five seconds give way', async (t) => {
  const center = await startTestGateway(t, { maxNewConnections: 2 })
  const hoard = [silent(t, center), silent(t, center)]
  await Promise.all(hoard.map(({ socket }) => once(socket, 'connect')))
  await silent(t, center).ended
  center.clock.advance(5_000)
  await center.edge().link()
  await hoard[0]?.ended
})
