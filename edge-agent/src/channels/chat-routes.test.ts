import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fastify from 'fastify'
import { WebSocket } from 'ws'
import { registerChatRoutes } from './chat-routes.js'
import type { MqttChannelConfig } from './mqtt/channel.js'
import { connectClient, never, replyOf, startTestChannel, type TestChannel, turnOf } from './mqtt/testing.js'

const IN = 'yizhan/acme/li/c1/in'

async function startPage(
  t: TestContext,
  config: Partial<MqttChannelConfig> = {},
): Promise<TestChannel & { readonly http: string; readonly ws: string }> {
  const webDir = await mkdtemp(join(tmpdir(), 'yizhan-web-'))
  t.after(() => rm(webDir, { recursive: true }))
  await writeFile(join(webDir, 'index.html'), '<!doctype html><title>page</title>')
  const run = await startTestChannel(t, config)
  const app = fastify()
  await registerChatRoutes(app, { channel: run.channel }, { webDir })
  const http = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  return { ...run, http, ws: `${http.replace('http', 'ws')}/mqtt` }
}

/** What became of an upgrade: the status of its refusal, or open. */
function upgrade(
  t: TestContext,
  url: string,
  protocols: string[],
  origin?: string,
): Promise<number | 'open'> {
  const socket = new WebSocket(url, protocols, origin === undefined ? {} : { origin })
  t.after(() => socket.terminate())
  return new Promise((resolve) => {
    socket.on('error', () => undefined)
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.on('open', () => resolve('open'))
  })
}

test('a WebSocket from a foreign page or without the subprotocol is refused', async (t) => {
  const { ws, http } = await startPage(t, { allowedOrigins: ['https://intranet.example.org'] })
  const port = new URL(http).port
  assert.equal(await upgrade(t, ws, ['mqtt'], 'https://evil.example'), 403)
  assert.equal(await upgrade(t, ws, ['mqtt'], `http://127.0.0.1:${Number(port) + 1}`), 403)
  assert.equal(await upgrade(t, ws, ['mqtt'], 'null'), 403)
  assert.equal(await upgrade(t, ws, ['chat']), 403)
  assert.equal(await upgrade(t, ws, []), 403)
  assert.equal(await upgrade(t, ws, ['mqtt'], http), 'open')
  assert.equal(await upgrade(t, ws, ['mqtt'], 'https://intranet.example.org'), 'open')
  assert.equal(await upgrade(t, ws, ['chat', 'mqtt']), 'open')
})

test('a name that was re-bound to this host is no origin of its own in open mode', async (t) => {
  const { ws, http } = await startPage(t)
  const { port } = new URL(http)
  const socket = new WebSocket(ws, ['mqtt'], {
    origin: `http://evil.example:${port}`,
    headers: { host: `evil.example:${port}` },
  })
  t.after(() => socket.terminate())
  socket.on('error', () => undefined)
  const status = await new Promise((resolve) => {
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
    socket.on('open', () => resolve('open'))
  })
  assert.equal(status, 403)
})

test('text frames and oversized frames end their own connection only', async (t) => {
  const { ws, channel, connect, messages } = await startPage(t)
  const open = async () => {
    const socket = new WebSocket(ws, ['mqtt'])
    t.after(() => socket.terminate())
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('open', resolve))
    return socket
  }
  const text = await open()
  const textClosed = new Promise((resolve) => text.once('close', resolve))
  text.send('hello')
  await textClosed
  const huge = await open()
  const hugeClosed = new Promise<number>((resolve) => huge.once('close', resolve))
  huge.send(Buffer.alloc(channel.maxPacketBytes + 1))
  await hugeClosed
  const early = await open()
  const earlyClosed = new Promise((resolve) => early.once('close', resolve))
  early.send(Buffer.alloc(20_000, 0x10))
  await earlyClosed
  const client = await connect()
  await client.say(IN, { text: 'hi' })
  assert.equal(messages.length, 1)
})

test('TCP and WebSocket are one channel', async (t) => {
  const { ws, connect, channel, messages } = await startPage(t)
  const page = await connectClient(t, ws)
  const terminal = await connect()
  assert.equal(channel.health().clients, 2)
  await page.mqtt.subscribeAsync('yizhan/acme/li/#', { qos: 1 })
  await terminal.say(IN, { id: 'q1', text: 'asked in the terminal' })
  assert.equal(messages.length, 1)
  const turn = turnOf('acme/mqtt/li/c1', 'q1')
  assert.equal(await channel.deliver(turn, replyOf(turn, '好的'), never), 'confirmed')
  assert.equal((await page.next()).body.text, '好的')
})

test('a page that goes away is no subscriber any more', async (t) => {
  const { ws, channel } = await startPage(t)
  const page = await connectClient(t, ws)
  page.mqtt.handleMessage = () => undefined
  await page.mqtt.subscribeAsync('yizhan/acme/li/#', { qos: 1 })
  const turn = turnOf('acme/mqtt/li/c1', 'q1')
  const outcome = channel.deliver(turn, replyOf(turn, 'x'), never)
  await page.next()
  page.mqtt.stream.destroy()
  assert.equal(await outcome, 'unreachable')
})

test('text comes compressed with an ETag, and is not sent again if it is the same', async (t) => {
  const { http } = await startPage(t)
  for (const encoding of ['br', 'gzip']) {
    const answer = await fetch(`${http}/mqtt.js`, { headers: { 'accept-encoding': encoding } })
    assert.equal(answer.headers.get('content-encoding'), encoding)
    assert.match(answer.headers.get('vary') ?? '', /accept-encoding/)
    assert.equal(answer.headers.get('cache-control'), 'no-cache')
    assert.match(await answer.text(), /MqttClient/)
    const etag = answer.headers.get('etag') ?? ''
    assert.notEqual(etag, '')
    assert.equal(await statusOf(`${http}/mqtt.js`, { 'if-none-match': etag }), 304)
  }
  const plain = await fetch(`${http}/mqtt.js`, { headers: { 'accept-encoding': 'identity' } })
  assert.equal(plain.headers.get('content-encoding'), null)
  await plain.text()
})

/** Not `fetch`, which asks past every cache as soon as it is given an ETag. */
async function statusOf(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const [answer] = (await once(get(url, { headers }), 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode
}

test('the page, the MQTT bundle and health come with their headers', async (t) => {
  const { http, channel } = await startPage(t)
  const page = await fetch(`${http}/`)
  assert.match(await page.text(), /<title>page/)
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff')
  const bundle = await fetch(`${http}/mqtt.js`)
  assert.equal(bundle.status, 200)
  assert.match(bundle.headers.get('content-type') ?? '', /javascript/)
  assert.equal(bundle.headers.get('x-content-type-options'), 'nosniff')
  assert.match(await (await fetch(`${http}/streamed-text.js`)).text(), /export class StreamedText/)
  assert.match(await (await fetch(`${http}/marked.js`)).text(), /export\s*\{/)
  assert.match(await (await fetch(`${http}/purify.js`)).text(), /DOMPurify/)
  assert.equal((await fetch(`${http}/../package.json`)).status, 404)
  assert.equal((await fetch(`${http}/%2e%2e/package.json`)).status, 404)
  assert.equal((await fetch(`${http}/mqtt`)).status, 404)
  assert.deepEqual(await (await fetch(`${http}/healthz`)).json(), { status: 'ok' })
  await channel.stop('test')
  assert.equal((await fetch(`${http}/healthz`)).status, 503)
})
