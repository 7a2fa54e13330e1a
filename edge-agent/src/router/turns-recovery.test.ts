import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import { diskFull, faultyHost, temporaryDir, textMessage } from '../ledger/testing.js'
import { acme, heldSkill, startTestEdge, sure } from './testing.js'
import { DISK_RETRY_MS } from './turn-runner.js'

test('a turn of a tenant that was taken away is refused, also after a restart', async (t) => {
  const dir = await temporaryDir(t)
  const held = heldSkill()
  const first = await startTestEdge(t, dir, { skills: [held.skill] })
  first.classifier.known.set('hi', sure('slow'))
  const id = await first.say('hi')
  await first.kill()
  const { tenant: _acme, ...rest } = acme
  const again = await startTestEdge(t, dir, { tenants: [{ ...rest, tenant: 'other' }] })
  assert.match((await again.final(id)).text, /no longer/)
})

test('open turns wait until it is known which tenants are served', async (t) => {
  const dir = await temporaryDir(t)
  const held = heldSkill()
  const first = await startTestEdge(t, dir, { skills: [held.skill] })
  first.classifier.known.set('hi', sure('slow'))
  const id = await first.say('hi')
  await first.kill()
  const again = await startTestEdge(t, dir, { tenants: null })
  again.classifier.known.set('hi', sure('it.vpn'))
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.equal(again.ledger.get(id)?.state, 'received')
  again.tenants.apply([{ id: 'acme', digest: 'd', file: acme }])
  assert.equal((await again.final(id)).text, 'Scan the code')
})

test('local answers that a crash cut off are given after the restart, in order, and none twice', async (t) => {
  const dir = await temporaryDir(t)
  const held = heldSkill()
  const first = await startTestEdge(t, dir, { skills: [held.skill] })
  for (const text of ['q1', 'q2', 'q3']) first.classifier.known.set(text, sure('slow'))
  const ids = [await first.say('q1'), await first.say('q2'), await first.say('q3')]
  await first.until(() => held.waiting.has('q1'))
  held.answer('q1', 'A1')
  await first.until(() => first.ledger.get(ids[0] ?? '')?.state === 'done' && held.waiting.has('q2'))
  await first.kill()
  const later = heldSkill()
  const again = await startTestEdge(t, dir, { skills: [later.skill], classifier: first.classifier })
  await again.until(() => later.waiting.has('q2'))
  later.answer('q2', 'A2')
  await again.until(() => later.waiting.has('q3'))
  later.answer('q3', 'A3')
  await again.final(ids[2] ?? '')
  assert.deepEqual(again.channel.texts, ['A2', 'A3'])
})

test('an end that a crash kept from being told is told after the restart', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir, { linkUp: false })
  const id = await first.say('why')
  await first.until(() => first.ledger.get(id)?.notice)
  await first.ledger.transition(id, { to: 'cancelled', cause: 'command' })
  await first.kill()
  const again = await startTestEdge(t, dir)
  assert.equal((await again.final(id)).text, 'Cancelled.')
  await again.until(() => again.ledger.open().length === 0)
  assert.equal(again.ledger.get(id)?.state, 'cancelled')
})

test('a turn that met a full disk is finished when there is room', async (t) => {
  const host = faultyHost()
  const clock = new ManualClock()
  const waits = new Set<number>()
  const after = clock.after.bind(clock)
  clock.after = (ms, fn) => {
    waits.add(ms)
    return after(ms, fn)
  }
  const edge = await startTestEdge(t, await temporaryDir(t), { host, clock })
  const held = edge.classifier
  held.known.set('vpn', sure('it.vpn'))
  const classify = held.classify.bind(held)
  held.classify = async (tenant, text) => {
    // It was taken: from now on nobody can be told that it was not.
    for (const { id } of edge.ledger.open()) await edge.ledger.durable(id)
    host.fail = diskFull()
    waits.clear()
    return classify(tenant, text)
  }
  const id = await edge.say('vpn')
  await edge.until(() => edge.ledger.get(id)?.state === 'replying')
  // The disk says no in its own time; then the turn waits to be tried again.
  while (!waits.has(DISK_RETRY_MS)) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.deepEqual(edge.channel.shown, [])
  host.fail = undefined
  held.classify = classify
  clock.advance(DISK_RETRY_MS)
  assert.equal((await edge.final(id)).text, 'Scan the code')
})

test('a question whose answer meets a full disk with it is refused, nothing is shown, and it is taken later', async (t) => {
  const host = faultyHost()
  const clock = new ManualClock()
  const edge = await startTestEdge(t, await temporaryDir(t), { host, clock })
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const message = textMessage('vpn')
  host.fail = diskFull()
  const refused = await edge.accept(message)
  assert.equal(refused.outcome === 'refused' && refused.code, 'disk_full')
  await edge.until(() => edge.turns.load.running === 0)
  assert.deepEqual([edge.channel.shown, edge.ledger.open()], [[], []])
  host.fail = undefined
  clock.advance(1_000)
  let outcome = await edge.accept(message)
  while (outcome.outcome !== 'accepted') outcome = await edge.accept(message)
  assert.equal((await edge.final(outcome.turnId)).text, 'Scan the code')
  assert.equal(edge.channel.shown.length, 1)
})
