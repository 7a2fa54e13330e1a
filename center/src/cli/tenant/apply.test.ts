import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { directoryOf, TENANT, VPN } from '../testing/directory.js'
import { type Asked, jsonLines, jsonOf, type Ran, runLine } from '../testing/run.js'

const REPORT = {
  tenant: 'acme',
  version: 4,
  digest: 'd'.repeat(64),
  appliedAt: 1_700_000_000_000,
  intents: 2,
  documents: 1,
  changed: true,
  dryRun: false,
  diff: [
    { kind: 'intent', name: 'it.vpn', change: 'changed', parts: ['questions +2 -1', 'reply'] },
    { kind: 'card', name: 'old', change: 'removed' },
    { kind: 'setting', name: 'name', change: 'changed', parts: ['value'] },
  ],
  kept: [{ kind: 'intent', name: 'it.fax' }],
  examples: 9,
  tests: 3,
  warnings: ['intents/it.yaml:1:1 it.vpn: the intent has 2 questions'],
  trainMs: 1_234,
}
const EDGES = {
  digest: REPORT.digest,
  edges: [
    { edge: 'north', linked: true, applied: true },
    { edge: 'south', linked: false, applied: false },
  ],
}

/** What was sent first. */
function bodyOf({ asked: [first] }: Ran): Record<string, unknown> {
  return { ...Object(first?.body) }
}

function center(report: unknown = REPORT, edges: unknown = EDGES) {
  return ({ path }: Asked) => {
    if (path.startsWith('/v1/tenants/diff')) return { ...REPORT, warnings: [] }
    if (path.startsWith('/v1/tenants/apply')) return report
    return path === '/v1/tenants/acme/edges' ? edges : assert.fail(path)
  }
}

test('what differs, what is kept, what is in force; warnings on stderr', async (t) => {
  const dir = await directoryOf(t)
  const ran = await runLine(['tenant', 'apply', '-f', dir], { answer: center() })
  assert.equal(ran.code, 0)
  assert.deepEqual(ran.out.split('\n'), [
    '~ intent it.vpn: questions +2 -1, reply',
    '- card old',
    '~ setting name',
    'kept: intent it.fax (would be deleted with --prune)',
    'acme version 4: 2 intents, 9 examples, 1 document; 3 tests passed, trained in 1.2 s',
    '',
  ])
  assert.equal(ran.err, 'warning: intents/it.yaml:1:1 it.vpn: the intent has 2 questions\n')
  assert.deepEqual(
    ran.asked.map(({ method, path }) => [method, path]),
    [['POST', '/v1/tenants/apply?lang=en']],
  )
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  assert.deepEqual(ran.asked[0]?.body, {
    files: { 'tenant.yaml': base64(TENANT), 'intents/it.yaml': base64(VPN) },
    prune: false,
    dryRun: false,
  })
})

test('the same in Chinese', async (t) => {
  const dir = await directoryOf(t)
  const ran = await runLine(['tenant', 'apply', '-f', dir, '--prune', '--lang', 'zh'], { answer: center() })
  assert.deepEqual(ran.out.split('\n').slice(0, 5), [
    '~ 意图 it.vpn：问句 +2 -1, reply',
    '- 卡片 old',
    '~ 设置 name',
    '保留：意图 it.fax（加 --prune 才会删除）',
    'acme 第 4 版：2 个意图、9 个问句、1 篇文档；3 条测试通过，训练 1.2 秒',
  ])
  assert.match(ran.err, /^警告: /)
  assert.deepEqual(
    ran.asked.map(({ path, body }) => [path, Reflect.get(Object(body), 'prune')]),
    [['/v1/tenants/apply?lang=zh', true]],
  )
})

test('on a terminal the difference is asked for first and what is being done is shown, none of it on stdout', async (t) => {
  const dir = await directoryOf(t)
  const ran = await runLine(['tenant', 'apply', '-f', dir], { answer: center(), tty: true })
  assert.deepEqual(
    ran.asked.map(({ path }) => path.split('?')[0]),
    ['/v1/tenants/diff', '/v1/tenants/apply'],
  )
  assert.match(ran.err, /checking …/)
  assert.ok(ran.out.startsWith('\u001b[33m~ intent it.vpn'), ran.out)
  assert.doesNotMatch(ran.out, /…/)
})

test('a dry run that would change something ends with 3 if that is asked for', async (t) => {
  const dir = await directoryOf(t)
  const dry = { ...REPORT, dryRun: true }
  const line = ['tenant', 'apply', '-f', dir, '--dry-run']
  const tried = await runLine(line, { answer: center(dry) })
  assert.equal(tried.code, 0)
  assert.match(tried.out, /only tried, nothing was changed\n$/)
  assert.equal(bodyOf(tried).dryRun, true)
  assert.equal((await runLine([...line, '--exit-code'], { answer: center(dry) })).code, 3)
  const same = { ...dry, changed: false, diff: [] }
  assert.equal((await runLine([...line, '--exit-code'], { answer: center(same) })).code, 0)
})

