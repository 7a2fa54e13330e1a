import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sha256Hex, YizhanError } from '@yizhan/kernel'
import {
  bucketOf,
  createFeaturizer,
  DEFAULT_FEATURIZER,
  type Features,
  type FeaturizerConfig,
  featurizerId,
  saltOf,
} from './featurizer.js'

const featurizer = createFeaturizer(DEFAULT_FEATURIZER)

/** Ids in order, and weights to 5 digits: what a deployed model depends on. */
function fingerprint(text: string): string {
  const { ids, weights } = featurizer.featurize(text)
  const rounded = Array.from(weights, (weight) => weight.toFixed(5))
  return `${ids.length}:${sha256Hex(`${ids.join()};${rounded.join()}`).slice(0, 16)}`
}

// A change here breaks every deployed model: it needs a new featurizer version, not new vectors.
const GOLDEN: Readonly<Record<string, string>> = {
  vpn: '12:73432c395231e7c5',
  '怎么连 VPN？': '21:f948e943502b3115',
  'How do I connect to the VPN?': '78:65f3f5383dd261f7',
  '报错 #619 怎么办': '22:d712f4b13d9516f8',
  "what's the wi-fi password": '80:dc49794321da2b3e',
  我要请假: '13:17ff60208918b945',
  ﾃｽﾄを実行: '19:e3a813bb23df45bf',
  'Größe ändern': '45:f603058be6acc2fc',
  'как подключиться': '60:6163f12b3172ae00',
  '👍 好的': '11:29cb3a6f7bf4dc5a',
  a: '5:a1d7951b6f25859c',
  'C++ 007': '12:7fcb6c32086a9a5c',
  ขอลาป่วย: '25:df137fea828f3636',
  'the the the the': '13:08c0021d86530a8d',
  𠮷野家在哪里: '19:501037728ba6f6ed',
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
    assert.equal(weights.length, ids.length)
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

test('an unknown number behind a question takes little of its say, in any script', () => {
  for (const text of ['我想请假', 'i want to take leave', '怎么连 VPN']) {
    const alone = featurizer.featurize(text)
    const numbered = featurizer.featurize(`${text} 17`)
    assert.ok(cosine(alone, numbered) > 0.8, `${text}: ${cosine(alone, numbered)}`)
  }
})

test('the same letters as a word and as Chinese text are different features', () => {
  const latin = new Set(featurizer.featurize('vpn').ids)
  const chinese = featurizer.featurize('连接').ids
  assert.ok(chinese.every((id) => !latin.has(id)))
})

test('traditional characters are read as simplified ones, unless the config says otherwise', () => {
  for (const [traditional, simplified] of [
    ['我要請假', '我要请假'],
    ['電腦連不上網絡', '电脑连不上网络'],
    ['發票報銷', '发票报销'],
  ] as const) {
    assert.deepEqual(featurizer.featurize(traditional), featurizer.featurize(simplified))
    const apart = createFeaturizer({ ...DEFAULT_FEATURIZER, foldTraditional: false })
    assert.notDeepEqual(apart.featurize(traditional).ids, apart.featurize(simplified).ids)
    assert.deepEqual(apart.featurize(simplified), featurizer.featurize(simplified))
  }
})

test('every member has rows of its own, and hashes what collides in another apart', () => {
  const two = createFeaturizer({ ...DEFAULT_FEATURIZER, members: 2, buckets: 256 })
  const text = Array.from({ length: 60 }, (_, i) => `word${i}`).join(' ')
  const { ids, weights } = two.featurize(text)
  assert.equal(ids.length, 2 * weights.length)
  const first = ids.subarray(0, weights.length)
  const second = ids.subarray(weights.length).map((id) => id - 256)
  assert.ok([...first, ...second].every((id) => id >= 0 && id < 256))
  const together = first.findIndex((id, i) => first.indexOf(id) < i)
  const other = first.indexOf(first[together] ?? -1)
  assert.notEqual(second[together], second[other])
  assert.deepEqual(createFeaturizer({ ...DEFAULT_FEATURIZER, buckets: 256 }).featurize(text).ids, first)
})

test('training sees the n-grams that serving hashes', () => {
  for (const text of Object.keys(GOLDEN)) {
    const { hashes, weights } = featurizer.ngrams(text)
    const served = featurizer.featurize(text)
    const salt = saltOf(DEFAULT_FEATURIZER, 0)
    assert.deepEqual(
      served.ids,
      hashes.map((hash) => bucketOf(hash, salt, DEFAULT_FEATURIZER.buckets)),
    )
    assert.deepEqual(served.weights, weights)
  }
})

test('a config has one name, and another config another', () => {
  assert.equal(featurizerId({ ...DEFAULT_FEATURIZER }), featurizerId(DEFAULT_FEATURIZER))
  assert.notEqual(featurizerId({ ...DEFAULT_FEATURIZER, salt: 2 }), featurizerId(DEFAULT_FEATURIZER))
})

test('a config that is not valid is refused', () => {
  const bad: unknown[] = [
    { ...DEFAULT_FEATURIZER, version: 1 },
    { ...DEFAULT_FEATURIZER, members: 5 },
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

function cosine(a: Features, b: Features): number {
  const weightOf = new Map(Array.from(b.ids, (id, i) => [id, b.weights[i] as number]))
  return a.ids.reduce((sum, id, i) => sum + (a.weights[i] as number) * (weightOf.get(id) ?? 0), 0)
}
