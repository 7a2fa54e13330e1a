import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { parseTenantFile, type TenantFile } from './tenant-file.js'

const FILE: TenantFile = {
  format: 1,
  tenant: 'acme',
  name: { zh: '安科集团', en: 'Acme Group' },
  languages: ['zh', 'en'],
  operatingPoint: 'balanced',
  messages: {},
  intents: {
    'it.vpn': { reply: { kind: 'text', text: { zh: '扫码登录。', en: 'Scan the code.' } } },
    'travel.policy': { reply: { kind: 'forward', knowledge: ['travel'] }, offline: { zh: '已记下' } },
    'leave.request': { reply: { kind: 'skill', skill: 'leave' } },
  },
}
const parse = (value: unknown) => parseTenantFile(Buffer.from(JSON.stringify(value)))

test('a tenant file that is damaged names every problem by path', () => {
  const bad: [unknown, RegExp][] = [
    [{ ...FILE, format: 2, extra: 1 }, /\/extra.*\/format|\/format.*\/extra/],
    [{ ...FILE, operatingPoint: 'bold' }, /\/operatingPoint/],
    [{ ...FILE, languages: [] }, /\/languages/],
    [{ ...FILE, name: {} }, /\/name/],
    [{ ...FILE, intents: { x: { reply: { kind: 'exec', command: 'rm' } } } }, /\/intents\/x\/reply/],
    [[], /\//],
  ]
  for (const [value, problems] of bad) {
    assert.throws(
      () => parse(value),
      (error) =>
        error instanceof YizhanError && error.code === 'data_corrupt' && problems.test(error.message),
      JSON.stringify(value),
    )
  }
  for (const bytes of [Buffer.from('{'), Buffer.from([0xff]), Buffer.from('{"__proto__":{}}')]) {
    assert.throws(
      () => parseTenantFile(bytes),
      (error) => error instanceof YizhanError && error.code === 'data_corrupt',
    )
  }
})

test('a tenant file is read as it is', () => {
  assert.deepEqual(parse(FILE), FILE)
})