test('flags that contradict each other are refused before anybody is asked', async (t) => {
  const dir = await directoryOf(t)
  for (const flags of [['--exit-code'], ['--dry-run', '--watch'], ['--dry-run', '--wait'], ['--wait', '0']]) {
    const ran = await runLine(['tenant', 'apply', '-f', dir, ...flags])
    assert.equal(ran.code, 2, flags.join(' '))
    assert.deepEqual(ran.asked, [])
    const told = jsonOf((await runLine(['tenant', 'apply', '-f', dir, ...flags, '--json'])).out)
    assert.deepEqual([told.changed, Reflect.get(Object(told.error), 'code')], [false, 'invalid_argument'])
  }
})

test('with --wait it says how many edges run it and which are offline', async (t) => {
  const dir = await directoryOf(t)
  const line = ['tenant', 'apply', '-f', dir, '--wait']
  const ran = await runLine(line, { answer: center() })
  assert.equal(ran.code, 0)
  assert.match(ran.out, /live at 1 of 2 edges\noffline, will take it once they are back: south\n$/)
  const json = jsonOf((await runLine([...line, '--json'], { answer: center() })).out)
  assert.deepEqual(json, {
    ...REPORT,
    edges: { applied: ['north'], offline: ['south'], rejected: [], missing: [] },
  })
  const refusing = { ...EDGES, edges: [{ edge: 'north', linked: true, applied: false, rejected: 'no room' }] }
  const refused = await runLine(line, { answer: center(REPORT, refusing) })
  assert.equal(refused.code, 1)
  assert.match(refused.err, /north refuses it: no room/)
})

test('a failing apply with --json tells programs on stdout, with the exit code of its error', async (t) => {
  const dir = await directoryOf(t)
  const problems = [{ path: 'tests/smoke.yaml:1:1', line: 1, column: 1, message: 'expected “east gate”' }]
  const failing = () => {
    throw new YizhanError('tests_failed', '1 of 3 tests failed', {
      details: { problems, passed: 2, failed: 1 },
    })
  }
  const ran = await runLine(['tenant', 'apply', '-f', dir, '--json'], { answer: failing })
  assert.equal(ran.code, 1)
  assert.deepEqual(jsonLines(ran.out), [
    { changed: false, error: { code: 'tests_failed', message: '1 of 3 tests failed', problems } },
  ])
  assert.equal(jsonLines(ran.err).length, 1)
  const invalid = () => {
    throw new YizhanError('tenant_invalid', '1 problem', { details: { problems } })
  }
  assert.equal((await runLine(['tenant', 'apply', '-f', dir], { answer: invalid })).code, 2)
  const nowhere = await runLine(['tenant', 'apply', '-f', `${dir}/nowhere`, '--json'])
  assert.equal(nowhere.code, 2)
  assert.equal((jsonOf(nowhere.out).error as { code: string }).code, 'invalid_argument')
})

test('diff shows the same, one object a line for programs, and ends with 3 if that is asked for', async (t) => {
  const dir = await directoryOf(t)
  const line = ['tenant', 'diff', '-f', dir]
  const ran = await runLine(line, { answer: center() })
  assert.equal(ran.code, 0)
  assert.match(ran.out, /^~ intent it\.vpn: questions \+2 -1, reply\n- card old\n~ setting name\nkept: /)
  const json = await runLine([...line, '--json', '--exit-code'], { answer: center() })
  assert.equal(json.code, 3)
  assert.deepEqual(jsonLines(json.out), [...REPORT.diff, { kind: 'intent', name: 'it.fax', change: 'kept' }])
  const same = await runLine([...line, '--exit-code'], {
    answer: () => ({ tenant: 'acme', diff: [], kept: [], warnings: [] }),
  })
  assert.deepEqual([same.code, same.out, same.err], [0, '', 'nothing differs\n'])
})

test('a name that holds controls stays on its line', async (t) => {
  const dir = await directoryOf(t)
  const name = `a\u001b[2J\nb${'x'.repeat(200)}`
  const answer = () => ({
    tenant: 'acme',
    diff: [{ kind: 'test', name, change: 'added' }],
    kept: [],
    warnings: [],
  })
  const { out } = await runLine(['tenant', 'diff', '-f', dir], { answer })
  assert.match(out, /^\+ test a \[2J bx+…\n$/)
})
