import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { ChatType, create, MessageKind, MessageSchema } from '@yizhan/proto'
import { citationOf } from './citation.js'
import type { AskedIn } from './port.js'
import { edgeId, passage, settle, startBook, submitOf, tenantId } from './testing/book-harness.js'
import { HeldBackend } from './testing/held-backend.js'
import { Reader } from './testing/reader.js'

test('a request without a question is refused and not kept', async () => {
  const { book, present, backend } = startBook()
  for (const question of ['', ' \n']) {
    const { reader } = present('r', new Reader(100), { submit: submitOf(question) })
    await settle()
    assert.equal(reader.error?.code, 'invalid_argument')
  }
  assert.equal(backend.runs.length, 0)
  assert.deepEqual(book.stats(), { running: 0, queued: 0, kept: 0 })
})

test('a request of another edge or tenant is refused and stays untouched', async () => {
  const { present, backend } = startBook()
  const { reader } = present('r')
  await settle()
  const spy = present('r', new Reader(100), { edge: edgeId('e2') })
  const thief = present('r', new Reader(100), { tenant: tenantId('other') })
  await settle()
  for (const other of [spy, thief]) {
    assert.equal(other.reader.error?.code, 'permission_denied')
    assert.deepEqual(other.reader.accepts, [])
    other.handle.cancel('mine now')
    other.handle.credit(1, 0, 1_000)
    other.handle.endAck(1)
  }
  backend.last.give('text')
  backend.last.end()
  await settle()
  assert.equal(reader.text, 'text')
  assert.equal(reader.end?.finish, 'stop')
  assert.equal(spy.reader.text + thief.reader.text, '')
})

test('a resume point that no attempt here can have brings a new attempt, not a mixed text', async () => {
  const { present, backend } = startBook()
  present('r')
  await settle()
  backend.last.give('abc')
  await settle()
  const first = backend.last
  const ahead = present('r', new Reader(100, ['x', 'y', 'z']), {
    submit: submitOf('question?', { resume: { attempt: 1, seq: 3 } }),
  })
  await settle()
  assert.equal(ahead.reader.attempt, 2)
  assert.equal(first.signal.aborted, true)
  backend.last.give('new')
  backend.last.end()
  await settle()
  assert.equal(ahead.reader.text, 'new')
  const later = present('r', new Reader(100), { submit: submitOf('q', { resume: { attempt: 7, seq: 1 } }) })
  await settle()
  assert.equal(later.reader.attempt, 8)
})

test('an answer comes with its text, its hash, its citations and what it took', async () => {
  const { clock, present, backend, book } = startBook()
  const { reader, handle } = present('r')
  assert.deepEqual(reader.accepts, [], 'nothing is told before present has returned')
  await settle()
  assert.deepEqual(reader.accepts, [{ attempt: 1, after: 0, position: 0 }])
  assert.deepEqual(backend.last.request.passages, [passage])
  clock.advance(40)
  backend.last.give({ type: 'citations', citations: [citationOf(passage)] }, '您', '好')
  await settle()
  assert.equal(reader.text, '您')
  clock.advance(15)
  assert.equal(reader.text, '您好')
  backend.last.give('！')
  backend.last.end()
  await settle()
  assert.equal(reader.text, '您好！')
  assert.deepEqual(reader.end?.usage, { inputTokens: 7, outputTokens: 9, queueMs: 0, firstTokenMs: 40 })
  assert.equal(reader.end?.model, 'held-1')
  assert.equal(reader.end?.citations[0]?.document, 'd.md')
  assert.deepEqual(book.stats(), { running: 0, queued: 0, kept: 1 })
  handle.endAck(1)
  assert.deepEqual(book.stats(), { running: 0, queued: 0, kept: 0 })
  assert.equal(clock.pending, 0)
})

test('beside many others a piece waits longer for the next, and the end waits for nothing', async () => {
  const { clock, present, backend } = startBook({ maxRunning: 64 })
  for (let i = 0; i < 16; i++) present(`other-${i}`)
  const { reader } = present('r')
  await settle()
  backend.last.give('您', '好')
  await settle()
  assert.equal(reader.text, '您')
  clock.advance(15)
  assert.equal(reader.text, '您')
  clock.advance(15)
  assert.equal(reader.text, '您好')
  backend.last.give('！')
  backend.last.end()
  await settle()
  assert.equal(reader.text, '您好！')
})

