import assert from 'node:assert/strict'
import test from 'node:test'
import { errorOf, resultOf, submitted } from './testing/asked.js'
import { startTestCenter } from './testing/center.js'
import { ask, startTestEdge } from './testing/edge.js'
import { TestSink } from './testing/sink.js'

test('frames of an old generation and of unknown requests are dropped', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  const stale = {
    case: 'tokens' as const,
    value: { $typeName: 'yizhan.v1.Tokens' as const, seq: 1, text: 'stale' },
  }
  run.send(stale, 1, 0n)
  run.say('fresh')
  run.finish()
  assert.equal((await resultOf(sink)).text, 'fresh')
  run.say('after the end')
  const next = await submitted(center, edge, 'turn-2')
  next.run.finish()
  await resultOf(next.sink)
  const text = await edge.metrics.render()
  assert.match(text, /stream="inference",reason="generation"\} 1/)
  assert.match(text, /stream="inference",reason="request"\} 1/)
})

test('a piece that comes twice is told once', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  run.say('one ')
  run.tokens(1, 'one ')
  run.say('two')
  run.finish()
  assert.equal((await resultOf(sink)).text, 'one two')
  assert.deepEqual(sink.pieces, ['1/1', '1/2'])
})

test('a gap is mended by a resume after the last good piece', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  run.say('one ')
  run.pieces.push('two ', 'three')
  run.tokens(3, 'three')
  const again = await center.book.submits.next()
  assert.equal(again.submit.resume?.seq, 1)
  run.finish()
  assert.equal((await resultOf(sink)).text, 'one two three')
  assert.deepEqual(sink.pieces, ['1/1', '1/2', '1/3'])
})

test('what was under way when a gap was seen does not count as more gaps', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  run.pieces.push('a', 'b', 'c', 'd', 'e')
  for (const seq of [2, 3, 4, 5]) run.tokens(seq, run.pieces[seq - 1] ?? '')
  await center.book.submits.next()
  run.finish()
  assert.equal((await resultOf(sink)).text, 'abcde')
  assert.match(await edge.metrics.render(), /yizhan_inference_faults_total 1/)
})

test('an altered text is fetched again; the reader hears no piece twice', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  run.pieces.push('right')
  run.tokens(1, 'wrong')
  run.finish()
  const again = await center.book.submits.next()
  assert.deepEqual([again.submit.resume?.attempt, again.submit.resume?.seq], [1, 0])
  run.finish()
  assert.equal((await resultOf(sink)).text, 'right')
  assert.deepEqual(sink.pieces, ['1/1'])
})

test('an answer that arrives damaged three times fails as data_corrupt, and the center is told to stop', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  for (let i = 0; i < 3; i++) {
    if (i > 0) await center.book.submits.next()
    run.finish(Buffer.alloc(32))
  }
  assert.equal((await errorOf(sink)).code, 'data_corrupt')
  assert.equal((await center.book.cancels.next()).id, 'turn-1')
  assert.equal(sink.ends, 1)
})

test('an answer without end is cut off at the limit', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  for (let i = 0; i < 9; i++) run.say('x'.repeat(32 * 1024))
  assert.equal((await errorOf(sink)).code, 'too_large')
  assert.equal(sink.text.length, 256 * 1024)
})

test('a request that is too large for a frame fails by itself and leaves the others alone', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  const large = new TestSink()
  edge.uplink.infer(ask('turn-2', 'x'.repeat(300 * 1024)), large)
  assert.equal((await errorOf(large)).code, 'too_large')
  run.say('still here')
  run.finish()
  assert.equal((await resultOf(sink)).text, 'still here')
  assert.equal(center.book.submits.all.length, 1)
})
