import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId, createMetrics, silentLogger, type TenantId } from '@yizhan/kernel'
import { createKnowledge } from './knowledge.js'
import type { KnowledgeDocument } from './passage-index.js'
import { find } from './testing/find.js'

function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

const acme = tenant('acme')
const other = tenant('other')

const documents: KnowledgeDocument[] = [
  {
    id: 'travel.md',
    title: '差旅制度',
    knowledge: 'travel',
    text: '# 差旅制度\n## 交通\n正式员工可以坐高铁一等座，实习生只能坐二等座。\n## 住宿\n一线城市每晚不超过 600 元。',
  },
  {
    id: 'it.md',
    title: 'IT handbook',
    knowledge: 'it',
    text: '# IT handbook\n## VPN\nOpen Secure Access and scan the code.\n## Printers\nBadge in at any printer to release your job.',
  },
]

function knowledge(text: readonly KnowledgeDocument[] = documents) {
  const made = createKnowledge({ log: silentLogger() })
  made.replace(acme, text)
  return made
}

const headings = (passages: readonly { readonly heading: string }[]) => passages.map(({ heading }) => heading)

test('a question about nothing in the documents finds nothing', async () => {
  const made = knowledge()
  for (const question of [
    '今天股市怎么样',
    '你好',
    'who won the world cup?',
    'hello',
    '',
    '？',
    '怎么办',
    '__proto__',
    'x'.repeat(100_000),
  ]) {
    assert.deepEqual(await find(made, acme, question), [], question)
  }
})

test('a tenant never finds what another one has', async () => {
  const made = knowledge()
  assert.deepEqual(await find(made, other, 'VPN'), [])
  made.replace(other, [
    { id: 'x.md', title: 'X', knowledge: 'x', text: 'The VPN of the other company is closed.' },
  ])
  assert.deepEqual(
    (await find(made, other, 'VPN')).map((passage) => passage.document),
    ['x.md'],
  )
  assert.deepEqual(
    (await find(made, acme, 'VPN')).map((passage) => passage.document),
    ['it.md'],
  )
  assert.notDeepEqual(made.weigh(acme, 'printers'), made.weigh(other, 'printers'))
  made.remove(other)
  assert.deepEqual(await find(made, other, 'VPN'), [])
  assert.equal((await find(made, acme, 'VPN')).length, 1)
})

test('questions in Chinese and English find the section that answers them', async () => {
  const made = knowledge()
  const first = async (question: string) => headings(await find(made, acme, question))[0]
  assert.equal(await first('实习生能坐高铁一等座吗'), '差旅制度 › 交通')
  assert.equal(await first('北京出差住宿标准是多少？'), '差旅制度 › 住宿')
  assert.equal(await first('How do I connect to the VPN?'), 'IT handbook › VPN')
  assert.equal(await first('怎么连ＶＰＮ'), 'IT handbook › VPN')
  assert.equal(await first('which printer can release my jobs'), 'IT handbook › Printers')
})

test('a passage names its document and what it says, and its score', async () => {
  const [passage] = await find(knowledge(), acme, 'Secure Access')
  assert.ok(passage && passage.score > 0.3)
  assert.deepEqual(
    { ...passage, score: 0 },
    {
      document: 'it.md',
      title: 'IT handbook',
      heading: 'IT handbook › VPN',
      text: 'Open Secure Access and scan the code.',
      score: 0,
    },
  )
})

test('only the sets that were named are searched, and no more than the limit is given', async () => {
  const made = knowledge()
  assert.deepEqual(await find(made, acme, 'VPN', { knowledge: ['travel'], limit: 5 }), [])
  assert.equal((await find(made, acme, 'VPN', { knowledge: ['travel', 'it'], limit: 5 })).length, 1)
  const many = knowledge(
    Array.from({ length: 9 }, (_, n) => ({ id: `${n}`, title: '', knowledge: 'k', text: 'vpn vpn' })),
  )
  assert.equal((await find(many, acme, 'vpn', { knowledge: [], limit: 3 })).length, 3)
})

test('a new set of documents takes the place of the old one', async () => {
  const made = knowledge()
  made.replace(acme, documents.slice(0, 1))
  assert.deepEqual(await find(made, acme, 'VPN'), [])
  made.replace(acme, [])
  assert.deepEqual(await find(made, acme, '高铁'), [])
})

test('equal passages come in the order of their paths, whatever order they were given in', async () => {
  const twins = ['c', 'a', 'b'].map((id) => ({
    id,
    title: '',
    knowledge: 'k',
    text: 'The gate opens at nine.',
  }))
  const order = async (given: readonly KnowledgeDocument[]) =>
    (await find(knowledge(given), acme, 'gate opens')).map((passage) => passage.document)
  assert.deepEqual(await order(twins), ['a', 'b', 'c'])
  assert.deepEqual(await order(twins.toReversed()), ['a', 'b', 'c'])
})

test('a rare term weighs more than a common one', async () => {
  const made = knowledge([
    { id: 'a', title: '', knowledge: 'k', text: 'office rules office' },
    { id: 'b', title: '', knowledge: 'k', text: 'office garage' },
    { id: 'c', title: '', knowledge: 'k', text: 'office garden' },
  ])
  const weights = made.weigh(acme, 'office garage')
  assert.ok((weights.get('garag') ?? 0) > (weights.get('offic') ?? 0))
  assert.equal((await find(made, acme, 'office garage'))[0]?.document, 'b')
})

test('searches and passages are counted', async () => {
  const metrics = createMetrics()
  const made = createKnowledge({ log: silentLogger(), metrics })
  made.replace(acme, documents)
  await find(made, acme, 'VPN')
  await find(made, acme, 'football')
  const text = await metrics.render()
  assert.match(text, /yizhan_retrieval_passages 4\n/)
  assert.match(text, /yizhan_retrieval_searches_total\{found="yes"\} 1\n/)
  assert.match(text, /yizhan_retrieval_searches_total\{found="no"\} 1\n/)
})
