import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { silentLogger, systemClock } from '@yizhan/kernel'
import { Link } from '@yizhan/proto'
import { openLinkChannel } from './center-channel.js'
import type { HeldIdentity } from './held-identity.js'
import { openIdentityStore } from './identity-store.js'
import { startTestCenter } from './testing/center.js'
import { enrolInto, testDirectory } from './testing/edge.js'
import { testFiles } from './testing/sealed.js'

async function identityOf(t: TestContext): Promise<HeldIdentity> {
  const dir = testDirectory(t)
  await enrolInto(dir, await startTestCenter(t))
  const store = await openIdentityStore({ clock: systemClock, log: silentLogger(), files: testFiles }, dir)
  const identity = await store.load()
  assert.ok(identity)
  return identity
}

/** A free port that nobody listens on, and a server that will. */
async function nobody(t: TestContext) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  t.after(() => server.close())
  return {
    address: `127.0.0.1:${port}`,
    listen: () => once(server.listen(port, '127.0.0.1'), 'listening'),
    server,
  }
}

/** Past grpc-js' wait before it tries again: a second, up to a fifth more or less. */
const BACKOFF_MS = 3_000

test('a channel that was closed after a failed try never dials again, an open one does', async (t) => {
  const identity = await identityOf(t)
  for (const isClosed of [false, true]) {
    const { address, listen, server } = await nobody(t)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const client = openLinkChannel(address, identity)
    const call = client.bidi(Link.method.connect)
    await once(call, 'error')
    if (isClosed) client.close()
    await listen()
    const dialled = once(server, 'connection').then(([socket]) => socket as Socket)
    t.mock.timers.tick(BACKOFF_MS)
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    t.mock.timers.reset()
    // Connections are taken in the order in which they were begun: whoever dialled on the tick comes before this one.
    const ours = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(ours, 'connect')
    const first = await dialled
    assert.equal(first.remotePort === ours.localPort, isClosed)
    ours.destroy()
    first.destroy()
    client.close()
  }
})

test('a channel that is closed in the middle of its handshake ends it', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => silent.close())
  const client = openLinkChannel(`127.0.0.1:${(silent.address() as AddressInfo).port}`, await identityOf(t))
  const call = client.bidi(Link.method.connect)
  call.on('error', () => undefined)
  const [socket] = await once(silent, 'connection')
  await once(socket, 'data')
  call.cancel()
  client.close()
  await once(
    socket.on('error', () => undefined),
    'close',
  )
})
