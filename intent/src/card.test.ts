import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { encodeModel, parseModelCard } from './card.js'
import { smallModel } from './testing/small-tenant.js'

const refused = (error: unknown) => error instanceof YizhanError && error.code === 'invalid_argument'

async function cardBytes(): Promise<Uint8Array> {
  return encodeModel(await smallModel()).get('bundle.json') ?? new Uint8Array()
}

test('a card that is no JSON, no UTF-8 or not of the schema is refused', async () => {
  const card = JSON.parse(Buffer.from(await cardBytes()).toString()) as Record<string, unknown>
  const bad: unknown[] = [
    null,
    [],
    {},
    { ...card, format: 2 },
    { ...card, extra: 1 },
    { ...card, labels: [] },
    { ...card, labels: ['a', 'a', 'oos'], exact: ['', '', ''] },
    { ...card, labels: ['oos', 'a'], exact: ['', ''] },
    { ...card, labels: ['a', 'b'], exact: ['', ''] },
    { ...card, exact: [] },
    { ...card, exact: (card.exact as string[]).map(() => 'xyz') },
    { ...card, dim: 0 },
    { ...card, dataDigest: 'no' },
    { ...card, thresholds: { balanced: { accept: 0.5, askBack: 0.3 } } },
    { ...card, thresholds: { ...(card.thresholds as object), keen: { accept: 0.2, askBack: 0.3 } } },
    { ...card, featurizer: { ...(card.featurizer as object), maxChars: 1e9 } },
  ]
  for (const value of bad) {
    assert.throws(
      () => parseModelCard(Buffer.from(JSON.stringify(value))),
      refused,
      JSON.stringify(value).slice(0, 99),
    )
  }
  assert.throws(() => parseModelCard(new Uint8Array()), refused)
  assert.throws(() => parseModelCard(Buffer.from([0xff, 0xfe, 0x7b])), refused)
  assert.throws(() => parseModelCard(Buffer.from('{"__proto__":{}}')), refused)
  assert.throws(() => parseModelCard(Buffer.alloc(8 * 1024 * 1024 + 1, 0x20)), refused)
})

test('a card is read back as it was written', async () => {
  const trained = await smallModel()
  const card = parseModelCard(await cardBytes())
  assert.deepEqual(card.labels, trained.labels)
  assert.deepEqual(card.exact, trained.exact)
  assert.deepEqual(card.thresholds, trained.thresholds)
  assert.deepEqual(card.featurizer, trained.featurizer)
  assert.equal(card.dataDigest, trained.dataDigest)
  assert.equal(card.dim, trained.network.dim)
})

test('no example is written into a bundle', async () => {
  const text = Buffer.from(await cardBytes()).toString()
  assert.ok(!/vpn (?!")|密码|toner/i.test(text.replaceAll('it.vpn', '')))
})
