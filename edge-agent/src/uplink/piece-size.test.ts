import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import { PieceSize } from './piece-size.js'

/** Takes pieces from a line that carries so much, `farMs` away; returns the sizes asked for. */
function sizes(bytesPerSecond: number, pieces: number, farMs = 0): number[] {
  const clock = new ManualClock(0)
  const size = new PieceSize(clock)
  return Array.from({ length: pieces }, () => {
    const { bytes, chunkBytes } = size
    clock.advance(farMs)
    for (let left = bytes; left > 0; left -= chunkBytes) {
      const chunk = Math.min(left, chunkBytes)
      clock.advance((chunk / bytesPerSecond) * 1_000)
      size.arrived(chunk)
    }
    size.done()
    return bytes
  })
}

test('on 64 kbit/s a piece stays at what the line carries in 400 ms', () => {
  assert.deepEqual(sizes(8_000, 4), [4_096, 3_200, 3_200, 3_200])
})

test('on a fast line pieces double up to 256 KiB', () => {
  assert.deepEqual(
    sizes(100e6, 8),
    [4, 8, 16, 32, 64, 128, 256, 256].map((kib) => kib * 1_024),
  )
})

test('a far center is not taken for a thin line', () => {
  assert.equal(sizes(100e6, 8, 600).at(-1), 256 * 1_024)
})

test('on a line that carries next to nothing a piece is still something', () => {
  assert.deepEqual(sizes(100, 3), [4_096, 2_048, 2_048])
})

test('a line that becomes thin is asked for less with the next piece', () => {
  const clock = new ManualClock(0)
  const size = new PieceSize(clock)
  for (let piece = 0; piece < 6; piece++) {
    size.arrived(size.bytes)
    size.done()
  }
  assert.equal(size.bytes, 256 * 1_024)
  size.arrived(32 * 1_024)
  clock.advance(28_000)
  size.arrived(224 * 1_024)
  size.done()
  assert.ok(size.bytes < 4_096, `${size.bytes}`)
})
