import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from './random.js'
import { Arena, createKernels } from './vector-kernels.js'

const random = seededRandom(5)

function pair(length: number) {
  const kernels = createKernels(2 * 4 * length)
  const arena = new Arena(kernels.memory)
  const [a, b] = [arena.floats(length), arena.floats(length)]
  for (let i = 0; i < length; i++) {
    a[i] = random() - 0.5
    b[i] = random() - 0.5
  }
  return { kernels, a, b }
}

test('a place outside the memory is an error, not a wrong number', () => {
  const { kernels } = pair(4)
  assert.throws(() => kernels.dot(0, 0xffff_fff0, 16), /out of bounds/)
  assert.throws(() => kernels.addScaled(0x7fff_0000, 0, 1, 16), /out of bounds/)
})

test('sums are those of plain arithmetic, at every length', () => {
  for (const length of [4, 8, 12, 64, 128, 152]) {
    const { kernels, a, b } = pair(length)
    let sum = 0
    for (let i = 0; i < length; i++) sum += (a[i] as number) * (b[i] as number)
    assert.ok(Math.abs(kernels.dot(a.byteOffset, b.byteOffset, length * 4) - sum) < 1e-5, `${length}`)
    const expected = a.map((value, i) => value + Math.fround(0.37) * (b[i] as number))
    kernels.addScaled(a.byteOffset, b.byteOffset, 0.37, length * 4)
    for (let i = 0; i < length; i++) {
      assert.ok(Math.abs((a[i] as number) - (expected[i] as number)) < 1e-6, `${length}: ${i}`)
    }
  }
})

test('what lies behind a row is left alone', () => {
  const kernels = createKernels(1024)
  const arena = new Arena(kernels.memory)
  const [row, next] = [arena.floats(3), arena.floats(4)]
  row.fill(1)
  kernels.addScaled(row.byteOffset, row.byteOffset, 1, 16)
  assert.deepEqual([...row, ...next], [2, 2, 2, 0, 0, 0, 0])
  assert.equal(next.byteOffset % 16, 0)
})
