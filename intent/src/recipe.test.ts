import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobsOf, recipeFor, SMALL_SET } from './recipe.js'
import type { Sample } from './text-set.js'

const texts = (count: number, classes: number, word = 'word'): Sample[] =>
  Array.from({ length: count }, (_, i) => ({ text: `${word} ${i}`, label: i % classes }))

/** Tables, heads and the exact-match keys, in bytes. */
function bytesOf(samples: readonly Sample[], classes: number): number {
  const recipe = recipeFor(samples, classes, 'best', 1)
  const { members, buckets } = recipe.featurizer
  const linear = recipe.linearEpochs > 0 ? buckets * (classes + 4) : 0
  return members * (buckets * (recipe.dim + 4) + classes * recipe.dim * 4) + linear + samples.length * 16
}

test('the best model of any set stays under 5 MB, down to one network', () => {
  for (const [count, classes] of [
    [20, 3],
    [1500, 151],
    [4000, 20],
    [15_000, 151],
    [50_000, 300],
    [100_000, 30],
  ] as const) {
    const bytes = bytesOf(texts(count, classes), classes)
    assert.ok(bytes < 5_000_000, `${count} × ${classes}: ${bytes}`)
  }
  assert.equal(recipeFor(texts(250_000, 3), 3, 'best', 1).featurizer.members, 1)
})

test('few intents leave room for linear machines, many do not, and fast has one network alone', () => {
  assert.ok(recipeFor(texts(4000, 15), 15, 'best', 1).linearEpochs > 0)
  assert.equal(recipeFor(texts(15_000, 151), 151, 'best', 1).linearEpochs, 0)
  const fast = recipeFor(texts(15_000, 151), 151, 'fast', 1)
  assert.equal(jobsOf(fast, 151, 1, 4).length, 1)
})

test('texts without spaces lose fewer n-grams in training', () => {
  const spaced = recipeFor(texts(2000, 5), 5, 'best', 1)
  const unspaced = recipeFor(texts(2000, 5, '请假'), 5, 'best', 1)
  assert.ok(unspaced.inputDropout < spaced.inputDropout)
})

test('every network of a recipe has a seed and a salt of its own, and other seeds give others', () => {
  const samples = texts(5000, 10)
  const jobs = [1, 2].flatMap((seed) => jobsOf(recipeFor(samples, 10, 'best', seed), 10, seed, 4))
  const members = jobs.filter(({ kind }) => kind === 'member')
  assert.equal(new Set(members.map(({ seed }) => seed)).size, members.length)
  assert.equal(new Set(members.map(({ settings }) => settings.salt)).size, members.length)
})

test('a small tenant gets one small network, ten examples of many intents the whole ensemble', () => {
  const small = recipeFor(texts(SMALL_SET, 30), 30, 'best', 1)
  const fewShot = recipeFor(texts(SMALL_SET + 1, 65), 65, 'best', 1)
  assert.equal(small.featurizer.members, 1)
  assert.ok(small.dim < fewShot.dim)
  assert.equal(fewShot.featurizer.members, 4)
  assert.ok(fewShot.epochs > recipeFor(texts(50_000, 65), 65, 'best', 1).epochs)
})
