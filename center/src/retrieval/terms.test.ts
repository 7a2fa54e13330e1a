import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHARACTER_WEIGHT, isCharacters, PREFIX_WEIGHT, questionTermsOf, stem, termsOf } from './terms.js'

/** Without the beginnings of words. */
const words = (text: string) => [...termsOf(text).keys()].filter((term) => !term.startsWith('^'))

test('bytes that are no text, or nothing but marks, give no terms or odd ones, and never an error', () => {
  assert.deepEqual(words(''), [])
  assert.deepEqual(words('？！ -- \u0000 \u200b'), [])
  assert.deepEqual(words('\ud800 vpn'), ['vpn'])
  assert.deepEqual(words('__proto__ constructor'), ['proto', 'constructor'])
  assert.deepEqual(words(`${'A'.repeat(65)} short`), ['short'])
})

test('full-width and upper-case forms are the same term', () => {
  assert.deepEqual(words('ＶＰＮ'), ['vpn'])
  assert.deepEqual(words('VPN'), ['vpn'])
})

test('English forms of a word fold to one term', () => {
  for (const [a, b] of [
    ['policy', 'policies'],
    ['box', 'boxes'],
    ['connect', 'connecting'],
    ['connected', 'connects'],
    ['planned', 'plan'],
    ['size', 'sizes'],
    ['invoice', 'invoiced'],
  ] as const) {
    assert.equal(stem(a), stem(b), `${a} and ${b}`)
  }
  assert.notEqual(stem('bus'), stem('bu'))
  assert.equal(stem('619'), '619')
})

test('what is made of one word shares its beginning, at a small weight', () => {
  const shared = (a: string, b: string) => [...termsOf(a).keys()].filter((term) => termsOf(b).has(term))
  assert.deepEqual(shared('calculate', 'calculation'), ['^calc', '^calcu'])
  assert.equal(termsOf('calculate').get('^calc'), PREFIX_WEIGHT)
  assert.deepEqual(shared('vpn', 'vpns'), ['vpn'])
  assert.deepEqual(shared('2019', '20199'), [])
})

test('a hyphenated word is found in parts and as one', () => {
  assert.deepEqual(words('Wi-Fi'), ['wi', 'fi', 'wifi'])
  assert.deepEqual(words('wifi'), ['wifi'])
  assert.deepEqual(words('A-公司 b'), ['公', '公司', '司', 'b'])
})

test('Chinese becomes bigrams and light single characters, cut at question words', () => {
  assert.deepEqual(
    [...termsOf('怎么连 VPN？')],
    [
      ['连', 1],
      ['vpn', 1],
    ],
  )
  assert.deepEqual([...termsOf('报销单')].sort(), [
    ['单', CHARACTER_WEIGHT],
    ['报', CHARACTER_WEIGHT],
    ['报销', 1],
    ['销', CHARACTER_WEIGHT],
    ['销单', 1],
  ])
  assert.deepEqual(words('什么是年假'), words('年假是什么'))
  assert.equal(termsOf('年假，年假').get('年假'), 2)
  assert.equal(isCharacters('年假'), true)
  assert.equal(isCharacters('vpn'), false)
})

test('in a question two characters of two words count less than two of one', () => {
  const terms = questionTermsOf('研究人员使用氧气')
  for (const inside of ['研究', '人员', '使用', '氧气']) assert.equal(terms.get(inside), 1, inside)
  for (const across of ['究人', '员使', '用氧']) assert.equal(terms.get(across), 0.5, across)
  assert.deepEqual(questionTermsOf('𠮷 x'), termsOf('𠮷 x'))
  assert.deepEqual(questionTermsOf(''), new Map())
})
