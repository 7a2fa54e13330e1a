import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CARD_FILE,
  encodeEncoder,
  encodeModel,
  parseModelCard,
  type Slot,
  servableModel,
  trainEncoderHead,
} from '@yizhan/intent'
import { SMALL_TENANT, seededRandom, smallEncoder, smallModel } from '@yizhan/intent/testing'
import { asTenantId, silentLogger, systemClock, type TenantId } from '@yizhan/kernel'
import { prefill, readSlot } from '../slots/index.js'
import { INTENT_SERVICE_DEFAULTS, startIntentService } from './intent-service.js'
import { testRoot, writeBundle } from './testing.js'

const acme = asTenantId('acme') as TenantId
const globex = asTenantId('globex') as TenantId
const { signal: never } = new AbortController()
const SEED = 20261128

/** What texts from hostile or broken clients are made of. */
const PIECES = [
  ...[
    '',
    ' ',
    '\u0000',
    '\u0007',
    '\u001b[2J',
    '\r\n\t',
    '\u200b\u200d\ufeff',
    '\ud800',
    '\udc00',
    '\udfff\ud800',
  ],
  ...[
    '😀',
    '👨‍👩‍👧‍👦',
    '🇨🇳',
    '\u{1f3ff}',
    '\u202e',
    '\u2067',
    'مرحبا بالعالم',
    'שלום',
    'นี่คือ',
    'ကျေးဇူး',
    'Ελλάδα',
    'İstanbul',
  ],
  ...[
    '怎么连',
    'VPN',
    '打印机',
    '３',
    '㍿',
    'ﷺ',
    'ǆ',
    'ß',
    'e\u0301',
    '\u0316\u0301',
    '\ufdfa',
    '𝔘𝔫𝔦',
    '\u1680',
    '\u2028',
  ],
  ...[
    'null',
    '__proto__',
    '[CLS]',
    '[PAD]',
    '##s',
    '$x',
    '{from}',
    '%00',
    '1e999',
    '-0',
    '2026-02-30',
    '下周三下午三点',
  ],
]

function textsOf(count: number): string[] {
  const random = seededRandom(SEED)
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T
  return Array.from({ length: count }, () => {
    const pieces = Array.from({ length: Math.floor(random() * 12) }, () =>
      pick(PIECES).repeat(1 + Math.floor(random() ** 6 * 400)),
    )
    return pieces.join(pick(['', ' ', '\u3000', '\u0000']))
  })
}

const HUGE = ['x', '哈', '😀', '\ud800', '\u202e', 'a\u0301', 'ab ', '\u0000', '1,', 'ﷺ', '[MASK] '].map(
  (piece) => piece.repeat(Math.ceil((1024 * 1024) / piece.length)),
)

test('any text has a decision, of either kind of model, and the next text too', async (t) => {
  const root = await testRoot(t)
  const service = await startIntentService(
    { log: silentLogger(), clock: systemClock, tried: { has: () => true, add: async () => undefined } },
    { ...INTENT_SERVICE_DEFAULTS, classifyMs: 30_000 },
  )
  t.after(() => service.stop('test ended'))
  const hashed = await writeBundle(root, acme, encodeModel(await smallModel()))
  const deps = { clock: systemClock }
  const head = await trainEncoderHead(deps, {
    encoder: smallEncoder(),
    examples: SMALL_TENANT,
    signal: never,
  })
  const encoder = await writeBundle(root, globex, encodeEncoder(head))
  await service.load(acme, hashed.dir, hashed.digest)
  await service.load(globex, encoder.dir, encoder.digest)
  for (const text of [...textsOf(300), ...HUGE]) {
    for (const [tenant, { digest }] of [
      [acme, hashed],
      [globex, encoder],
    ] as const) {
      const { intent, score, top } = await service.classify(tenant, digest, text, never)
      assert.ok(
        score >= 0 && score <= 1 && intent !== '' && top.length <= 3,
        JSON.stringify(text.slice(0, 80)),
      )
    }
  }
  assert.equal((await service.classify(acme, hashed.digest, '打印机卡纸', never)).intent, 'it.printer')
})

test('the same text gives the same input of the network, whatever was read before it', async () => {
  const files = encodeModel(await smallModel())
  const { maxFeatures, buckets } = parseModelCard(files.get(CARD_FILE) ?? assert.fail()).featurizer
  const [one, other] = [servableModel(files).codec, servableModel(files).codec]
  for (const text of textsOf(300)) {
    other.encode(`${text} before`)
    const encoded = one.encode(text)
    assert.deepEqual(encoded, other.encode(text))
    if (encoded.s !== 'features' || typeof encoded.features === 'string') continue
    const { ids, weights } = encoded.features
    assert.ok(ids.length > 0 && ids.length <= maxFeatures && ids.length === weights.length)
    assert.ok(ids.every((id) => id >= 0 && id < buckets) && weights.every(Number.isFinite))
  }
})

test('any text is an answer to any slot or none, and fills in what fits its type', () => {
  const types = ['text', 'number', 'percent', 'date', 'time', 'datetime', 'choice', 'name'] as const
  const slots: Slot[] = types.map((type) => ({
    name: type,
    type,
    ask: { en: '?' },
    ...(type === 'choice' ? { options: [{ value: 'vpn', label: { en: 'VPN' } }] } : {}),
    ...(type === 'name' ? { names: [{ value: '打印机', also: ['printer'] }] } : {}),
  }))
  const today = { wallMs: Date.UTC(2026, 10, 28), locale: 'zh-CN', timezone: 'Asia/Shanghai' }
  const forms: Readonly<Partial<Record<Slot['type'], RegExp>>> = {
    number: /^-?\d+(\.\d+)?(e[+-]?\d+)?$/,
    percent: /^-?\d+(\.\d+)?(e[+-]?\d+)?$/,
    date: /^\d{4}-\d{2}-\d{2}$/,
    time: /^\d{2}:\d{2}$/,
    datetime: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}[+-]\d{2}:\d{2}$/,
    choice: /^vpn$/,
    name: /^打印机$/,
  }
  for (const text of [...textsOf(400), ...HUGE]) {
    for (const slot of slots) {
      const answer = readSlot(slot, text, today)
      if (answer.is === 'value')
        assert.match(answer.value, forms[slot.type] ?? /./su, JSON.stringify(text.slice(0, 80)))
    }
    for (const [name, value] of prefill(slots, text, today)) {
      assert.match(value, forms[name as Slot['type']] ?? /./su, JSON.stringify(text.slice(0, 80)))
    }
  }
})
