import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exactKey, MAX_NORMALISED, normalise } from './normalise.js'
import { seededRandom } from './random.js'

const HOSTILE = [
  '',
  '\u0000',
  '\ud800',
  'a\udc00b',
  '👍🏽',
  '\u200b\u200e\ufeff',
  'ﷺ'.repeat(MAX_NORMALISED),
  `a${'\u0301\u0316'.repeat(500_000)}`,
  'x'.repeat(1024 * 1024),
  `${'a'.repeat(MAX_NORMALISED - 1)}😀`,
]

test('no text is too strange to be normalised, and the result stays what it is', () => {
  for (const text of HOSTILE) {
    const once = normalise(text)
    assert.equal(normalise(once), once, JSON.stringify(text.slice(0, 20)))
    assert.ok(once.length <= MAX_NORMALISED)
    assert.ok(!/\p{Surrogate}/u.test(once))
  }
})

test('what is normalised twice is the same, for every character alone and beside a letter', () => {
  for (let code = 0; code < 0x3_0000; code++) {
    const char = String.fromCodePoint(code)
    for (const text of [char, `a${char}b`, char + char]) {
      const once = normalise(text)
      if (normalise(once) !== once) assert.fail(`U+${code.toString(16)}: ${JSON.stringify(once)}`)
    }
  }
})

test('width, case, quotes and white space do not matter, Chinese stays', () => {
  assert.equal(normalise('  ＶＰＮ\t怎么\n\n连？ '), 'vpn 怎么 连?')
  assert.equal(normalise('What’s “NEW”'), 'what\'s "new"')
  assert.equal(normalise('ﾃｽﾄ'), 'テスト')
  assert.equal(normalise('soft\u00adhyphen\u0000nul'), 'softhyphen nul')
})

test('a text of plain characters comes out as it does with others around it', () => {
  const plain = [...'azAZ07!@[~\'" 、。一请鿿，！？：；（）']
  const random = seededRandom(1)
  for (let i = 0; i < 5_000; i++) {
    const chars = Array.from({ length: 1 + Math.floor(random() * 8) }, () =>
      Math.floor(random() * plain.length),
    )
    const text = chars.map((at) => plain[at]).join('')
    // A letter of full width sends it the long way.
    assert.equal(normalise(`x${text}xＸ`), `${normalise(`x${text}x`)}x`)
    assert.equal(normalise(`Ｘ${text}Ｘ`).slice(1, -1).trim(), normalise(text))
  }
})

test('of a long run of combining marks thirty are kept, for sorting more is slow', () => {
  assert.equal(normalise(`x${'\u0316'.repeat(2000)}y`), `x${'\u0316'.repeat(30)}y`)
})

test('the exact key leaves out closing marks and the spaces between Chinese and Latin, nothing else', () => {
  const key = (text: string) => exactKey(normalise(text))
  assert.equal(key('怎么连 VPN？'), key('怎么连vpn'))
  assert.equal(key('How do I connect?!'), key('how do i connect'))
  assert.equal(key('请稍等……'), key('请稍等'))
  assert.notEqual(key('报错 #619'), key('报错 619'))
  assert.notEqual(key('a b'), key('ab'))
  assert.match(key('vpn') ?? '', /^[0-9a-f]{16}$/)
})

test('a text of closing marks alone has no exact key', () => {
  for (const text of ['', '   ', '？！', '...', '\u0000']) assert.equal(exactKey(normalise(text)), undefined)
})
