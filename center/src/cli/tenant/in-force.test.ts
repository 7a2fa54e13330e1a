import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { directoryOf, TENANT, VPN } from '../testing/directory.js'
import { jsonLines, runLine } from '../testing/run.js'
import { sentFiles } from './sent-files.js'

const OWN = `${TENANT}messages: {ticket.waits: 'Noted down.'}\n`
const FILES = new Map([
  ['tenant.yaml', Buffer.from(OWN)],
  ['intents/it.yaml', Buffer.from(`${VPN}it.help: {ask: help me, reply: {skill: help}}\n`)],
])
const answer = () => ({ tenant: 'acme', version: 3, files: sentFiles(FILES) })

test('export writes the directory in force, and never over what is there', async (t) => {
  const dir = await directoryOf(t, {})
  const out = join(dir, 'new', 'acme')
  const ran = await runLine(['tenant', 'export', '--tenant', 'acme', '-o', out], { answer })
  assert.equal(ran.code, 0)
  assert.match(ran.out, /acme version 3: 2 files/)
  assert.deepEqual(
    ran.asked.map(({ path }) => path),
    ['/v1/tenants/acme/files'],
  )
  for (const [path, content] of FILES) assert.deepEqual(await readFile(join(out, path)), content)

  await writeFile(join(out, 'tenant.yaml'), 'mine')
  const again = await runLine(['tenant', 'export', '--tenant', 'acme', '-o', out])
  assert.equal(again.code, 1)
  assert.match(again.err, /is not empty[\s\S]*--force/)
  assert.equal(await readFile(join(out, 'tenant.yaml'), 'utf8'), 'mine')
  await runLine(['tenant', 'export', '--tenant', 'acme', '-o', out, '--force'], { answer })
  assert.equal(await readFile(join(out, 'tenant.yaml'), 'utf8'), OWN)
})

test('a center that names a path outside the directory is not believed', async (t) => {
  const dir = await directoryOf(t, {})
  for (const path of ['../up.yaml', '/etc/x', 'a//b', 'a/./b', 'a/../../b']) {
    const ran = await runLine(['tenant', 'export', '--tenant', 'acme', '-o', join(dir, 'out')], {
      answer: () => ({ tenant: 'acme', version: 1, files: { [path]: 'eA==' } }),
    })
    assert.equal(ran.code, 1, path)
    assert.match(ran.err, /data_corrupt/)
  }
  assert.deepEqual(await readdir(dir), [])
})

test('the questions go into a CSV or an Excel file; what is no text is named', async (t) => {
  const dir = await directoryOf(t, {})
  await mkdir(join(dir, 'out'))
  const csv = join(dir, 'out', 'faq.csv')
  const line = ['tenant', 'export', '--tenant', 'acme', '--questions']
  const ran = await runLine([...line, csv], { answer })
  assert.equal(ran.code, 0)
  assert.match(ran.out, /3 questions/)
  assert.match(ran.err, /no text replies: it\.help/)
  assert.match(
    await readFile(csv, 'utf8'),
    /^\uFEFF?id,ask,reply\.en\r?\nit\.vpn,How do I connect to the VPN\?,Scan the code\.\r?\n/,
  )
  const again = await runLine([...line, csv], { answer })
  assert.equal(again.code, 1)
  assert.match(again.err, /is there already/)
  const xlsx = join(dir, 'out', 'faq.xlsx')
  assert.equal((await runLine([...line, xlsx], { answer })).code, 0)
  assert.equal((await readFile(xlsx)).subarray(0, 2).toString(), 'PK')
  assert.equal((await runLine([...line, join(dir, 'faq.txt')])).code, 2)
  assert.equal((await runLine(['tenant', 'export', '--tenant', 'acme'])).code, 2)
})

test('show tells what a tenant consists of, since when and by whom', async () => {
  const shown = {
    tenant: 'acme',
    version: 3,
    digest: 'abc',
    appliedAt: '2026-11-28T03:00:00.000Z',
    appliedBy: 'admin',
    intents: [
      { id: 'it.vpn', kind: 'text', questions: 3 },
      { id: 'leave', kind: 'skill', questions: 4, slots: ['from', 'days'] },
    ],
    documents: [{ file: 'knowledge/a.md', title: 'A', knowledge: 'rules' }],
    cards: ['contact'],
    handoffs: [],
    tasks: [],
    channels: ['web', 'mqtt'],
    sites: 0,
    tests: 2,
    kept: [{ kind: 'intent', name: 'it.fax' }],
  }
  const { out } = await runLine(['tenant', 'show', '--tenant', 'acme'], { answer: () => shown })
  for (const part of [
    /^acme version 3, applied at 2026-11-28T03:00:00\.000Z by admin\n/,
    /\nit\.vpn {2}text {3}3 /,
    /\nleave {3}skill {2}4 +from, days\n/,
    /\nknowledge\/a\.md {2}rules {6}A\n/,
    /\ncards: contact\nchannels: web, mqtt\nsites: 0, tests: 2\nkept: intent it\.fax /,
  ]) {
    assert.match(out, part)
  }
  const json = await runLine(['tenant', 'show', '--tenant', 'acme', '--json'], { answer: () => shown })
  assert.deepEqual(jsonLines(json.out), [shown])
})

test('a tenant that was never applied, and a name that is none, are told in the reader’s language', async () => {
  const answer = () => {
    throw new YizhanError('not_found', 'no tenant of this name has been applied')
  }
  for (const verb of [
    ['tenant', 'show'],
    ['tenant', 'export', '-o', 'never-made'],
    ['messages', 'list'],
  ]) {
    const line = [...verb, '--tenant', 'nobody', '--lang', 'zh']
    const ran = await runLine(line, { answer })
    assert.deepEqual([ran.code, ran.out], [1, ''])
    assert.match(ran.err, /（尚未应用过租户 nobody）\n {2}提示: yizhan-center tenant list\n$/)
    const wrong = await runLine([...verb, '--tenant', 'No Such', '--lang', 'zh'])
    assert.deepEqual([wrong.code, wrong.asked], [2, []])
    assert.match(wrong.err, /No Such 不能用作租户 id/)
  }
})

test('messages list has every sentence with its placeholders, and a tenant’s own words', async () => {
  const all = await runLine(['messages', 'list', '--json'])
  const rows = jsonLines(all.out)
  const ticket = rows.find(({ key }) => key === 'ticket.number')
  assert.deepEqual(ticket?.placeholders, ['place', 'ticket'])
  assert.match(String(ticket?.zh), /编号/)
  const own = await runLine(['messages', 'list', '--tenant', 'acme'], { answer })
  assert.match(own.out, /\nticket\.waits .* en +Noted down\.\n/)
  const zh = await runLine(['messages', 'list', '--lang', 'zh'])
  assert.match(zh.out, /ticket\.number +\{place\} \{ticket\} +编号/)
})
