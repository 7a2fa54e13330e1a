import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ManualClock, silentLogger } from '@yizhan/kernel'
import { WebSocket, WebSocketServer } from 'ws'
import { type ConnectionConfig, type ConnectionState, type Dial, startConnection } from './connection.js'

const HOUR = 3_600_000
const BACKOFF = { baseMs: 1_000, capMs: 60_000 }

/** A platform behind a real WebSocket: it may be away, say that it ends a link, and send on one that it has ended. */
async function startPlatform(t: TestContext) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  t.after(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const links: WebSocket[] = []
  const waiting: ((socket: WebSocket) => void)[] = []
  const told: string[] = []
  server.on('connection', (socket) => {
    links.push(socket)
    socket.on('message', (data) => told.push(String(data)))
    waiting.shift()?.(socket)
  })
  return {
    url: `ws://127.0.0.1:${port}`,
    links,
    told,
    next: () => new Promise<WebSocket>((resolve) => waiting.push(resolve)),
  }
}

const overWebSocket =
  (url: () => string): Dial =>
  (events, signal) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url())
      const onAbort = () => socket.terminate()
      signal.addEventListener('abort', onAbort, { once: true })
      socket.on('error', reject)
      socket.on('message', (data: Buffer) => events.frame(data))
      socket.on('close', () => {
        reject(signal.reason)
        events.closed('the platform closed it')
      })
      socket.on('open', () => {
        signal.removeEventListener('abort', onAbort)
        resolve({ send: (data) => socket.send(data), close: () => socket.close() })
      })
    })

async function startTest(t: TestContext, config: Partial<ConnectionConfig> = {}, dial?: Dial) {
  const clock = new ManualClock()
  const platform = await startPlatform(t)
  const events: string[] = []
  const states: string[] = []
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const fn of listeners) fn()
  }
  const at = { url: platform.url }
  const connection = startConnection(
    {
      clock,
      log: silentLogger(),
      random: () => 0.999,
      dial: dial ?? overWebSocket(() => at.url),
      received(frame, link) {
        const text = Buffer.from(frame).toString()
        if (text === 'disconnect') link.replace('the platform asks for it')
        else if (text === 'pong') link.roundTrip(12)
        else {
          events.push(text)
          link.send(`ack ${text}`)
        }
        tell()
        return text !== 'disconnect' && text !== 'pong'
      },
      changed(state) {
        states.push(state.s)
        tell()
      },
    },
    { ...BACKOFF, ...config },
  )
  t.after(() => connection.stop('test over'))
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!holds()) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
    })
  const is = (s: ConnectionState['s']) => until(() => connection.state.s === s)
  return { clock, platform, connection, events, states, until, is, at }
}

test('an endpoint that is away for hours is tried for ever, at most a minute apart, and found when it is back', async (t) => {
  let isThere = false
  let tries = 0
  const at = { url: '' }
  const dial: Dial = (events, signal) => {
    tries += 1
    if (isThere) return overWebSocket(() => at.url)(events, signal)
    return Promise.reject(new Error('ECONNREFUSED'))
  }
  const { clock, connection, is, platform } = await startTest(t, {}, dial)
  at.url = platform.url
  const until = clock.monotonic() + 3 * HOUR
  while (clock.monotonic() < until) {
    await is('backing-off')
    const { state } = connection
    assert.ok(state.s === 'backing-off' && state.until - clock.wall() <= BACKOFF.capMs)
    assert.equal(connection.send('x'), false)
    const before = tries
    clock.advance(BACKOFF.capMs)
    while (tries === before) await new Promise(setImmediate)
    await new Promise(setImmediate)
  }
  assert.ok(tries > 100, `${tries} tries`)
  assert.deepEqual(connection.health().lastInboundAt, 0)
  isThere = true
  await is('backing-off')
  clock.advance(BACKOFF.capMs)
  await is('live')
  assert.equal(connection.health().links, 1)
})

