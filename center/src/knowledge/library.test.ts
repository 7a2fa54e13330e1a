import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { find } from '../retrieval/testing/find.js'
import { acme, never } from '../tenants/testing/catalog.js'
import { pdfWith } from '../tenants/testing/office-files.js'
import type { ImportedSource } from './index.js'
import { given, other, startLibrary, user } from './testing/library.js'

const statuses = (told: readonly ImportedSource[]) =>
  told.map(({ name, status, problem }) => (problem ? `${name} ${problem.en}` : `${name} ${status}`))
const documents = async (...[knowledge, tenant, question]: Parameters<typeof find>) =>
  (await find(knowledge, tenant, question)).map(({ document }) => document)

test('what cannot be imported is told by name, and hinders nothing else', async (t) => {
  const { library, knowledge } = await startLibrary(t)
  const told = await library.import(
    acme,
    [
      given('x.exe', 'MZ'),
      given('empty.md', ' \n'),
      given('bad.jsonl', '{"text":"x"}\nno json'),
      given('list.jsonl', '[1]'),
      given('none.jsonl', '{"title":"x"}'),
      given('twice.jsonl', '{"id":1,"text":"x"}\n{"id":"1","text":"y"}'),
      given('proto.jsonl', '{"__proto__":{"text":"x"}}'),
      { name: 'odd.txt', bytes: Buffer.from([0xff, 0xff]) },
      given('a\u0001b.md', 'x'),
      given(`${'x'.repeat(400)}.md`, 'x'),
      given('no.pdf', 'no pdf'),
      { name: 'large.md', bytes: Buffer.alloc(4 * 1024 * 1024 + 1, 'a') },
      given('guests.md', 'Guests may use the garage.'),
    ],
    user,
    never,
  )
  assert.deepEqual(statuses(told), [
    'x.exe is none of md, txt, html, pdf, docx, jsonl',
    'empty.md holds no text',
    'bad.jsonl line 2 is no JSON object',
    'list.jsonl line 1 is no JSON object',
    'none.jsonl holds no text',
    'twice.jsonl line 2 has the id of another row',
    'proto.jsonl line 1 is no JSON object',
    'odd.txt is neither UTF-8 nor GB18030',
    'a\u0001b.md has no name of 1 to 400 bytes without control characters',
    `${'x'.repeat(400)}.md has no name of 1 to 400 bytes without control characters`,
    'no.pdf is damaged or is no PDF file',
    'large.md is larger than 4 MiB; split it',
    'guests.md added',
  ])
  assert.deepEqual(await documents(knowledge, acme, 'May guests use the garage?'), ['guests.md'])
  await assert.rejects(library.delete(acme, 'empty.md', user), (thrown: unknown) => {
    return thrown instanceof YizhanError && thrown.code === 'not_found'
  })
})

test('an import is found by its tenant alone, also after a restart, and names its document', async (t) => {
  const center = await startLibrary(t)
  const rows = [
    { title: '停车', text: '停车证由行政部发放。' },
    { title: '', text: 'Badges are issued on floor two.', other: true },
    { title: 'no text' },
  ]
  const told = await center.library.import(
    acme,
    [
      given('faq.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')),
      { name: 'parking.pdf', bytes: pdfWith([['Bicycles go to the cellar.']]) },
      { name: 'note.txt', bytes: Buffer.from([0xc4, 0xea, 0xbc, 0xd9, 0xca, 0xae, 0xcc, 0xec, 0xa1, 0xa3]) },
    ],
    user,
    never,
  )
  assert.deepEqual(
    told.map(({ documents, skipped, version }) => [documents, skipped, version]),
    [
      [2, 1, 1],
      [1, 0, 1],
      [1, 0, 1],
    ],
  )
  for (const { knowledge, library } of [center, await center.again()]) {
    assert.deepEqual(await documents(knowledge, acme, '停车证由谁发放'), ['faq.jsonl#1'])
    assert.deepEqual(await documents(knowledge, acme, 'Where are badges issued?'), ['faq.jsonl#2'])
    assert.deepEqual(await documents(knowledge, acme, 'Where do bicycles go?'), ['parking.pdf'])
    assert.deepEqual(await documents(knowledge, acme, '年假十天'), ['note.txt'])
    assert.deepEqual(await documents(knowledge, other, 'Where do bicycles go?'), [])
    assert.deepEqual(
      library.list(acme).map(({ name }) => name),
      ['faq.jsonl', 'note.txt', 'parking.pdf'],
    )
    assert.deepEqual(library.list(other), [])
  }
})

