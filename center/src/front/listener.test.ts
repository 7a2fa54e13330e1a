import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { YizhanError } from '@yizhan/kernel'
import { TestCa } from '../gateway/test-pki.js'
import { KEY, startTestFront } from './testing/front.js'

const invalid = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'config_invalid'

function open(t: TestContext, url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  return socket
}

/** The serial number of the certificate that the listener shows to a new connection. */
async function shown(url: string, ca: string): Promise<string> {
  const socket = connectTls({
    port: Number(new URL(url).port),
    host: '127.0.0.1',
    ca,
    servername: 'localhost',
  })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

function chat(body: Record<string, unknown>, key = KEY): string {
  const text = JSON.stringify({ model: 'held-1', messages: [{ role: 'user', content: 'x' }], ...body })
  return [
    'POST /v1/chat/completions HTTP/1.1',
    'host: x',
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    `content-length: ${text.length}`,
    '',
    text,
  ].join('\r\n')
}

test('a certificate without its key, and one that cannot be read, are refused at the start', async (t) => {
  await assert.rejects(startTestFront(t, { config: { tls: { certFile: '/none' } } }), invalid)
  await assert.rejects(startTestFront(t, { config: { tls: { keyFile: '/none' } } }), invalid)
  await assert.rejects(
    startTestFront(t, { config: { tls: { certFile: '/none', keyFile: '/none' } } }),
    invalid,
  )
})

test('beyond this machine it speaks TLS with the center’s certificate, and the next one when that is renewed', async (t) => {
  const ca = new TestCa()
  const certificates = [ca.center(), ca.center()].map(({ key, cert }) => ({ key, cert, ca: ca.cert }))
  let at = 0
  let changed: () => void = () => undefined
  const tls = {
    current: () => certificates[at] ?? assert.fail('there are two'),
    onChange: (fn: () => void) => {
      changed = fn
      return () => undefined
    },
  }
  const { front } = await startTestFront(t, { config: { host: '0.0.0.0' }, tls })
  assert.match(front.url, /^https:/)
  const first = await shown(front.url, ca.cert)
  at = 1
  changed()
  assert.notEqual(await shown(front.url, ca.cert), first)
})

test('a certificate of one’s own is shown in its place', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-front-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const ca = new TestCa()
  const { cert, key } = ca.center()
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
  await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key)])
  const { front } = await startTestFront(t, { config: { tls: { certFile, keyFile } } })
  assert.ok(await shown(front.url, ca.cert))
})

test('the body of a request with a wrong key is not read', async (t) => {
  const { front, backend } = await startTestFront(t)
  const socket = open(t, front.url)
  socket.write(chat({}, 'wrong').replace(/content-length: \d+/, 'content-length: 900000'))
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 401 .*"code":"invalid_api_key"/s)
  assert.equal(backend.runs.length, 0)
})

test('a client that does not read holds up its own answer, and nothing is gathered for it', async (t) => {
  const { front, backend } = await startTestFront(t)
  const socket = open(t, front.url)
  socket.pause()
  const running = backend.next()
  socket.write(chat({ stream: true }))
  const run = await running
  const pieces = 2_000
  const size = 32 * 1024
  for (let i = 0; i < pieces; i++) run.give('x'.repeat(size))
  run.end()
  // As much as fits between the two is taken, and then no more: seen twice without a change.
  let before = -1
  while (run.waiting !== before) {
    before = run.waiting
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  }
  assert.ok(before > pieces / 2, `${before} of ${pieces} still wait`)
  let bytes = 0
  let tail = ''
  socket.on('data', (data) => {
    bytes += data.length
    tail = (tail + data.toString('latin1')).slice(-64)
    if (tail.includes('[DONE]')) socket.destroy()
  })
  socket.resume()
  await once(socket, 'close')
  assert.ok(bytes > pieces * size)
})

test('a stop aborts what runs and tells its client', async (t) => {
  const { front, backend } = await startTestFront(t)
  const socket = open(t, front.url)
  const running = backend.next()
  socket.write(chat({ stream: true }))
  const run = await running
  run.give('half')
  await once(socket, 'data')
  let rest = ''
  socket.on('data', (data) => {
    rest += String(data)
  })
  const closed = once(socket, 'close')
  await front.stop('test over')
  await closed
  assert.ok(run.signal.aborted)
  assert.match(rest, /"error":\{[^}]*"code":"unavailable"/)
})
