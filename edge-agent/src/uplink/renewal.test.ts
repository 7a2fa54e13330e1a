import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { ManualClock, silentLogger, systemClock } from '@yizhan/kernel'
import { openIdentityStore } from './identity-store.js'
import { startTestCenter } from './testing/center.js'
import { ask, enrolInto, startTestEdge, testDirectory } from './testing/edge.js'
import { startTestProxy } from './testing/proxy.js'
import { testFiles } from './testing/sealed.js'
import { TestSink } from './testing/sink.js'

const HOUR_MS = 3_600_000
const signal = new AbortController().signal

async function keptCertificate(dir: string) {
  const store = await openIdentityStore({ clock: systemClock, log: silentLogger(), files: testFiles }, dir)
  return (await store.load())?.certificate
}

test('a certificate renewed while requests run loses none of them', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const words = Array.from({ length: 200 }, (_, i) => `word ${i} `)
  const sinks = Array.from({ length: 8 }, () => new TestSink())
  for (const [i, sink] of sinks.entries()) edge.uplink.infer(ask(`turn-${i}`), sink)
  for (const _ of sinks) await center.book.submits.next()
  const before = (await keptCertificate(edge.dir))?.serialNumber
  let renewing: Promise<void> | undefined
  for (const [n, word] of words.entries()) {
    for (const run of center.book.runs.values()) run.say(word)
    if (n === 50) renewing = edge.uplink.renew(signal)
    // Lets the renewal and the pieces go on side by side.
    await new Promise((resolve) => setImmediate(resolve))
  }
  await renewing
  for (const _ of sinks) await center.book.submits.next()
  for (const run of center.book.runs.values()) run.finish()
  const expected = createHash('sha256').update(words.join('')).digest('hex')
  for (const sink of sinks) {
    const end = await sink.ended
    assert.ok('result' in end)
    assert.equal(createHash('sha256').update(end.result.text).digest('hex'), expected)
    assert.equal(new Set(sink.pieces).size, words.length)
    assert.deepEqual([sink.pieces.length, sink.ends], [words.length, 1])
  }
  const [renewed] = center.registrar.renewals.all
  assert.equal((await keptCertificate(edge.dir))?.serialNumber, renewed?.serialNumber)
  assert.notEqual(renewed?.serialNumber, before)
  assert.equal(edge.uplink.identity?.serial, renewed?.serialNumber)
  assert.deepEqual(
    edge.states.all.map((state) => state.s),
    ['ready', 'ready'],
  )
})

test('an old link that ends before the new one is welcomed does not take the edge off the air', async (t) => {
  const center = await startTestCenter(t)
  const proxy = await startTestProxy(t, center.linkAddress)
  const edge = await startTestEdge(t, center, { config: { linkAddress: proxy.address } })
  await edge.reached('ready')
  center.greet = async (call) => {
    center.dropLink()
    // The edge has noticed when it has closed the old connection.
    while (proxy.connections > 1) await new Promise((resolve) => setImmediate(resolve))
    center.welcome(call)
  }
  await edge.uplink.renew(signal)
  assert.deepEqual(
    edge.states.all.map((state) => state.s),
    ['ready', 'ready'],
  )
})

test('a certificate is renewed at two thirds of its life, with a new key', async (t) => {
  const center = await startTestCenter(t)
  const clock = new ManualClock(Date.now())
  const { from, to } = center.registrar.life
  const edge = await startTestEdge(t, center, { clock })
  const first = await keptCertificate(edge.dir)
  await edge.reached('ready')
  clock.jumpWall(from + ((to - from) * 2) / 3 - clock.wall() - 2_000)
  center.registrar.life = { from: clock.wall() - HOUR_MS, to: clock.wall() + 23 * HOUR_MS }
  // The schedule looks at the wall clock at least every ten minutes.
  for (let passed = 0; passed < 600_000; passed += 10_000) {
    assert.equal(center.registrar.renewals.all.length, 0)
    await center.heartbeats.next()
    clock.advance(10_000)
  }
  await center.registrar.renewals.next()
  const state = await edge.states.first((one) => one.s === 'ready' && one.generation === 2n)
  assert.equal(state.s, 'ready')
  const second = await keptCertificate(edge.dir)
  assert.ok(first && second)
  assert.equal(first.publicKey.equals(second.publicKey), false)
})

