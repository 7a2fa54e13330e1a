import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ModelReport } from '../../models/index.js'
import { directoryOf } from '../testing/directory.js'
import { jsonLines, jsonOf, runLine } from '../testing/run.js'

const REPORT: ModelReport = {
  format: 1,
  tenant: 'acme',
  number: 3,
  digest: 'c'.repeat(64),
  madeAt: 0,
  trainMs: 900,
  operatingPoint: 'balanced',
  accept: 0.5,
  askBack: 0.3,
  against: 'a'.repeat(64),
  examples: { written: 4, taught: 2, background: 1, intents: 2 },
  unseen: { n: 4, right: 0.75, answered: 0.5 },
  intents: [{ intent: 'it.vpn', examples: 2, tests: 1, n: 2, right: 1, answered: 1, takenFor: 'hr.leave' }],
  confusions: [{ intent: 'it.vpn', takenFor: 'hr.leave', n: 1, such: ['<script>alert(1)</script>'] }],
  calibration: [{ from: 0.5, to: 0.6, n: 4, score: 0.55, right: 0.75 }],
  conflicts: [],
  duplicates: [],
  leftOut: [],
  waiting: { n: 0, now: { answered: 0, askedBack: 0, forwarded: 0 } },
  tests: { passed: 1, failed: ['tests/smoke.yaml:2:1 it is not so'] },
  heldOut: { n: 2, right: 1, before: 2, lost: ['t_1'], won: [] },
  changes: { added: ['hr.bus'], removed: [], decisions: [{ text: '班车', from: 'oos', to: 'hr.bus' }] },
}
const CANDIDATE = { version: 3, state: 'candidate', madeAt: '', report: REPORT, lessons: { taught: 2 } }
const LIVE = { version: 2, state: 'in-force', lessons: { taught: 0 } }

test('a verb of two forms is refused without either, and with both', async () => {
  for (const line of [
    ['intents', 'train'],
    ['intents', 'train', '--data', 'x.jsonl'],
    ['intents', 'train', '--tenant', 'acme', '--data', 'x.jsonl', '--out', 'd'],
    ['intents', 'eval', '--bundle', 'd'],
    ['intents', 'eval', '--tenant', 'acme', '--data', 'x.jsonl', '--bundle', 'd'],
    ['intents', 'rollback', '--tenant', 'acme', '--to', '0'],
  ]) {
    const { code, err, asked } = await runLine([...line, '--json'])
    assert.deepEqual([code, asked], [2, []], err)
  }
})

test('a candidate is trained, and its report is a page that runs nothing of what is in it', async (t) => {
  const dir = join(await directoryOf(t, {}), 'report')
  const line = ['intents', 'train', '--tenant', 'acme', '--out', dir]
  const { code, out, err, asked } = await runLine(line, { answer: () => CANDIDATE })
  assert.equal(code, 0, err)
  assert.deepEqual(asked, [{ method: 'POST', path: '/v1/tenants/acme/models/train', body: {} }])
  assert.match(out, /班车\s+oos\s+hr\.bus/)
  assert.match(err, /1 of its tests fail/)
  assert.match(err, /1 of 2 labelled questions right, the one in force 2/)
  assert.deepEqual(JSON.parse(await readFile(join(dir, 'report.json'), 'utf8')), REPORT)
  const page = await readFile(join(dir, 'report.html'), 'utf8')
  assert.match(page, /<circle/)
  assert.doesNotMatch(page, /<script>/)
})

test('versions are listed, compared, published, rolled back and held against questions', async () => {
  const answer = () => ({ versions: [CANDIDATE, LIVE] })
  const list = await runLine(['intents', 'list', '--tenant', 'acme', '--json'], { answer })
  assert.deepEqual(
    jsonLines(list.out).map(({ version, state }) => [version, state]),
    [
      [3, 'candidate'],
      [2, 'in-force'],
    ],
  )
  const diff = await runLine(['intents', 'diff', '--tenant', 'acme', '--json'], { answer })
  assert.deepEqual(jsonOf(diff.out).report, REPORT)
  const none = await runLine(['intents', 'diff', '--tenant', 'acme', '--json'], {
    answer: () => ({ versions: [LIVE] }),
  })
  assert.equal(none.code, 1)

  for (const [words, method, path, body] of [
    [['publish'], 'POST', 'publish', { force: false }],
    [['publish', '--force'], 'POST', 'publish', { force: true }],
    [['rollback'], 'POST', 'rollback', {}],
    [['rollback', '--to', '2'], 'POST', 'rollback', { version: 2 }],
    [['eval', '--number', '2'], 'GET', 'evaluation?version=2', undefined],
  ] as const) {
    const { asked } = await runLine(['intents', ...words, '--tenant', 'acme'], { answer: () => ({}) })
    assert.deepEqual(asked, [{ method, path: `/v1/tenants/acme/models/${path}`, body }])
  }
})

test('questions are listed as far as wanted, and get their label', async () => {
  const sample = (id: string) => ({
    id,
    text: '班车',
    why: ['forwarded'],
    count: 2,
    guess: { intent: 'hr.bus', score: 0.4 },
  })
  const pages = [
    { samples: [sample('t_1'), sample('t_2')], cursor: 'next' },
    { samples: [sample('t_3')], cursor: 'more' },
  ]
  const line = ['intents', 'review', '--tenant', 'acme', '--limit', '3', '--why', 'forwarded']
  const { out, asked } = await runLine(line, { answer: () => pages.shift() })
  assert.deepEqual(
    asked.map(({ path }) => path.split('?')[1]),
    ['why=forwarded&limit=3', 'why=forwarded&limit=1&cursor=next'],
  )
  assert.match(out, /t_3\s+班车\s+2\s+forwarded\s+hr\.bus 0\.40/)
  const label = await runLine(['intents', 'label', 't_1', '--tenant', 'acme', '--intent', 'oos'], {
    answer: () => ({ samples: 2 }),
  })
  assert.deepEqual(label.asked, [
    { method: 'POST', path: '/v1/tenants/acme/samples/t_1/label', body: { intent: 'oos' } },
  ])
})
