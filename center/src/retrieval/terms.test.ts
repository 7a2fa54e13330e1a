import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHARACTER_WEIGHT, isCharacters, PREFIX_WEIGHT, stem, termsOf } from './terms.js'

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

test('what a question asks with is no term, whatever it counts', () => {
  for (const asked of ['哪位经理', '哪一位经理', '哪个经理', '经理是谁'])
    assert.deepEqual(words(asked), words('经理'), asked)
  for (const asked of ['何时报销', '多久报销', '什么时候报销', '报销要多长']) {
    assert.ok(words(asked).includes('报销'), asked)
    assert.equal(
      words(asked).some((term) => /[何时多久长]/.test(term)),
      false,
      asked,
    )
  }
  assert.deepEqual(words('几天'), ['天'])
})

test('a word that holds the character of a particle stays whole, and a particle is cut off', () => {
  for (const [word, ...texts] of [
    ['目的', '出差目的', '目的地'],
    ['了解', '了解流程'],
    ['现在', '现在的职责'],
    ['存在', '存在问题'],
    ['在职', '在职证明'],
    ['在线', '在线报销'],
    ['被告', '被告人'],
    ['自我', '自我评价'],
    ['几何', '几何'],
    ['任何', '任何人'],
    ['多高', '很多高校'],
  ] as const) {
    for (const text of texts) assert.ok(words(text).includes(word), `${word} in ${text}`)
  }
  for (const [cut, text] of [
    ['目的', '项目的预算'],
    ['了解', '提出了解决办法'],
    ['在北', '住在北京'],
    ['被退', '被退回'],
  ] as const) {
    assert.equal(words(text).includes(cut), false, text)
  }
})
