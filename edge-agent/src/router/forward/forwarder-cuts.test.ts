import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultyHost, temporaryDir } from '../../ledger/testing.js'
import { requested, startTestEdge } from '../testing.js'

const turnOfTheLoop = () => new Promise<void>((resolve) => setImmediate(resolve))

test('the center may forget an answer only once the fsync of the final is through', async (t) => {
  const host = faultyHost()
  const edge = await startTestEdge(t, await temporaryDir(t), { host })
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  request.sink.started(1, 0)
  request.sink.tokens(1, 1, 'Because.')
  await edge.until(() => edge.ledger.get(id)?.state === 'streaming')
  let open: () => void = () => undefined
  host.gate = new Promise((resolve) => {
    open = resolve
  })
  const before = host.writes.length
  request.finish('Because.')
  await edge.until(() => host.writes.length > before)
  for (let i = 0; i < 20; i++) await turnOfTheLoop()
  assert.deepEqual(
    [request.acked, edge.channel.shown.length],
    [false, 0],
    'neither told nor shown before it is on disk',
  )
  host.gate = undefined
  open()
  await edge.until(() => request.acked)
  assert.equal(host.writes[before]?.sync, true)
  assert.equal((await edge.final(id)).text, 'Because.')
})

test('an edge that dies between the answer and its fsync asks for the answer again, and shows one final', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir)
  const id = await first.say('why')
  const request = await requested(first, 1)
  request.sink.started(1, 0)
  request.sink.tokens(1, 1, 'Because.')
  await first.until(() => first.ledger.get(id)?.state === 'streaming')
  await first.kill()
  request.finish('Because.')
  for (let i = 0; i < 20; i++) await turnOfTheLoop()
  assert.equal(request.acked, false)

  const again = await startTestEdge(t, dir, { clock: first.clock })
  const second = await requested(again, 1)
  assert.equal(second.request.requestId, id)
  second.finish('Because.')
  await again.final(id)
  await again.until(() => second.acked)
  assert.equal(again.channel.shown.length, 1)
})
