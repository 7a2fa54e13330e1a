import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import { ChatType, create, MessageSchema } from '@yizhan/proto'
import { createKnowledge, type DocumentClasses, type KnowledgeDocument } from '../retrieval/index.js'
import { createExtractive } from './extractive.js'
import { createRequestBook } from './request-book.js'
import { edge, settle, submitOf, tenant, tenantId } from './testing/book-harness.js'
import { Reader } from './testing/reader.js'
import { testAdmission } from './testing/test-admission.js'

interface Asking {
  readonly channelId?: string
  readonly chatType?: ChatType
  readonly sender?: { readonly id: string; readonly department: string }
}

/** A book on real admission, retrieval and the extractive backend; `document` is the tenant's one. */
function start(t: TestContext, document: Partial<KnowledgeDocument> = {}, classes?: DocumentClasses) {
  const clock = new ManualClock()
  const metrics = createMetrics()
  const log = silentLogger()
  const knowledge = createKnowledge({ log, metrics })
  const text = '# Travel\n## Hotels\nA night costs at most 600 yuan.'
  knowledge.replace(
    tenant,
    [{ id: 'travel.md', title: 'Travel', knowledge: 'travel', text, ...document }],
    classes,
  )
  const extractive = createExtractive({ clock, terms: knowledge }, { paceMs: 20 })
  const { admission } = testAdmission({ clock, metrics }, { backends: [extractive] })
  const pseudonymOf = () => 'nobody'
  const book = createRequestBook({ admission, retriever: knowledge, pseudonymOf, clock, log, metrics })
  t.after(() => book.stop('the test is over'))
  return async (id: string, from: typeof tenant, message: Asking = {}) => {
    const reader = new Reader(10_000)
    const submit = submitOf('How much may a hotel night cost?')
    const { text = '' } = submit.message ?? {}
    submit.message = create(MessageSchema, { text, ...message })
    book.present(edge, from, id, submit, reader)
    for (let turn = 0; turn < 200 && !reader.end; turn++) {
      await settle()
      clock.advance(20)
    }
    assert.deepEqual(reader.problems, [])
    return reader
  }
}

test('a question goes through admission, retrieval and the extractive backend to a cited answer', async (t) => {
  const ask = start(t)
  const answer = await ask('r1', tenant)
  assert.equal(answer.text, 'From “Travel”: A night costs at most 600 yuan [1].')
  assert.ok(answer.frames.length > 5, 'it streams')
  assert.equal(answer.end?.finish, 'stop')
  assert.equal(answer.end?.model, 'extractive')
  assert.equal(answer.end?.citations[0]?.heading, 'Travel › Hotels')
  const other = await ask('r2', tenantId('other'))
  assert.equal(other.end?.finish, 'no-answer')
  assert.match(other.text, /could not find/)
})

test('a turn finds, cites and shows no document that its asker may not see', async (t) => {
  const readers = {
    everybody: false,
    channels: ['dingtalk'],
    departments: ['Finance'],
    people: ['web/boss'],
    groups: false,
  }
  const ask = start(t, { class: 'finance' }, { finance: readers })
  const person = (id: string, department = '') => ({ sender: { id, department }, chatType: ChatType.DIRECT })
  const kept = [
    { channelId: 'dingtalk', ...person('li', 'Sales') },
    { channelId: 'web', ...person('li', 'Finance') },
    { channelId: 'dingtalk', ...person('boss') },
    // Others read along.
    { channelId: 'dingtalk', ...person('han', 'Finance'), chatType: ChatType.GROUP },
    {},
  ]
  for (const [n, message] of kept.entries()) {
    const { end, text } = await ask(`kept${n}`, tenant, message)
    assert.deepEqual([end?.finish, end?.citations], ['no-answer', []])
    assert.doesNotMatch(text, /600|Travel/)
  }
  const shown = [
    { channelId: 'dingtalk', ...person('han', 'Finance') },
    { channelId: 'web', ...person('boss') },
  ]
  for (const [n, message] of shown.entries()) {
    const { end, text } = await ask(`shown${n}`, tenant, message)
    assert.match(text, /600 yuan/)
    assert.equal(end?.citations[0]?.title, 'Travel')
  }
})
