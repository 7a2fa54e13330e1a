import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { TestCenter } from './center.js'
import { ask, type TestEdge } from './edge.js'
import { TestSink } from './sink.js'

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

export async function resultOf(sink: TestSink) {
  const end = await sink.ended
  if ('error' in end) throw end.error
  return end.result
}

export async function errorOf(sink: TestSink) {
  const end = await sink.ended
  assert.ok('error' in end, 'the request ended well')
  return end.error
}

/** A request of the edge that the center has, and has not answered yet. */
export async function submitted(center: TestCenter, edge: TestEdge, id = 'turn-1') {
  const sink = new TestSink()
  const handle = edge.uplink.infer(ask(id), sink)
  const { run, submit } = await center.book.submits.next()
  assert.equal(run.id, id)
  return { sink, handle, run, submit }
}
