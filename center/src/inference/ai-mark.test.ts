import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { settle, startBook } from './testing/book-harness.js'
import { HeldBackend } from './testing/held-backend.js'

const MARK = { zh: '（内容由 AI 生成）', en: '(Written by AI)' }

async function answered(t: TestContext, backend: HeldBackend, give: (backend: HeldBackend) => void) {
  const { book, present, problems } = startBook({ aiMark: MARK, backends: [backend] })
  t.after(() => book.stop('the test is over'))
  const { reader } = present('r1')
  await settle()
  give(backend)
  await settle()
  assert.deepEqual(problems(), [])
  return { text: reader.text, finish: reader.end?.finish }
}

test('what a model wrote ends with the tenant’s mark, in the language of the answer', async (t) => {
  const { text, finish } = await answered(t, new HeldBackend(), ({ last }) => {
    last.give('It is so.')
    last.end('length')
  })
  assert.deepEqual([text, finish], ['It is so.\n\n(Written by AI)', 'length'])
})

test('quoted documents, and an answer without a word, have none', async (t) => {
  const quoting = Object.assign(new HeldBackend(), { quotes: true })
  const quoted = await answered(t, quoting, ({ last }) => {
    last.give('As it is written.')
    last.end()
  })
  assert.equal(quoted.text, 'As it is written.')
  const silent = await answered(t, new HeldBackend(), ({ last }) => last.end('no-answer'))
  assert.deepEqual(silent, { text: '', finish: 'no-answer' })
})
