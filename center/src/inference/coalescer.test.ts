import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import { Coalescer, MAX_FRAME_CHARS } from './coalescer.js'

function setUp() {
  const clock = new ManualClock()
  const frames: string[] = []
  const coalescer = new Coalescer(clock, { ms: 15, chars: 10 }, (text) => frames.push(text))
  return { clock, frames, coalescer }
}

test('no frame ends inside a character, and what is no character becomes U+FFFD', () => {
  const { clock, frames, coalescer } = setUp()
  coalescer.add('a\ud83d')
  coalescer.add('\ude00b')
  clock.advance(15)
  coalescer.add('\udc00c')
  clock.advance(15)
  coalescer.add('\ud83d')
  clock.advance(15)
  assert.deepEqual(frames, ['a', '😀b', '\ufffdc'])
  coalescer.end()
  assert.deepEqual(frames, ['a', '😀b', '\ufffdc', '\ufffd'])
  for (const frame of frames) assert.equal(Buffer.from(frame).toString(), frame)
})

test('a huge piece is cut into frames that fit the wire', () => {
  const { frames, coalescer } = setUp()
  const text = `x${'😀'.repeat(MAX_FRAME_CHARS)}`
  coalescer.add(text)
  coalescer.end()
  assert.equal(frames.join(''), text)
  for (const frame of frames) {
    assert.ok(frame.length <= MAX_FRAME_CHARS)
    assert.equal(Buffer.from(frame).toString(), frame)
  }
})

test('the first piece goes on at once, later ones are gathered for a moment or until they are enough', () => {
  const { clock, frames, coalescer } = setUp()
  coalescer.add('1')
  assert.deepEqual(frames, ['1'])
  coalescer.add('2')
  clock.advance(14)
  coalescer.add('3')
  assert.deepEqual(frames, ['1'])
  clock.advance(1)
  assert.deepEqual(frames, ['1', '23'])
  coalescer.add('4')
  coalescer.add('0123456789')
  assert.deepEqual(frames, ['1', '23', '40123456789'])
  assert.equal(clock.pending, 0)
})

test('the end gives on what waits, a drop forgets it', () => {
  const { clock, frames, coalescer } = setUp()
  coalescer.add('1')
  coalescer.add('2')
  coalescer.end()
  coalescer.add('3')
  coalescer.drop()
  clock.advance(100)
  coalescer.end()
  coalescer.add('')
  assert.deepEqual(frames, ['1', '2'])
  assert.equal(clock.pending, 0)
})
