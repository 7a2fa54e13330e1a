import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId, ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import type { Citation } from '@yizhan/proto'
import { createKnowledge } from '../retrieval/index.js'
import { find } from '../retrieval/testing/find.js'
import { createExtractive, piecesOf } from './extractive.js'
import type { GenerateRequest, Passage } from './port.js'

const tenant = (() => {
  const id = asTenantId('acme')
  assert.ok(id)
  return id
})()

const knowledge = createKnowledge({ log: silentLogger() })
knowledge.replace(tenant, [
  {
    id: 'travel.md',
    title: '差旅制度',
    knowledge: 'travel',
    text: `## 交通
正式员工可以坐高铁一等座，实习生只能坐二等座。飞机一律经济舱。
## 住宿
一线城市每晚不超过 600 元。其他城市不超过 400 元。
## 报销流程
报销按下面的步骤办理：
1. 填写报销单。
2. 上传发票。`,
  },
  {
    id: 'it.md',
    title: 'IT handbook',
    knowledge: 'it',
    text: `## VPN
Open Secure Access and scan the code. If error 619 appears, restart the client.
## Printers
Print jobs wait two hours.

\`\`\`sh
lpstat -p
\`\`\``,
  },
  { id: 'guest.md', title: 'Guests', knowledge: 'it', text: 'Guests may not use the VPN.' },
])

async function ask(
  question: string,
  locale: string,
  passages?: readonly Passage[],
): Promise<GenerateRequest> {
  return {
    tenant,
    question,
    locale,
    history: [],
    passages: passages ?? (await find(knowledge, tenant, question)),
  }
}

async function answer(asked: Promise<GenerateRequest>) {
  const request = await asked
  const backend = createExtractive({ clock: new ManualClock(), terms: knowledge })
  const pieces: string[] = []
  let citations: readonly Citation[] = []
  let end: { finish: string; inputTokens?: number; outputTokens?: number } | undefined
  for await (const piece of backend.generate(request, new AbortController().signal)) {
    if (piece.type === 'text') pieces.push(piece.text)
    else if (piece.type === 'citations') citations = piece.citations
    else if (piece.type === 'end') end = piece
  }
  return { pieces, text: pieces.join(''), documents: citations.map((citation) => citation.document), end }
}

test('with nothing relevant it says so in the language of the asker, and cites nothing', async () => {
  const zh = await answer(ask('今天股市怎么样', 'zh-CN'))
  assert.equal(zh.end?.finish, 'no-answer')
  assert.match(zh.text, /没有找到/)
  assert.deepEqual(zh.documents, [])
  const en = await answer(ask('who won the world cup?', 'en'))
  assert.equal(en.end?.finish, 'no-answer')
  assert.match(en.text, /could not find/)
  assert.match((await answer(ask('股市', ''))).text, /没有找到/)
})

test('passages without any text are no answer', async () => {
  const empty = { document: 'x', title: 'X', heading: '', text: ' \n', score: 1 }
  assert.equal((await answer(ask('VPN', 'en', [empty]))).end?.finish, 'no-answer')
})

test('a Chinese question is answered with the sentence that answers it, named and cited', async () => {
  const given = await answer(ask('实习生能坐高铁一等座吗', 'zh'))
  assert.equal(given.text, '根据《差旅制度》：正式员工可以坐高铁一等座，实习生只能坐二等座[1]。')
  assert.deepEqual(given.documents, ['travel.md'])
  assert.equal(given.end?.finish, 'stop')
  assert.ok((given.end?.inputTokens ?? 0) > 0 && (given.end?.outputTokens ?? 0) > 0)
})

test('an English question likewise', async () => {
  const given = await answer(ask('What do I do about error 619?', 'en'))
  assert.equal(given.text, 'From “IT handbook”: If error 619 appears, restart the client [1].')
})

test('the passage keeps its language, the words around it are in the language of the asker', async () => {
  const given = await answer(ask('出现 error 619 restart', 'zh'))
  assert.match(given.text, /^根据《IT handbook》：.*If error 619 appears, restart the client \[1\]\.$/s)
})

test('a sentence that announces a list brings the list, whole', async () => {
  const given = await answer(ask('报销流程是什么', 'zh'))
  assert.equal(given.text, '根据《差旅制度》：\n报销按下面的步骤办理：\n1. 填写报销单。\n2. 上传发票。\n[1]')
})

test('sentences of several documents are cited one by one, in the order of the citations', async () => {
  const given = await answer(ask('VPN Secure Access guests', 'en'))
  assert.deepEqual([...given.documents].sort(), ['guest.md', 'it.md'])
  assert.match(given.text, /^This is what the documents say: .+ \[1\]\. .+ \[2\]\.$/s)
})

test('code is quoted as it stands', async () => {
  const given = await answer(ask('lpstat', 'en'))
  assert.match(given.text, /```sh\nlpstat -p\n```\n\[1\]$/)
})

test('pieces are words or a few characters, and joined they are the text', async () => {
  for (const text of [
    '',
    ' ',
    'One two  three.\n四五六七，八。\n```\ncode\n```\n',
    `${'x'.repeat(100)} 是\ud83d\ude00的`,
  ]) {
    assert.equal(piecesOf(text).join(''), text)
  }
  const { pieces } = await answer(ask('实习生能坐高铁一等座吗', 'zh'))
  assert.ok(pieces.length > 10)
  for (const piece of pieces) assert.ok([...piece.trim()].length <= 24)
})

test('with a pace it waits between pieces, and stops at once when it is aborted', async () => {
  const clock = new ManualClock()
  const backend = createExtractive({ clock, terms: knowledge }, { paceMs: 20 })
  const stop = new AbortController()
  const stream = backend.generate(await ask('error 619', 'en'), stop.signal)[Symbol.asyncIterator]()
  assert.equal((await stream.next()).value?.type, 'citations')
  assert.equal((await stream.next()).value?.type, 'text')
  const second = stream.next()
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(20)
  assert.equal((await second).value?.type, 'text')
  const third = stream.next()
  await new Promise((resolve) => setImmediate(resolve))
  stop.abort(new YizhanError('cancelled', 'not wanted'))
  await assert.rejects(third, { code: 'cancelled' })
  assert.equal(clock.pending, 0)
})