test('notes of a conversation are looked for once its edge may have left something out', async () => {
  const asked: (string | undefined)[] = []
  const recall = async (_where: AskedIn, from?: string) => {
    asked.push(from)
    return 'the notes'
  }
  const { present, backend } = startBook({ memory: { recall, answered: () => undefined } })
  for (const exchanges of [0, 1, 3, 4]) {
    const submit = submitOf('q')
    submit.memoryFrom = 't_7'
    const from = { channelId: 'web', conversationId: 'c', sender: { id: 'li' }, chatType: ChatType.DIRECT }
    submit.message = create(MessageSchema, { text: 'q', kind: MessageKind.TEXT, ...from })
    for (let i = 0; i < exchanges; i++) {
      submit.history.push({ $typeName: 'yizhan.v1.HistoryEntry', role: 1, text: 'hi' })
      submit.history.push({ $typeName: 'yizhan.v1.HistoryEntry', role: 2, text: 'hello' })
    }
    present(`r${exchanges}`, new Reader(100), { submit })
    await settle()
    assert.equal(backend.last.request.summary, exchanges < 4 ? undefined : 'the notes', `${exchanges}`)
  }
  assert.deepEqual(asked, ['t_7'])
})

test('the locale and the history of a submit reach the backend', async () => {
  const { present, backend } = startBook()
  const submit = submitOf('怎么连 VPN')
  submit.history.push({ $typeName: 'yizhan.v1.HistoryEntry', role: 1, text: 'hi' })
  submit.history.push({ $typeName: 'yizhan.v1.HistoryEntry', role: 2, text: 'hello' })
  submit.history.push({ $typeName: 'yizhan.v1.HistoryEntry', role: 0, text: 'dropped' })
  present('r', new Reader(100), { submit })
  await settle()
  assert.equal(backend.last.request.locale, 'zh')
  assert.deepEqual(backend.last.request.history, [
    { role: 'user', text: 'hi' },
    { role: 'assistant', text: 'hello' },
  ])
})

test('a resumed request goes on where it was, and the backend does not run again', async () => {
  const { clock, present, resume, backend } = startBook()
  const { reader, handle } = present('r')
  await settle()
  backend.last.give('one ')
  await settle()
  handle.detach()
  backend.last.give('two ')
  await settle()
  clock.advance(15)
  assert.equal(reader.text, 'one ')
  const again = resume('r', reader)
  await settle()
  assert.deepEqual(again.reader.accepts, [{ attempt: 1, after: 1, position: 0 }])
  assert.equal(again.reader.text, 'one two ')
  backend.last.give('three')
  backend.last.end()
  await settle()
  assert.equal(again.reader.text, 'one two three')
  assert.equal(backend.runs.length, 1)
  assert.equal(reader.text, 'one ')
})

test('an edge that lost what it held gets everything again', async () => {
  const { present, backend } = startBook()
  const { handle } = present('r')
  await settle()
  backend.last.give('all')
  backend.last.end()
  await settle()
  handle.detach()
  const again = present('r')
  await settle()
  assert.deepEqual(again.reader.accepts, [{ attempt: 1, after: 0, position: 0 }])
  assert.equal(again.reader.text, 'all')
  assert.equal(again.reader.end?.finish, 'stop')
  assert.equal(backend.runs.length, 1)
})

test('a request that is not known here goes on as the next attempt', async () => {
  const { present, backend } = startBook()
  const { reader } = present('r', new Reader(100, ['old', 'text']), {
    submit: submitOf('question?', { resume: { attempt: 3, seq: 2 } }),
  })
  await settle()
  assert.deepEqual(reader.accepts, [{ attempt: 4, after: 0, position: 0 }])
  backend.last.give('new')
  backend.last.end()
  await settle()
  assert.equal(reader.text, 'new')
  const old = present('r', new Reader(100, ['old']), {
    submit: submitOf('question?', { resume: { attempt: 3, seq: 1 } }),
  })
  await settle()
  assert.deepEqual(old.reader.accepts, [{ attempt: 4, after: 0, position: 0 }])
  assert.equal(old.reader.text, 'new')
})

test('the same request presented twice at once runs once, and the newest link reads it', async () => {
  const { present, backend } = startBook()
  const first = present('r')
  const second = present('r')
  await settle()
  backend.last.give('text')
  backend.last.end()
  await settle()
  assert.equal(backend.runs.length, 1)
  assert.deepEqual(first.reader.accepts, [])
  assert.equal(second.reader.text, 'text')
  first.handle.cancel('late word of the old link')
  first.handle.endAck(1)
  assert.equal(second.reader.end?.finish, 'stop')
})

