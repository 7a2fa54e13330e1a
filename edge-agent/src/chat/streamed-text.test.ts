import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StreamedText } from './streamed-text.js'

const piece = (attempt: number, seq: number, text: string) => ({ turnId: 't', attempt, seq, text })

test('a repeated or late piece is not shown, a gap ends the showing until the final', () => {
  const stream = new StreamedText()
  assert.deepEqual(stream.take(piece(1, 1, 'a')), { step: 'append', text: 'a' })
  assert.deepEqual(stream.take(piece(1, 1, 'a')), { step: 'none' })
  assert.deepEqual(stream.take(piece(1, 3, 'c')), { step: 'none' })
  assert.deepEqual(stream.take(piece(1, 4, 'd')), { step: 'none' })
  assert.deepEqual(stream.finish('abcd'), { step: 'append', text: 'bcd' })
})

test('a higher attempt replaces what is shown, a lower one is dropped', () => {
  const stream = new StreamedText()
  stream.take(piece(1, 1, 'wrong'))
  assert.deepEqual(stream.take(piece(2, 1, 'right')), { step: 'restart', text: 'right' })
  assert.deepEqual(stream.take(piece(1, 2, '!')), { step: 'none' })
  assert.deepEqual(stream.finish('right'), { step: 'none' })
})

test('who comes into a running answer waits for the final', () => {
  const stream = new StreamedText()
  assert.deepEqual(stream.take(piece(1, 5, 'end')), { step: 'none' })
  assert.deepEqual(stream.finish('the end'), { step: 'append', text: 'the end' })
})

test('a final that says something else than the pieces starts anew', () => {
  const stream = new StreamedText()
  stream.take(piece(1, 1, 'the secret'))
  assert.deepEqual(stream.finish('the ***'), { step: 'restart', text: 'the ***' })
})

const snapshot = (attempt: number, seq: number, text: string) => ({
  ...piece(attempt, seq, text),
  snapshot: true as const,
})

test('a snapshot shows what was missed, and the pieces go on behind it', () => {
  const stream = new StreamedText()
  assert.deepEqual(stream.take(snapshot(1, 3, 'abc')), { step: 'append', text: 'abc' })
  assert.deepEqual(stream.take(piece(1, 3, 'c')), { step: 'none' })
  assert.deepEqual(stream.take(piece(1, 4, 'd')), { step: 'append', text: 'd' })
  assert.deepEqual(stream.take(snapshot(1, 4, 'abcd')), { step: 'none' })
  assert.deepEqual(stream.finish('abcd'), { step: 'none' })
})

test('a snapshot mends a gap, replaces a lower attempt, and is dropped if it is of one', () => {
  const stream = new StreamedText()
  stream.take(piece(1, 1, 'a'))
  stream.take(piece(1, 3, 'c'))
  assert.deepEqual(stream.take(snapshot(1, 3, 'abc')), { step: 'append', text: 'bc' })
  assert.deepEqual(stream.take(snapshot(2, 1, 'x')), { step: 'restart', text: 'x' })
  assert.deepEqual(stream.take(snapshot(1, 9, 'abcdefghi')), { step: 'none' })
  assert.deepEqual(stream.take(piece(2, 2, 'y')), { step: 'append', text: 'y' })
  assert.equal(stream.text, 'xy')
})
