import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { tenantSchemas } from '../../tenants/index.js'
import { directoryOf, TENANT, VPN } from '../testing/directory.js'
import { jsonOf, runLine } from '../testing/run.js'
import { schemaText } from './schema.js'

test('check names every problem with its place in the reader’s language and ends with 2', async (t) => {
  const dir = await directoryOf(t, { 'tenant.yaml': TENANT, 'intents/it.yaml': 'it.vpn:\n\task: x\n' })
  const en = await runLine(['tenant', 'check', '-f', dir])
  assert.equal(en.code, 2)
  assert.equal(en.out, '')
  assert.match(en.err, /error\[tenant_invalid\].*\n {2}- intents\/it\.yaml:2:1: /)
  const zh = await runLine(['tenant', 'check', '-f', dir, '--lang', 'zh'])
  assert.match(zh.err, /- intents\/it\.yaml:2:1: [^\n]*\p{Script=Han}/u)
  const json = await runLine(['tenant', 'check', '-f', dir, '--json'])
  assert.equal(json.code, 2)
  const problem = jsonOf(json.out)
  assert.deepEqual([problem.path, problem.line, problem.column], ['intents/it.yaml:2:1', 2, 1])
})

test('check says what was read, and warnings on stderr', async (t) => {
  const dir = await directoryOf(t, {
    'tenant.yaml': TENANT,
    'intents/it.yaml': 'it.vpn: {ask: the vpn, reply: Scan the code.}\n',
  })
  const ran = await runLine(['tenant', 'check', '-f', dir])
  assert.equal(ran.code, 0)
  assert.equal(ran.out, 'tenant: acme\nintents: 1\nexamples: 1\ndocuments: 0\ntests: 0\n')
  assert.match(ran.err, /^warning: intents\/it\.yaml:1:\d+: it\.vpn/)
  const json = jsonOf((await runLine(['tenant', 'check', '-f', dir, '--json'])).out)
  assert.equal((json.warnings as unknown[]).length, 1)
})

test('test says how many passed, and of each other what came and what was expected', async (t) => {
  const dir = await directoryOf(t, {
    'tenant.yaml': TENANT,
    'intents/it.yaml': VPN,
    'tests/smoke.yaml':
      '- {say: vpn does not work, expect: {intent: it.vpn}}\n- {say: remote access, expect: {has: east gate}}\n',
  })
  const ran = await runLine(['tenant', 'test', '-f', dir])
  assert.equal(ran.code, 1)
  assert.match(
    ran.out,
    /^tests\/smoke\.yaml:2:3: .*it\.vpn.*expected “east gate” in the reply\n1 passed, 1 failed\n$/,
  )
  const json = await runLine(['tenant', 'test', '-f', dir, '--json'])
  assert.equal(json.code, 1)
  const told = jsonOf(json.out)
  assert.equal(told.passed, 1)
  assert.equal((told.failed as { line: number }[])[0]?.line, 2)

  const said = await runLine(['tenant', 'test', '-f', dir, '--say', 'remote access', '--say', 'a b c d'])
  assert.equal(said.code, 0, 'a sentence is tried whatever the tests say')
  assert.match(
    said.out,
    /^“remote access”: it\.vpn 1\.00 \(threshold 0\.\d\d, word for word\)\n {2}1\.00 {2}it\.vpn\n {2}the edge answers: Scan the code\.\n“a b c d”: /,
  )
  const first = jsonOf((await runLine(['tenant', 'test', '-f', dir, '--say', 'remote access', '--json'])).out)
  assert.deepEqual([first.intent, first.match, first.by], ['it.vpn', 'exact', 'edge'])
})

