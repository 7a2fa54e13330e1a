import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseThresholds, type HeldOutRow } from './thresholds.js'

function rows(kind: HeldOutRow['kind'], count: number, from: number, to: number): HeldOutRow[] {
  return Array.from({ length: count }, (_, i) => ({ kind, score: from + ((to - from) * i) / count }))
}

test('without held-out rows the thresholds are fixed and ordered', () => {
  const { keen, balanced, careful } = chooseThresholds([], 'examples')
  assert.ok(keen.accept < balanced.accept && balanced.accept < careful.accept)
  for (const { accept, askBack } of [keen, balanced, careful]) assert.ok(askBack > 0 && askBack < accept)
})

test('with many rows the threshold lies between what is right and what is foreign', () => {
  const { balanced } = chooseThresholds(
    [...rows('right', 5000, 0.7, 1), ...rows('foreign', 1000, 0.1, 0.6), ...rows('background', 1000, 0, 0.2)],
    'examples',
  )
  assert.ok(balanced.accept > 0.58 && balanced.accept < 0.72, `${balanced.accept}`)
})

const OVERLAPPING = [
  ...rows('right', 4000, 0.2, 1),
  ...rows('wrong', 200, 0.1, 0.6),
  ...rows('foreign', 2000, 0, 0.8),
]

test('where right and foreign overlap, keen answers more than balanced, and careful less', () => {
  for (const source of ['validation', 'examples'] as const) {
    const { keen, balanced, careful } = chooseThresholds(OVERLAPPING, source)
    assert.ok(keen.accept < balanced.accept, `${source}: ${keen.accept} ${balanced.accept}`)
    assert.ok(balanced.accept < careful.accept, `${source}: ${balanced.accept} ${careful.accept}`)
  }
})

test('more is dared on validation texts than on examples that were held out', () => {
  const validated = chooseThresholds(OVERLAPPING, 'validation')
  const heldOut = chooseThresholds(OVERLAPPING, 'examples')
  for (const point of ['keen', 'balanced', 'careful'] as const) {
    assert.ok(validated[point].accept < heldOut[point].accept, point)
  }
})

test('a few rows move the threshold only a little', () => {
  const none = chooseThresholds([], 'examples').balanced.accept
  const few = chooseThresholds([...rows('right', 5, 0.9, 1), ...rows('foreign', 5, 0.8, 0.85)], 'examples')
    .balanced.accept
  assert.ok(few > none && few < none + 0.1, `${none} ${few}`)
})