test('a disconnect frame: the new link stands before the old one goes, and a late frame of that is dropped', async (t) => {
  const { clock, platform, connection, events, until, is, states } = await startTest(t)
  await is('live')
  clock.advance(30_000)
  const [old = assert.fail()] = platform.links
  old.send('one')
  await until(() => events.length === 1)
  let wasOpen = false
  const next = platform.next().then((socket) => {
    wasOpen = old.readyState === WebSocket.OPEN
    // The platform goes on with what it was about to say on the old one.
    old.send('late')
    return socket
  })
  old.send('disconnect')
  const fresh = await next
  await until(() => connection.health().links === 2)
  const closed = old.readyState === WebSocket.CLOSED ? undefined : once(old, 'close')
  fresh.send('two')
  await until(() => events.includes('two'))
  await closed
  assert.equal(wasOpen, true)
  assert.equal(states.includes('backing-off'), false)
  // It came before the change or was dropped behind it, and is acknowledged by a link in use only.
  assert.equal(events.includes('late') ? 0 : 1, connection.health().dropped)
  assert.equal(connection.state.s, 'live')
})

test('a frame of a replaced link is dropped, and nothing goes out by it', async (t) => {
  const wires: { frame: (text: string) => void; sent: string[]; closed: number }[] = []
  const dial: Dial = async (events) => {
    const wire = { frame: (text: string) => events.frame(Buffer.from(text)), sent: [] as string[], closed: 0 }
    wires.push(wire)
    return {
      send: (data) => void wire.sent.push(String(data)),
      close: () => {
        wire.closed += 1
      },
    }
  }
  const { clock, connection, events, until } = await startTest(t, {}, dial)
  await until(() => connection.health().links === 1)
  clock.advance(30_000)
  wires[0]?.frame('one')
  wires[0]?.frame('disconnect')
  wires[0]?.frame('meanwhile')
  await until(() => connection.health().links === 2)
  wires[0]?.frame('late')
  wires[1]?.frame('two')
  assert.deepEqual(events, ['one', 'meanwhile', 'two'])
  assert.deepEqual(
    wires.map(({ sent }) => sent),
    [['ack one', 'ack meanwhile'], ['ack two']],
  )
  assert.equal(wires[0]?.closed, 1)
  assert.equal(connection.health().dropped, 1)
})

test('a new link that does not come up leaves the old one in use, and is tried again', async (t) => {
  const { clock, connection, platform, until, is, at, events } = await startTest(t)
  await is('live')
  clock.advance(30_000)
  at.url = 'ws://127.0.0.1:1'
  const { pending } = clock
  platform.links[0]?.send('disconnect')
  await is('replacing')
  while (clock.pending === pending) await new Promise(setImmediate)
  platform.links[0]?.send('still here')
  await until(() => events.includes('still here'))
  assert.equal(connection.send('hello'), true)
  at.url = platform.url
  while (connection.health().links < 2) {
    clock.advance(BACKOFF.baseMs)
    await new Promise(setImmediate)
  }
  assert.equal(connection.state.s, 'live')
})

test('a lost link is back within one step of the backoff; one that falls at once is not dialled in a circle', async (t) => {
  const { clock, connection, platform, is, until } = await startTest(t)
  await is('live')
  clock.advance(30_000)
  const waits: number[] = []
  for (let links = 1; links <= 4; links++) {
    platform.links[links - 1]?.terminate()
    await is('backing-off')
    const { state } = connection
    if (state.s === 'backing-off') waits.push(state.until - clock.wall())
    clock.advance(waits.at(-1) ?? 0)
    await until(() => connection.health().links > links)
  }
  assert.deepEqual(waits, [999, 1_998, 3_996, 7_992])
})

test('a link that says nothing any more is replaced, and health tells of the last event and round trip', async (t) => {
  const { clock, connection, platform, events, until, is } = await startTest(t)
  await is('live')
  platform.links[0]?.send('one')
  await until(() => events.length === 1)
  const at = clock.wall()
  clock.advance(60_000)
  platform.links[0]?.send('pong')
  await until(() => connection.health().lastRoundTripMs !== undefined)
  assert.deepEqual([connection.health().lastInboundAt, connection.health().lastRoundTripMs], [at, 12])
  clock.advance(89_999)
  assert.equal(connection.state.s, 'live')
  clock.advance(1)
  await until(() => connection.health().links === 2)
  assert.equal(connection.health().lastInboundAt, at, 'a new link is no event')
})

test('stop ends a dial under way and can be called twice', async (t) => {
  let aborted = false
  const dial: Dial = (_events, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true
        reject(signal.reason)
      })
    })
  const { connection, clock } = await startTest(t, {}, dial)
  await Promise.all([connection.stop('test'), connection.stop('again')])
  assert.deepEqual([aborted, connection.state.s, clock.pending], [true, 'stopped', 0])
})
