import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@yizhan/kernel'
import { temporaryDir } from '../ledger/testing.js'
import { acme, startTestEdge, sure } from '../router/testing.js'
import { startCommandLine } from './testing.js'

const file = {
  ...acme,
  intents: {
    ...acme.intents,
    leave: {
      reply: { kind: 'text', text: { en: '{from}, {days}' } },
      slots: [
        { name: 'from', type: 'date', ask: { en: 'From?' } },
        { name: 'days', type: 'number', ask: { en: 'How long?' } },
      ],
    },
  },
} as const

async function startOps(t: TestContext, tenants: Parameters<typeof startTestEdge>[2] = {}) {
  const dir = await temporaryDir(t)
  const edge = await startTestEdge(t, dir, { tenants: [file as unknown as typeof acme], ...tenants })
  const run = await startCommandLine(t, dir, { ...edge, clock: systemClock })
  return { edge, run }
}

test('a tenant that is not served, no tenant at all, and a text that is too long are refused', async (t) => {
  const { run } = await startOps(t)
  const unknown = await run('intents', 'try', 'hi', '--tenant', 'globex')
  assert.equal(unknown.code, 1)
  assert.match(unknown.err, /not_found.*globex/)
  const long = await run('intents', 'try', 'x'.repeat(70_000))
  assert.equal(long.code, 2)
  assert.match(long.err, /invalid_argument|too_large/)
  const { run: empty } = await startOps(t, { tenants: [] })
  assert.match((await empty('intents', 'try', 'hi')).err, /no tenant is served/)
  assert.equal((await empty('intents', 'list')).out.trim(), '')
})

test('a model that gives no answer is told of as it is', async (t) => {
  const { edge, run } = await startOps(t)
  edge.classifier.failing = true
  const failed = await run('intents', 'try', 'hi')
  assert.equal(failed.code, 4)
  assert.match(failed.err, /unavailable/)
})

test('intents try shows the reasoning: scores, thresholds, why, the decision and what was read', async (t) => {
  const { edge, run } = await startOps(t)
  edge.classifier.known.set('Ｌeave from 2026-12-01', sure('leave'))
  edge.classifier.known.set('net', {
    intent: 'it.vpn',
    score: 0.5,
    top: [
      { intent: 'it.vpn', score: 0.5 },
      { intent: 'it.password', score: 0.3 },
    ],
  })
  const sureText = await run('intents', 'try', 'Ｌeave from 2026-12-01', '--lang', 'en')
  assert.equal(sureText.code, 0)
  assert.match(sureText.out, /read as +leave from 2026-12-01\n/)
  assert.match(sureText.out, /97\.0 % +leave/)
  assert.match(sureText.out, /balanced: answer ≥ 80\.0 %, ask back ≥ 40\.0 %/)
  assert.match(sureText.out, /fill in a form/)
  assert.match(sureText.out, /from = 2026-12-01/)
  assert.match(sureText.out, /asks for +days/)
  const doubt = await run('intents', 'try', 'net', '--lang', 'zh')
  assert.match(doubt.out, /最高分介于两个阈值之间/)
  assert.match(doubt.out, /反问是哪一个： it\.vpn it\.password/)
  const json = JSON.parse((await run('intents', 'try', 'off topic', '--json')).out)
  assert.equal(json.because, 'out-of-scope')
  assert.equal(json.decision, 'forward')
  edge.uplink.up = false
  assert.equal(JSON.parse((await run('intents', 'try', 'off topic', '--json')).out).decision, 'queue')
  assert.equal(edge.ledger.recent(10).length, 0, 'nothing was asked')
})

test('a text cannot move the terminal it is shown on', async (t) => {
  const { run } = await startOps(t)
  const { out } = await run('intents', 'try', '\u001b[2Jhi\u202e there')
  assert.ok(!out.includes('\u001b') && !out.includes('\u202e'))
})

test('intents list has what this edge answers for', async (t) => {
  const { run } = await startOps(t)
  const { out } = await run('intents', 'list', '--json')
  const rows = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    rows.find(({ intent }) => intent === 'leave'),
    {
      tenant: 'acme',
      intent: 'leave',
      reply: 'text',
      slots: 'from:date days:number',
      title: '',
      bundle: 'd1',
    },
  )
})
