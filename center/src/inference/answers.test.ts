import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import { createKnowledge } from '../retrieval/index.js'
import { createExtractive } from './extractive.js'
import { createRequestBook } from './request-book.js'
import { edge, settle, submitOf, tenant, tenantId } from './testing/book-harness.js'
import { Reader } from './testing/reader.js'
import { testAdmission } from './testing/test-admission.js'

test('a question goes through admission, retrieval and the extractive backend to a cited answer', async (t) => {
  const clock = new ManualClock()
  const metrics = createMetrics()
  const log = silentLogger()
  const knowledge = createKnowledge({ log, metrics })
  knowledge.replace(tenant, [
    {
      id: 'travel.md',
      title: 'Travel',
      knowledge: 'travel',
      text: '# Travel\n## Hotels\nA night costs at most 600 yuan.',
    },
  ])
  const extractive = createExtractive({ clock, terms: knowledge }, { paceMs: 20 })
  const { admission } = testAdmission({ clock, metrics }, { backends: [extractive] })
  const book = createRequestBook({
    admission,
    retriever: knowledge,
    pseudonymOf: () => 'nobody',
    clock,
    log,
    metrics,
  })
  t.after(() => book.stop('the test is over'))
  const ask = async (id: string, from: typeof tenant) => {
    const reader = new Reader(10_000)
    book.present(edge, from, id, submitOf('How much may a hotel night cost?'), reader)
    for (let turn = 0; turn < 200 && !reader.end; turn++) {
      await settle()
      clock.advance(20)
    }
    assert.deepEqual(reader.problems, [])
    return reader
  }
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