test('a certificate that is due is renewed as soon as the link is there', async (t) => {
  const center = await startTestCenter(t)
  center.registrar.life = { from: Date.now() - 3 * HOUR_MS, to: Date.now() + HOUR_MS }
  const dir = testDirectory(t)
  await enrolInto(dir, center)
  center.registrar.life = { from: Date.now() - HOUR_MS, to: Date.now() + 24 * HOUR_MS }
  const edge = await startTestEdge(t, center, { dir })
  await center.registrar.renewals.next()
  await edge.states.first((state) => state.s === 'ready' && state.generation === 2n)
})

test('without a link a renewal says so, and the certificate stays', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center, { config: { linkAddress: '127.0.0.1:9' } })
  const before = (await keptCertificate(edge.dir))?.serialNumber
  await assert.rejects(edge.uplink.renew(signal), { code: 'unavailable' })
  assert.equal((await keptCertificate(edge.dir))?.serialNumber, before)
})

test('if the new connection does not come up, the old one goes on, and the move is tried again', async (t) => {
  const center = await startTestCenter(t)
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock })
  const sink = new TestSink()
  edge.uplink.infer(ask('turn-1'), sink)
  const { run } = await center.book.submits.next()
  const { greet } = center
  center.greet = (call) => call.emit('error', new Error('not now'))
  await assert.rejects(edge.uplink.renew(signal), { code: 'unavailable' })
  center.greet = greet
  run.say('still here')
  run.finish()
  const end = await sink.ended
  assert.ok('result' in end && end.result.text === 'still here')
  assert.equal(edge.uplink.link.s, 'ready')
  for (let passed = 0; passed < 600_000; passed += 10_000) {
    await center.heartbeats.next()
    clock.advance(10_000)
  }
  await edge.states.first((state) => state.s === 'ready' && state.generation === 2n)
  assert.equal(center.registrar.renewals.all.length, 1)
})

test('an answer with the identity of another edge is refused', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  await edge.reached('ready')
  const { identityFor } = center.registrar
  center.registrar.identityFor = (key) => identityFor.call(center.registrar, key, 'sh-02')
  await assert.rejects(edge.uplink.renew(signal), { code: 'unauthenticated' })
  assert.equal((await keptCertificate(edge.dir))?.subjectAltName, 'URI:spiffe://test.yizhan/edge/bj-01')
})

test('a command renews the certificate once, however often it is sent; others are not known', async (t) => {
  const center = await startTestCenter(t)
  const proxy = await startTestProxy(t, center.linkAddress)
  const edge = await startTestEdge(t, center, { config: { linkAddress: proxy.address } })
  await edge.reached('ready')
  const command = { $typeName: 'yizhan.v1.Command' as const, commandId: 'cmd-1', expiresMs: 0n, actor: 'ops' }
  const renew = { case: 'renew' as const, value: { $typeName: 'yizhan.v1.RenewCommand' as const } }
  center.send({ case: 'command', value: { ...command, command: renew } })
  assert.equal((await center.commandResults.next()).outcome.case, 'done')
  center.send({ case: 'command', value: { ...command, command: renew } })
  assert.equal((await center.commandResults.next()).outcome.case, 'done')
  assert.equal(center.registrar.renewals.all.length, 1)
  center.send({ case: 'command', value: { ...command, commandId: 'cmd-2', command: { case: undefined } } })
  center.send({ case: 'command', value: { ...command, commandId: 'cmd-3', expiresMs: 1n, command: renew } })
  const [unknown, late] = [await center.commandResults.next(), await center.commandResults.next()]
  assert.deepEqual(
    [unknown, late].map(({ outcome }) => (outcome.case === 'failed' ? outcome.value.code : 'done')),
    ['unsupported', 'deadline_exceeded'],
  )
})
