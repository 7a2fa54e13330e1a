import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesOf, withCarriers } from './augment.js'
import { seededRandom } from './random.js'
import { SMALL_SET } from './recipe.js'

test('names without a word are no examples, and no intent without an example gets one', () => {
  const labels = ['007', '__', 'it.vpn', 'leave.request', 'oos']
  const samples = [0, 1, 2, 4].map((label) => ({ text: 'some text', label }))
  assert.deepEqual(namesOf(samples, labels), [{ text: 'it vpn', label: 2 }])
  assert.deepEqual(namesOf([], labels), [])
})

test('a name is read as its words, however they are put together', () => {
  const labels = ['CardLost', 'card_lost-2', 'transfer.into.account', '请假_年假', 'oos']
  const samples = labels.map((_, label) => ({ text: 'some text', label }))
  assert.deepEqual(
    namesOf(samples, labels).map(({ text }) => text.trim()),
    ['Card Lost', 'card lost', 'transfer into account', '请假 年假'],
  )
})

test('samples of a small set are carried in phrases, those of a larger one stay alone', () => {
  const samples = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ text: `$& {} ${i}`, label: 0 }))
  const small = withCarriers(samples(SMALL_SET), seededRandom(1))
  assert.equal(small.length, 4 * SMALL_SET)
  assert.ok(small.every(({ text }) => text.includes('$& {} ')))
  assert.deepEqual(withCarriers(samples(SMALL_SET + 1), seededRandom(1)), samples(SMALL_SET + 1))
})