test('a stop aborts what runs and tells nobody; who comes after is sent away', async () => {
  const { clock, book, present, backend, admission } = startBook({ maxRunning: 1 })
  const running = present('running')
  const queued = present('queued')
  await settle()
  backend.last.give('text')
  await settle()
  await book.stop('shutting down')
  await book.stop('again')
  await book.done
  assert.equal(backend.last.signal.aborted, true)
  assert.deepEqual(admission.stats(), { running: 0, queued: 0 })
  for (const { reader } of [running, queued]) {
    assert.equal(reader.end, undefined)
    assert.equal(reader.error, undefined)
  }
  const late = present('late')
  await settle()
  assert.equal(late.reader.error?.code, 'unavailable')
  assert.deepEqual(book.stats(), { running: 0, queued: 0, kept: 0 })
  assert.equal(clock.pending, 0)
})

test('first text, tokens and outcomes are measured', async () => {
  const { clock, metrics, present, backend } = startBook()
  present('r')
  await settle()
  clock.advance(250)
  backend.last.give('text')
  backend.last.end()
  present('f')
  await settle()
  backend.last.give(new YizhanError('backend_failed', 'x', { retryable: false }))
  await settle()
  const text = await metrics.render()
  assert.match(text, /yizhan_inference_first_token_seconds_sum 0\.25\n/)
  assert.match(text, /yizhan_inference_tokens_total\{direction="in"\} 7\n/)
  assert.match(text, /yizhan_inference_tokens_total\{direction="out"\} 9\n/)
  assert.match(text, /yizhan_inference_attempts_total\{outcome="stop"\} 1\n/)
  assert.match(text, /yizhan_inference_attempts_total\{outcome="backend_failed"\} 1\n/)
})

test('an engine that begins anew makes a higher attempt: the text before is void, and the final holds the new one', async () => {
  const { present, resume, backend, problems } = startBook()
  const { reader, handle } = present('r')
  await settle()
  backend.last.give('half an ', { type: 'superseded' }, 'a whole answer')
  await settle()
  assert.deepEqual(reader.accepts, [
    { attempt: 1, after: 0, position: 0 },
    { attempt: 2, after: 0, position: 0 },
  ])
  assert.equal(reader.text, 'a whole answer')
  // An acknowledgement of the text that is void gives no credit for the new one.
  handle.credit(1, 1, 1)
  handle.detach()
  const again = resume('r', reader)
  backend.last.end()
  await settle()
  assert.deepEqual(again.reader.accepts, [{ attempt: 2, after: 1, position: 0 }])
  assert.equal(again.reader.end?.finish, 'stop')
  assert.deepEqual(problems(), [])
  assert.equal(backend.runs.length, 1)
})

test('an engine that begins anew before anything was told is no new attempt', async () => {
  const { present, backend } = startBook()
  const { reader } = present('r')
  await settle()
  backend.last.give({ type: 'superseded' }, 'text')
  backend.last.end()
  await settle()
  assert.deepEqual([reader.attempt, reader.text, reader.accepts.length], [1, 'text', 1])
})

test('below an answer stands which files were not read, unless nobody can have them or the model saw them', async () => {
  const image = { name: 'a.png', mediaType: 'image/png', base64: 'AAEC' }
  const text = { ...passage, document: 'b.txt', title: 'b.txt', text: 'What b says.' }
  const fileReader = { read: async () => ({ images: [image], texts: [text], unread: ['c.exe'] }) }
  const answer = async (sees: boolean, digest: Uint8Array) => {
    const backend = Object.assign(new HeldBackend(), { sees })
    const { book, present } = startBook({ backends: [backend], fileReader })
    const submit = submitOf('What is it?')
    const attachments = ['a.png', 'b.txt', 'c.exe'].map((name) => ({ name, sha256: digest }))
    submit.message = create(MessageSchema, {
      ...{ text: 'What is it?', channelId: 'web', conversationId: 'c', sender: { id: 'li' }, attachments },
    })
    const { reader } = present('r', new Reader(10_000), { submit })
    await settle()
    const run = backend.runs[0] ?? assert.fail()
    assert.deepEqual(run.request.passages[0]?.title, 'b.txt')
    assert.deepEqual([run.request.images, run.request.unread], [[image], ['c.exe']])
    run.give('It is a bill.')
    run.end()
    await settle()
    await book.stop('the test is over')
    return reader.text
  }
  const digest = new Uint8Array(32)
  assert.match(await answer(false, digest), /^It is a bill\.\n\n\(.*not read: c\.exe, a\.png\)$/)
  assert.match(await answer(true, digest), /^It is a bill\.\n\n\(.*not read: c\.exe\)$/)
  assert.equal(await answer(false, new Uint8Array()), 'It is a bill.')
})