test('other content under a name takes the place of the former, the same content changes nothing', async (t) => {
  const center = await startLibrary(t)
  const { library, knowledge, store } = center
  const put = async (text: string, options = {}) =>
    (await library.import(acme, [given('a.md', text)], { ...user, ...options }, never))[0]
  await put('The garage opens at nine.')
  assert.equal((await put('The garage opens at nine.'))?.status, 'unchanged')
  assert.deepEqual(await put('The canteen opens at noon.'), {
    name: 'a.md',
    status: 'updated',
    version: 2,
    documents: 1,
    skipped: 0,
  })
  assert.deepEqual(await documents(knowledge, acme, 'garage'), [])
  assert.deepEqual(await documents(knowledge, acme, 'canteen'), ['a.md'])
  assert.equal((await put('The canteen opens at noon.', { knowledge: 'food' }))?.status, 'updated')
  const options = { knowledge: ['food'], limit: 5 }
  assert.equal((await find(knowledge, acme, 'canteen', options)).length, 1)

  await library.delete(acme, 'a.md', user)
  for (const now of [center, await center.again()]) {
    assert.deepEqual(await documents(now.knowledge, acme, 'canteen'), [])
    assert.equal(now.knowledge.size(acme), 0)
    assert.deepEqual(now.library.list(acme), [])
  }
  const { records } = await store.scan(acme, 'knowledge-texts')
  assert.deepEqual(records, [])
  const { entries } = await store.audit(acme)
  assert.deepEqual(
    entries.map(({ action, object, actor, requestId }) => [action, object, actor, requestId]),
    ['CREATE', 'UPDATE', 'UPDATE', 'DELETE'].map((action) => [
      action,
      'knowledge-sources/a.md',
      'user_1',
      'r1',
    ]),
  )
})

test('a text larger than a stored value comes back whole, and less of it leaves nothing behind', async (t) => {
  const center = await startLibrary(t)
  const lines = Array.from({ length: 40_000 }, (_, n) => `Room ${n} has number plate ${n * 7}.\n\n`)
  await center.library.import(acme, [given('rooms.md', lines.join(''))], user, never)
  const count = center.knowledge.size(acme)
  assert.equal((await center.again()).knowledge.size(acme), count)
  assert.equal((await center.store.scan(acme, 'knowledge-texts')).records.length, 2)
  await center.library.import(acme, [given('rooms.md', 'Room 1 is closed.')], user, never)
  assert.equal((await center.store.scan(acme, 'knowledge-texts')).records.length, 1)
  assert.equal((await center.again()).knowledge.size(acme), 1)
})

test('a document of a class is found only by those who may see it', async (t) => {
  const { library, knowledge } = await startLibrary(t)
  await library.import(
    acme,
    [given('pay.md', 'The bonus is two salaries.')],
    { ...user, class: 'secret' },
    never,
  )
  await library.import(acme, [given('open.md', 'The bonus is paid in May.')], user, never)
  const readers = { everybody: false, channels: ['hr'], departments: [], people: [], groups: false }
  knowledge.replace(acme, [], { secret: readers })
  const seen = async (channel?: string) => {
    const reader = channel && { channel, sender: 'li', department: '', inGroup: false }
    const options = { knowledge: [], limit: 5, ...(reader && { reader }) }
    return (await find(knowledge, acme, 'bonus', options)).map(({ document }) => document).sort()
  }
  assert.deepEqual(await seen('web'), ['open.md'])
  assert.deepEqual(await seen('hr'), ['open.md', 'pay.md'])
  assert.deepEqual(await seen(), ['open.md', 'pay.md'])
})

test('imports of one tenant are made one after the other, and an aborted one stops', async (t) => {
  const { library, knowledge } = await startLibrary(t)
  const text = (n: number) => given('a.md', `Number ${n} is in force.`)
  const all = await Promise.all([1, 2, 3].map((n) => library.import(acme, [text(n)], user, never)))
  assert.deepEqual(
    all.map(([told]) => told?.version),
    [1, 2, 3],
  )
  assert.match((await find(knowledge, acme, 'number in force'))[0]?.text ?? '', /Number 3/)
  const gone = AbortSignal.abort(new YizhanError('cancelled', 'gone'))
  await assert.rejects(library.import(acme, [text(4)], user, gone), /gone/)
  assert.equal(await library.reindex(acme), 1)
  assert.equal(knowledge.size(acme), 1)
})
