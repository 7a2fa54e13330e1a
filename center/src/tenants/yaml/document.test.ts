import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INTENT, linesOf, problemsOf, sourceOf, TENANT, testRefusals } from '../testing/directory.js'

const intent = (body: string) => ({ 'intents/it.yaml': `it.vpn:\n  ask: a question\n${body}` })
const tenantYaml = (more: string) => ({ 'tenant.yaml': TENANT + more })

testRefusals([
  [
    'an intent twice in one file',
    { 'intents/it.yaml': `${INTENT}it.vpn: {ask: x, reply: y}\n` },
    ['intents/it.yaml:6:1 “it.vpn” stands here twice'],
  ],
  [
    'keys that reach a prototype',
    {
      ...tenantYaml('messages: {__proto__: x}\n'),
      'intents/more.yaml': '__proto__: {ask: x, reply: y}\nconstructor: {ask: x, reply: {prototype: y}}\n',
    },
    [
      'intents/more.yaml:1:1 this name cannot be a key',
      'intents/more.yaml:2:1 this name cannot be a key',
      'intents/more.yaml:2:31 this name cannot be a key',
      'tenant.yaml:5:12 this name cannot be a key',
    ],
  ],
  [
    'a tab as indentation',
    { 'intents/it.yaml': 'it.vpn:\n\task: x\n\treply: y\n' },
    [
      'intents/it.yaml:2:1 a tab cannot indent; use spaces',
      'intents/it.yaml:3:1 a tab cannot indent; use spaces',
    ],
  ],
  [
    'a second document',
    { 'intents/it.yaml': `${INTENT}---\nx: y\n` },
    ['intents/it.yaml:6:1 a second document starts here (---)'],
  ],
  [
    'directives and tags',
    { 'intents/it.yaml': `%YAML 1.1\n---\n${INTENT}`, 'tests/t.yaml': '- !!binary aGk=\n' },
    ['intents/it.yaml:1:1 YAML directives (%) are not taken', 'tests/t.yaml:1:3 YAML tags (!) are not taken'],
  ],
  [
    'half a character',
    intent('  reply: "\\ud83d"\n'),
    ['intents/it.yaml:3:10 the text holds half a character (\\ud800 to \\udfff)'],
  ],
])

const FULL_WIDTH_COLON = '“：” is full-width: write “: ” with a space'
const LOOKALIKES: readonly (readonly [string, string, string])[] = [
  [
    'a full-width colon',
    'it.vpn:\n  ask：怎么连\n  reply: x\n',
    `intents/it.yaml:2:3 .*; ${FULL_WIDTH_COLON}`,
  ],
  ['a full-width colon in brackets', 'it.vpn: {ask：怎么连, reply: x}\n', `:1:\\d+ .*; ${FULL_WIDTH_COLON}`],
  [
    'a line that YAML would swallow',
    'it.vpn:\n  ask: x\n  reply: 打开\n    offline：稍后\n',
    `:4:5 YAML joins this line to the text above it; ${FULL_WIDTH_COLON}`,
  ],
  [
    'no space after a colon',
    'it.vpn:\n  ask: x\n  reply:{zh: 好}\n',
    ':3:3 .*; a space is missing after “:”',
  ],
  [
    'full-width quotes',
    'it.vpn:\n  ask: x\n  reply: {zh: “你好, 世界”}\n',
    ':3:\\d+ .*; “ ” do not quote here',
  ],
]
for (const [what, text, expected] of LOOKALIKES) {
  test(`what looks right to a person is named with the fix: ${what}`, async () => {
    assert.match(linesOf(await problemsOf({ 'intents/it.yaml': text })).join('\n'), new RegExp(expected))
  })
}

test('full-width dashes and missing spaces in lists are named with the fix', async () => {
  const test1 = { 'tests/t.yaml': '- {say: a, expect: {by: edge}}\n－ {say: b, expect: {by: edge}}\n' }
  assert.match(linesOf(await problemsOf(test1)).join('\n'), /tests\/t\.yaml:2:1 .*“－” is full-width/)
  const test2 = { 'tests/t.yaml': '-{say: a, expect: {by: edge}}\n' }
  assert.match(
    linesOf(await problemsOf(test2)).join('\n'),
    /tests\/t\.yaml:1:\d+ .*; a space is missing after “-”/,
  )
})

test('texts that only resemble mistakes are taken', async () => {
  const reply =
    '  reply: >-\n    注意：先看 http://a.example\n    12:30 开始，-5 度\n  offline: 请稍后：\n    note – “quoted”\n'
  const { file } = await sourceOf(intent(reply))
  assert.equal(Object.keys(file.intents).length, 1)
})

/** Small files on which a naive reader spends minutes, gigabytes, or the whole stack and with it the process. */
const BOMBS: readonly (readonly [string, string, RegExp])[] = [
  [
    'aliases of aliases',
    [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
      'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
      'd: [*c,*c,*c,*c]',
    ].join('\n'),
    /aliases/,
  ],
  ['an alias of itself', 'a: &a {ask: *a, reply: *a}\n', /a.ask: must be questions/],
  [
    'many anchors',
    Array.from({ length: 5_000 }, (_, i) => `- &a${i} x\n- *a${i}\n`).join(''),
    /more than 100 anchors/,
  ],
  [
    'brackets that never close',
    `x: ${'[ '.repeat(12)}${'{[，'.repeat(150_000)}`,
    /nested deeper|not closed|missing/,
  ],
  ['many texts on one line', `x: [${'a, '.repeat(300_000)}a]`, /x: must be a map/],
  [
    'many wrong entries on one line',
    `{${Array.from({ length: 20_000 }, (_, i) => `x${i}: 1`).join(', ')}}`,
    /must be a map/,
  ],
  ['deep brackets', '['.repeat(20_000), /nested deeper/],
  ['deep maps', '{a: '.repeat(20_000), /nested deeper/],
  ['deep dashes', '- '.repeat(20_000), /nested deeper/],
  ['deep explicit keys', '? '.repeat(20_000), /nested deeper/],
  [
    'deep indentation',
    Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
    /nested deeper/,
  ],
  [
    'a great many keys',
    Array.from({ length: 30_000 }, (_, i) => `Key${i}: x\n`).join(''),
    /must be an intent id/,
  ],
]
for (const [what, text, expected] of BOMBS) {
  test(`ends with a problem and no more: ${what}`, { timeout: 30_000 }, async () => {
    assert.match(linesOf(await problemsOf({ 'intents/it.yaml': text })).join('\n'), expected)
  })
}
