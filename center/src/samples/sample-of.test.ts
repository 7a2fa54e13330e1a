import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, MessageKind, MessageSchema, toBinary } from '@yizhan/proto'
import type { Turn } from '../ledger/index.js'
import { sampleOf } from './sample-of.js'

type Final = NonNullable<Turn['final']>

const ANSWERED: Final = {
  id: 'r',
  text: '好的',
  state: 'sent',
  at: 1,
  answeredBy: 'edge',
  intent: 'it.vpn',
  score: 0.9,
  accept: 0.5,
  finish: 'stop',
  citations: [],
}
const FORWARDED: Final = { ...ANSWERED, answeredBy: 'center', intent: 'oos', score: 0.8 }

function turnOf(
  final: { [K in keyof Final]?: Final[K] | undefined } | undefined,
  more: { text?: string; kind?: MessageKind; causes?: readonly string[] } & Partial<Turn> = {},
): Turn {
  const { text = '公司班车几点', kind = MessageKind.TEXT, causes = ['text'], ...rest } = more
  const message = create(MessageSchema, { tenantId: 'acme', channelId: 'web', kind, text })
  return {
    id: 't_00000000000000000000000000',
    edge: 'beijing-1',
    epoch: '0000000000000007',
    version: 3,
    state: 'done',
    at: 1,
    cause: '',
    actor: 'edge',
    channel: 'web',
    conversation: 'c',
    receivedAt: 1,
    receivedSeq: '1',
    message: Buffer.from(toBinary(MessageSchema, message)).toString('base64'),
    history: causes.map((cause, version) => {
      return { version, state: 'routed', at: 1, actor: 'edge', cause }
    }),
    omitted: 0,
    ...(final ? { final: { ...ANSWERED, ...final } as Final } : {}),
    ...rest,
  }
}

test('nothing is learnt from a sure answer, from what is no question, and before there is an answer', () => {
  for (const turn of [
    turnOf({}),
    turnOf(undefined),
    turnOf({ ...FORWARDED, intent: 'travel.policy', score: 0.9 }),
    // Of an edge that does not tell its threshold.
    turnOf({ answeredBy: 'center', accept: undefined, score: 0.4 }),
    ...['/status', '7', '👍', ' ', '…?', 'x'.repeat(501)].map((text) => turnOf(FORWARDED, { text })),
    turnOf(FORWARDED, { kind: MessageKind.CARD }),
    turnOf({ score: 1, intent: '/human', accept: undefined }),
  ]) {
    assert.equal(sampleOf(turn), undefined)
  }
})

test('each reason has its sign, and the background is what the center answered without a complaint', () => {
  const down = { rating: 'down', reason: '', at: 2, by: '9' } as const
  for (const [why, turn, background] of [
    [['forwarded'], turnOf(FORWARDED), true],
    [['forwarded'], turnOf({ ...FORWARDED, intent: 'it.vpn', score: 0.4 }), false],
    [['forwarded'], turnOf({ ...FORWARDED, finish: 'no-answer' }), false],
    [['rejected', 'forwarded'], turnOf(FORWARDED, { feedback: down }), false],
    [['rejected'], turnOf({}, { feedback: down }), false],
    [['unsure'], turnOf({ score: 0.55 }), false],
    [['asked-back'], turnOf({ score: 0.4 }, { causes: ['text', 'ask-back'] }), false],
    [['answered-by-person'], turnOf({ answeredBy: 'person' }), false],
  ] as const) {
    const sample = sampleOf(turn)
    assert.deepEqual([sample?.why, sample?.background], [why, background])
    assert.equal(sample?.text, '公司班车几点')
  }
})

test('what a person saw in a question is suggested, for the words of its asker', () => {
  const byModel = { intent: 'hr.bus', score: 0.9, question: '班车时间表' }
  const edited = sampleOf(turnOf(byModel, { causes: ['text', 'edit'] }))
  assert.deepEqual([edited?.why, edited?.suggested, edited?.text], [['edited'], 'hr.bus', '公司班车几点'])
  const unsure = sampleOf(turnOf({ ...byModel, score: 0.3 }, { causes: ['edit'] }))
  assert.equal(unsure?.suggested, undefined)

  const byHand = { intent: 'hr.bus', score: 1, accept: undefined }
  const routed = sampleOf(turnOf(byHand, { causes: ['reroute center', 'reroute intent:hr.bus'] }))
  assert.deepEqual([routed?.why, routed?.suggested], [['rerouted'], 'hr.bus'])
  const away = sampleOf(turnOf(FORWARDED, { causes: ['reroute center'] }))
  assert.deepEqual([away?.why, away?.suggested], [['rerouted', 'forwarded'], undefined])

  const chosen = sampleOf(turnOf({ ...byHand, question: '班车' }, { text: '1' }))
  assert.deepEqual([chosen?.why, chosen?.suggested, chosen?.text], [[], 'hr.bus', '班车'])
})

test('a successor tells what became of the first question', () => {
  const first = turnOf({})
  const edited = turnOf({ intent: 'hr.bus' }, { text: '班车时间表' })
  assert.deepEqual(
    [sampleOf(first, edited)?.why, sampleOf(first, edited)?.suggested, sampleOf(first, edited)?.text],
    [['edited'], 'hr.bus', '公司班车几点'],
  )
  const routed = turnOf({ intent: 'hr.bus', score: 1, accept: undefined })
  assert.deepEqual(
    [sampleOf(first, routed)?.why, sampleOf(first, routed)?.suggested],
    [['rerouted'], 'hr.bus'],
  )
  assert.equal(sampleOf(first, turnOf({})), undefined)
  const answered = { answeredBy: 'person', intent: undefined, score: undefined, accept: undefined }
  assert.deepEqual(sampleOf(first, turnOf(answered))?.why, ['answered-by-person'])
})
