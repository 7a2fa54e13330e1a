import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textAbove } from './postgres-scan.js'

test('the text above a prefix is the least that no text with the prefix reaches, in the order of bytes', () => {
  const after = (text: string) => Buffer.from(text)
  for (const prefix of ['a', 'a/', '键', 'é', '\u{d7ff}', '\u{ffff}', 'a\u{10ffff}', '\u0001', '~']) {
    const above = textAbove(prefix) ?? assert.fail()
    assert.doesNotMatch(above, /\p{Surrogate}/u)
    assert.ok(Buffer.compare(after(`${prefix}\u{10ffff}\u{10ffff}`), after(above)) < 0)
    assert.ok(!above.startsWith(prefix))
  }
  assert.equal(textAbove('ab'), 'ac')
  assert.equal(textAbove('\u{d7ff}'), '\u{e000}')
  assert.equal(textAbove('a\u{10ffff}\u{10ffff}'), 'b')
})

test('nothing is above a prefix of the last characters, nor above no prefix', () => {
  assert.equal(textAbove('\u{10ffff}'), undefined)
  assert.equal(textAbove(''), undefined)
})
