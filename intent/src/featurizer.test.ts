import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sha256Hex, YizhanError } from '@yizhan/kernel'
import { createFeaturizer, DEFAULT_FEATURIZER, type FeaturizerConfig } from './featurizer.js'

const featurizer = createFeaturizer(DEFAULT_FEATURIZER)

/** Ids in order, and weights to 5 digits: what a deployed model depends on. */
function fingerprint(text: string): string {
  const { ids, weights } = featurizer.featurize(text)
  const rounded = Array.from(weights, (weight) => weight.toFixed(5))
  return `${ids.length}:${sha256Hex(`${ids.join()};${rounded.join()}`).slice(0, 16)}`
}

// A change here breaks every deployed model: it needs a new featurizer version, not new vectors.
const GOLDEN: Readonly<Record<string, string>> = {
  vpn: '12:837cf4ca82d15901',
  '怎么连 VPN？': '21:14801885478486eb',
  'How do I connect to the VPN?': '72:a1954cb18717f618',
  '报错 #619 怎么办': '31:e25bd4f10c286b8c',
  "what's the wi-fi password": '70:d6d28f58d063531d',
  我要请假: '13:eb97c40dc99bd753',
  ﾃｽﾄを実行: '19:1e0c3965ea290275',
  'Größe ändern': '38:ca4979eeeba98b4b',
  'как подключиться': '49:1a14b521b8c2c417',
  '👍 好的': '11:a7f9e3b8bdab4b6c',
  a: '5:09047e14d8036d27',
  'C++ 007': '21:e3f541a75d0123c3',
  ขอลาป่วย: '25:b3d971860ce1a325',
  'the the the the': '13:42e9dc3a261eff59',
  𠮷野家在哪里: '19:40ddb12768649c1c',
}

test('the features of known texts are the ones that deployed models were trained with', () => {
  const now = Object.fromEntries(Object.keys(GOLDEN).map((text) => [text, fingerprint(text)]))
  assert.deepEqual(now, GOLDEN)
})

test('texts without a word have no features', () => {
  for (const text of ['', '   ', '？！…', '\u0000\u0001', '\u200b', '----']) {
    const { ids, weights } = featurizer.featurize(text)
    assert.equal(ids.length, 0, JSON.stringify(text))
    assert.equal(weights.length, 0)
  }
})

test('a megabyte, lone surrogates and emoji give bounded, finite features', () => {
  const hostile = [
    'x'.repeat(1024 * 1024),
    '汉'.repeat(1024 * 1024),
    Array.from({ length: 200_000 }, (_, i) => `w${i}`).join(' '),
    '\ud800\udc00\ud800',
    '👍🏽😀🎉',
    `a${'\u0301'.repeat(100_000)}`,
  ]
  for (const text of hostile) {
    const { ids, weights } = featurizer.featurize(text)
    assert.ok(ids.length > 0 && ids.length <= DEFAULT_FEATURIZER.maxFeatures)
    assert.equal(new Set(ids).size, ids.length)
    assert.ok(ids.every((id) => id >= 0 && id < DEFAULT_FEATURIZER.buckets))
    const squares = weights.reduce((sum, weight) => sum + weight * weight, 0)
    assert.ok(Math.abs(squares - 1) < 1e-4, `${squares}`)
  }
})

test('what is past maxChars does not count', () => {
  const short = createFeaturizer({ ...DEFAULT_FEATURIZER, maxChars: 10 })
  assert.deepEqual(short.featurize('connect vpn').ids, short.featurize('connect vp').ids)
})

test('spacing, width and case do not change the features', () => {
  assert.deepEqual(featurizer.featurize('怎么连 VPN？'), featurizer.featurize('怎么连ｖｐｎ'))
})

test('the same letters as a word and as Chinese text are different features', () => {
  const latin = new Set(featurizer.featurize('vpn').ids)
  const chinese = featurizer.featurize('连接').ids
  assert.ok(chinese.every((id) => !latin.has(id)))
})

test('a config that is not valid is refused', () => {
  const bad: unknown[] = [
    { ...DEFAULT_FEATURIZER, version: 2 },
    { ...DEFAULT_FEATURIZER, buckets: 0 },
    { ...DEFAULT_FEATURIZER, buckets: 1e9 },
    { ...DEFAULT_FEATURIZER, maxChars: 1e9 },
    { ...DEFAULT_FEATURIZER, stem: true },
    { ...DEFAULT_FEATURIZER, cjkNgrams: [1] },
    { ...DEFAULT_FEATURIZER, wordNgrams: [3, 2] },
  ]
  for (const config of bad) {
    assert.throws(
      () => createFeaturizer(config as FeaturizerConfig),
      (error) => error instanceof YizhanError && error.code === 'invalid_argument',
      JSON.stringify(config),
    )
  }
})