test('a sentence is answered in its own language; what is asked for first, where the center looks; no controls', async (t) => {
  const dir = await directoryOf(t, {
    'tenant.yaml': TENANT.replace('[en]', '[zh, en]'),
    'intents/it.yaml': [
      'it.vpn:\n  ask: |\n    怎么连 VPN\n    远程办公怎么接入\n    How do I connect to the VPN?\n    remote access',
      '  reply: {zh: 扫码, en: "Scan\\e[2J the code.\\nThen wait."}',
      'leave.ask:\n  ask: |\n    我要请假\n    请年假\n    I want a day off\n    request leave',
      '  slots: {from: {type: date, ask: {zh: 从哪天开始？, en: "From which day?"}}}\n  reply: {skill: leave}',
      'travel.rules:\n  ask: |\n    高铁能坐一等座吗\n    出差标准\n    which train class may I take\n    travel policy',
      '  reply: {forward: {knowledge: [travel]}}\n',
    ].join('\n'),
    'knowledge.yaml': 'travel: {files: [knowledge/*.md]}\n',
    'knowledge/travel.md': '# Travel\nSecond class.\n',
    'tests/bad.yaml': '- {say: "remote\\e[2J access", expect: {has: "\\e[31m"}}\n',
  })
  const said = async (text: string, lang: string) => {
    const ran = await runLine(['tenant', 'test', '-f', dir, '--say', text, '--lang', lang])
    assert.equal(ran.code, 0, ran.err)
    return ran.out
  }
  assert.match(await said('怎么连 VPN', 'en'), /\n {2}the edge answers: 扫码\n$/)
  assert.match(
    await said('remote access', 'zh'),
    /\n {2}由边缘节点回答：Scan \[2J the code\.\n {4}Then wait\.\n$/,
  )
  assert.match(await said('request leave', 'zh'), /由边缘节点回答，并先询问 from：技能 leave\n$/)
  assert.match(await said('travel policy', 'en'), /the center answers: knowledge travel\n$/)

  const failed = await runLine(['tenant', 'test', '-f', dir])
  assert.equal(failed.code, 1)
  assert.equal(/\p{Cc}/u.exec(failed.out.replaceAll('\n', '')), null, failed.out)
})

for (const languages of ['zh,en', 'en', 'zh']) {
  test(`what init writes (${languages}) has no problem, no warning, and passes its tests`, async (t) => {
    const dir = join(await directoryOf(t, {}), 'front-desk')
    const made = await runLine(['tenant', 'init', dir, '--languages', languages, '--json'])
    assert.equal(made.code, 0)
    assert.equal(jsonOf(made.out).tenant, 'front-desk')
    const checked = await runLine(['tenant', 'check', '-f', dir])
    assert.deepEqual([checked.code, checked.err], [0, ''])
    const tested = await runLine(['tenant', 'test', '-f', dir])
    assert.equal(tested.code, 0, tested.out)
    assert.match(tested.out, /^[48] passed, 0 failed\n$/)
    for (const file of ['tenant.yaml', 'intents/hello.yaml', 'cards/contact.yaml', 'tests/smoke.yaml']) {
      const text = await readFile(join(dir, file), 'utf8')
      const [, schema = ''] = /^# yaml-language-server: \$schema=(.*)\n/.exec(text) ?? []
      const path = join(dir, file, '..', schema)
      assert.ok(JSON.parse(await readFile(path, 'utf8')), `${file} names a schema that is there`)
    }
  })
}

test('init takes nothing away: a directory that holds something is refused', async (t) => {
  const dir = await directoryOf(t, { 'notes.txt': 'mine' })
  const ran = await runLine(['tenant', 'init', dir, '--tenant', 'acme'])
  assert.equal(ran.code, 1)
  assert.match(ran.err, /error\[already_exists\]: .* is not empty/)
  assert.deepEqual(await readdir(dir), ['notes.txt'])
  const fresh = await directoryOf(t, { '.git/HEAD': 'ref: refs/heads/main\n' })
  assert.equal((await runLine(['tenant', 'init', fresh, '--tenant', 'acme'])).code, 0, 'git’s own is nothing')
  const named = await runLine(['tenant', 'init', join(dir, 'Not An Id')])
  assert.equal(named.code, 2)
  assert.match(named.err, /--tenant/)
  assert.equal((await runLine(['tenant', 'init', join(dir, 'x'), '--languages', 'fr'])).code, 2)
  assert.deepEqual(await readdir(dir), ['notes.txt'])
})

test('schema prints one or all, and writes those that docs/reference/schemas has', async (t) => {
  const one = await runLine(['tenant', 'schema', 'card'])
  assert.deepEqual(JSON.parse(one.out), tenantSchemas().card)
  assert.deepEqual(JSON.parse((await runLine(['tenant', 'schema'])).out), tenantSchemas())
  assert.equal((await runLine(['tenant', 'schema', 'cards'])).code, 2)
  const dir = await directoryOf(t, {})
  await runLine(['tenant', 'schema', '-o', dir])
  const published = new URL('../../../../docs/reference/schemas/', import.meta.url)
  const names = (await readdir(dir)).sort()
  assert.deepEqual((await readdir(published)).sort(), names)
  for (const name of names) {
    const text = await readFile(join(dir, name), 'utf8')
    const hint = 'node center/bin/yizhan-center.js tenant schema -o docs/reference/schemas'
    assert.equal(await readFile(new URL(name, published), 'utf8'), text, `${name} is old; run: ${hint}`)
    assert.equal(text, schemaText(JSON.parse(text) as Record<string, unknown>))
  }
})

test('completion offers the verbs, their flags and the kinds of schema; every verb’s help has an example', async () => {
  const { out } = await runLine(['completion', 'bash'])
  for (const verb of ['init', 'check', 'test', 'diff', 'apply', 'list', 'show', 'export', 'schema']) {
    assert.match(out, new RegExp(`"tenant ${verb}"`))
    for (const [lang, head] of [
      ['en', /Examples?:\n {2}yizhan-center tenant /],
      ['zh', /示例：\n {2}yizhan-center tenant /],
    ] as const) {
      assert.match((await runLine(['tenant', verb, '--help', '--lang', lang])).out, head)
    }
  }
  assert.match(out, /"tenant apply"\) words="[^"]*--dry-run[^"]*--watch/)
  assert.match(out, /"tenant schema"\) words="tenant intents knowledge card/)
})

test('an empty path is no path: a variable that is not set does not mean where one stands', async () => {
  for (const line of [
    ['check', '-f', ''],
    ['test', '-f', ''],
    ['diff', '-f', ''],
    ['apply', '--prune', '-f', ''],
    ['export', '--tenant', 'acme', '-o', ''],
    ['schema', '-o', ''],
  ]) {
    const ran = await runLine(['tenant', ...line])
    assert.deepEqual([ran.code, ran.asked], [2, []], line.join(' '))
    assert.match(ran.err, /the path is empty/)
  }
})

test('a directory that cannot be read is told, and a file in its place too', async (t) => {
  const dir = await directoryOf(t)
  await writeFile(join(dir, 'file'), '')
  for (const path of [join(dir, 'nowhere'), join(dir, 'file')]) {
    for (const verb of ['check', 'test', 'diff', 'apply']) {
      const ran = await runLine(['tenant', verb, '-f', path])
      assert.equal(ran.code, 2, `${verb} ${path}`)
      assert.match(ran.err, /error\[invalid_argument\]/)
    }
  }
})
