import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LETTERS_WEIGHT, questionOf } from './question.js'
import { PREFIX_WEIGHT, termsOf } from './terms.js'

/** The places of each word, by the terms that hold all of one or the character itself. */
const wordsOf = (text: string) =>
  questionOf(text).words.map(({ places }) => places.map(([holder]) => holder?.term ?? '').join(''))

test('in a question two characters of two words count less than two of one', () => {
  const { terms } = questionOf('研究人员使用氧气')
  for (const inside of ['研究', '人员', '使用', '氧气']) assert.equal(terms.get(inside), 1, inside)
  for (const across of ['究人', '员使', '用氧']) assert.equal(terms.get(across), 0.5, across)
})

test('beside characters a term of letters counts as much as a short word, elsewhere as it is', () => {
  assert.equal(questionOf('怎么连 VPN').terms.get('vpn'), LETTERS_WEIGHT)
  assert.equal(questionOf('2024 年的预算').terms.get('2024'), LETTERS_WEIGHT)
  assert.deepEqual(questionOf('connect the VPN in 2024').terms, termsOf('connect the VPN in 2024'))
})

test('words are those of a dictionary, and names that it lacks; particles and marks are none', () => {
  assert.deepEqual(wordsOf('研究人员使用氧气吗？'), ['研究', '人员', '使用', '氧气'])
  assert.deepEqual(wordsOf('杰克逊维尔在哪里'), ['杰克逊维尔'])
  assert.deepEqual(wordsOf('年假，年假'), ['年假'])
  assert.equal(questionOf('年假，年假').words[0]?.weight, 2)
  assert.deepEqual(wordsOf('？！是谁'), [])
  assert.deepEqual(wordsOf(''), [])
})

test('a word of letters is its stem and, at a small weight, its beginnings', () => {
  assert.deepEqual(
    questionOf('连接 printers').words.map(({ weight, places }) => [places[0]?.[0]?.term, weight]),
    [
      ['printer', 1],
      ['^prin', PREFIX_WEIGHT],
      ['^print', PREFIX_WEIGHT],
      ['连', 1],
    ],
  )
})

test('a character is held by itself in part, by a bigram of its word whole', () => {
  const held = questionOf('报销').words.flatMap(({ places }) =>
    places.map((holders) => holders.map(({ term, share }) => `${term} ${share}`)),
  )
  assert.deepEqual(held, [
    ['报 0.5', '报销 1'],
    ['销 0.5', '报销 1'],
  ])
})

test('bytes that are no text give a question that asks nothing, or little, and never an error', () => {
  for (const text of [
    '',
    '\u0000',
    '\ud800',
    '𠮷 x',
    '𠮷𠮷',
    '__proto__',
    'ﾌﾟﾘﾝﾀ',
    'x'.repeat(10_000),
    '的'.repeat(2_000),
  ]) {
    const { terms, words } = questionOf(text)
    for (const { weight, places } of words) {
      assert.ok(weight > 0 && places.length > 0)
      for (const { term } of places.flat()) assert.ok(terms.has(term))
    }
  }
})
