import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from './errors.js'
import { canonicalJson, parseJson, sha256Hex } from './json.js'

const refused = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'invalid_argument'

test('what JSON has no form for is refused rather than changed', () => {
  const loop: Record<string, unknown> = {}
  loop.self = loop
  const bad = [
    NaN,
    Infinity,
    1n,
    undefined,
    () => 1,
    Symbol('x'),
    new Date(0),
    new Map(),
    Buffer.of(1),
    '\ud800',
    loop,
  ]
  for (const value of bad) assert.throws(() => canonicalJson(value), refused)
  assert.throws(() => canonicalJson([undefined]), refused)
  assert.throws(() => canonicalJson({ '\udc00': 1 }), refused)
})

test('keys are sorted by code unit at every level, whatever order they were written in', () => {
  const one = { b: 1, a: { d: [3, { z: 1, y: 2 }], c: null }, '€': 1, '\r': 1, '😂': 1, '\ufb33': 1 }
  const two = { '\ufb33': 1, '😂': 1, '\r': 1, '€': 1, a: { c: null, d: [3, { y: 2, z: 1 }] }, b: 1 }
  const text = canonicalJson(one)
  assert.equal(text, canonicalJson(two))
  // The order of RFC 8785, section 3.2.3: surrogates sort before U+FB33.
  assert.equal(text, '{"\\r":1,"a":{"c":null,"d":[3,{"y":2,"z":1}]},"b":1,"€":1,"😂":1,"\ufb33":1}')
})

test('absent and undefined members are the same; numbers are written as ECMAScript does', () => {
  assert.equal(canonicalJson({ a: undefined, b: -0 }), canonicalJson({ b: 0 }))
  assert.equal(canonicalJson([1e21, 0.000001, 1e-7, 4.5]), '[1e+21,0.000001,1e-7,4.5]')
  assert.equal(canonicalJson(Object.assign(Object.create(null), { a: '中' })), '{"a":"中"}')
})

test('bad JSON and a __proto__ key at any depth are refused without quoting the text', () => {
  for (const text of [
    '',
    '{',
    '{"token":"hunter2"',
    '{"a":[{"__proto__":{"x":1}}]}',
    '{"\\u005f_proto__":1}',
  ]) {
    assert.throws(
      () => parseJson(text),
      (thrown) => refused(thrown) && !String(thrown).includes('hunter2') && !String(thrown).includes('token'),
    )
  }
  assert.deepEqual(parseJson('{"a":[1,null]}'), { a: [1, null] })
})

test('sha256Hex agrees for text and its UTF-8 bytes', () => {
  assert.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.equal(sha256Hex('驿站'), sha256Hex(Buffer.from('驿站')))
})
