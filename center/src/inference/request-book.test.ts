import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { citationOf } from './citation.js'
import type { Backend } from './port.js'
import { edgeId, passage, settle, startBook, submitOf, tenantId } from './testing/book-harness.js'
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

test('a sink that throws is let go, and the request goes on for the next one', async () => {
  const { present, resume, backend } = startBook()
  const { reader } = present(
    'r',
    new (class extends Reader {
      override tokens(): void {
        throw new Error('stream destroyed')
      }
    })(1_000),
  )
  await settle()
  backend.last.give('abc')
  backend.last.end()
  await settle()
  assert.equal(reader.end, undefined)
  const again = resume('r', reader, 0)
  await settle()
  assert.equal(again.reader.text, 'abc')
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

test('no more text is under way than the credit allows', async () => {
  const { present, backend } = startBook({ config: { coalesce: { ms: 15, chars: 1 } } })
  const { reader, handle } = present('r', new Reader(10))
  await settle()
  backend.last.give('四个字节', '12345', '67890')
  backend.last.end()
  await settle()
  assert.deepEqual(reader.frames, ['四个字节'], 'larger than the window, so it goes alone')
  reader.credit(handle)
  assert.deepEqual(reader.frames.slice(1), ['12345', '67890'])
  assert.equal(reader.end?.finish, 'stop', 'the end needs no credit')
})

test('no window at all holds everything but the end of an empty answer', async () => {
  const { present, backend } = startBook()
  const { reader, handle } = present('r', new Reader(0))
  await settle()
  backend.last.give('text')
  backend.last.end()
  await settle()
  assert.equal(reader.text, '')
  handle.credit(1, 5, 0)
  handle.credit(2, 0, 1_000)
  assert.equal(reader.text, '')
  reader.credit(handle, 0, 1_000)
  assert.equal(reader.text, 'text')
  assert.equal(reader.end?.finish, 'stop')
})

test('an ack of what was never sent gives no credit for it', async () => {
  const { present, backend } = startBook({ config: { coalesce: { ms: 15, chars: 1 } } })
  const { reader, handle } = present('r', new Reader(4))
  await settle()
  backend.last.give('aaaa', 'bbbb', 'cccc')
  await settle()
  reader.credit(handle, 99)
  assert.equal(reader.text, 'aaaabbbb')
  handle.credit(1, 0, 8)
  assert.equal(reader.text, 'aaaabbbbcccc', 'an old ack takes nothing back')
})

test('a credit right behind the submit counts', async () => {
  const { present, resume, backend } = startBook()
  const { reader } = present('r', new Reader(0))
  await settle()
  backend.last.give('text')
  await settle()
  const again = resume('r', reader, 0, 0)
  again.reader.attempt = 1
  again.reader.credit(again.handle, 0, 100)
  await settle()
  assert.equal(again.reader.text, 'text')
})

test('a cancel stops the backend and frees its place in the same moment', async () => {
  const { clock, present, backend, admission, metrics } = startBook({ maxRunning: 1 })
  const { reader, handle } = present('r')
  const next = present('next')
  await settle()
  assert.deepEqual(admission.stats(), { running: 1, queued: 1 })
  const run = backend.last
  run.give('first', 'second')
  await settle()
  handle.cancel('the user said so')
  assert.equal(run.signal.aborted, true)
  assert.deepEqual(admission.stats(), { running: 1, queued: 0 })
  assert.equal(reader.end?.finish, 'cancelled')
  assert.equal(reader.text, 'first')
  await settle()
  assert.equal(backend.runs.length, 2, 'the next one runs')
  handle.cancel('again')
  next.handle.cancel('too')
  await settle()
  clock.advance(100)
  assert.equal(reader.text, 'first')
  assert.deepEqual(admission.stats(), { running: 0, queued: 0 })
  assert.match(await metrics.render(), /yizhan_inference_attempts_total\{outcome="cancelled"\} 2\n/)
})

test('what was cancelled stays as it was told, to the last byte', async () => {
  const { clock, present, resume, backend } = startBook()
  const { reader, handle } = present('r')
  await settle()
  backend.last.give('first', 'second')
  await settle()
  handle.cancel('enough')
  clock.advance(100)
  const again = resume('r', reader, 0)
  await settle()
  assert.equal(again.reader.text, 'first')
  assert.deepEqual(again.reader.problems, [])
})

test('a request cancelled in the moment in which its place comes free does not run', async () => {
  const { present, backend, admission } = startBook({ maxRunning: 1 })
  const first = present('first')
  const second = present('second')
  await settle()
  first.handle.cancel('enough')
  second.handle.cancel('enough')
  await settle()
  assert.equal(backend.runs.length, 1)
  assert.deepEqual(admission.stats(), { running: 0, queued: 0 })
})

test('a sink may give credit from inside the frame that it gets', async () => {
  const { present, backend } = startBook({ config: { coalesce: { ms: 15, chars: 1 } } })
  const { reader, handle } = present('r', new Reader(0))
  await settle()
  for (let n = 0; n < 20_000; n++) backend.last.give('x')
  backend.last.end()
  await settle()
  handle.detach()
  const eager = new (class extends Reader {
    override tokens(attempt: number, seq: number, text: string): void {
      super.tokens(attempt, seq, text)
      again.handle.credit(attempt, seq, 1)
    }
  })(1_000_000)
  const again = present('r', eager, {
    submit: submitOf('q', { resume: { attempt: 1, seq: 0 }, windowBytes: 1 }),
  })
  assert.equal(reader.text, '')
  await settle()
  assert.equal(eager.seq, 20_000)
  assert.equal(eager.end?.finish, 'stop')
})

test('a cancel ends with what was told, even if the credit held more back', async () => {
  const { present, resume, backend } = startBook({ config: { coalesce: { ms: 15, chars: 1 } } })
  const { reader, handle } = present('r', new Reader(4))
  await settle()
  backend.last.give('aaaa', 'bbbb')
  await settle()
  handle.cancel('enough')
  assert.equal(reader.text, 'aaaa')
  assert.equal(reader.end?.lastSeq, 1)
  const again = resume('r', reader, 0)
  await settle()
  assert.equal(again.reader.text, 'aaaa')
  assert.equal(again.reader.end?.finish, 'cancelled')
})

test('a request cancelled in the queue never reaches the backend', async () => {
  const { present, backend, admission } = startBook({ maxRunning: 1 })
  const first = present('first')
  const second = present('second')
  await settle()
  assert.deepEqual(second.reader.accepts, [{ attempt: 1, after: 0, position: 0 }])
  second.handle.cancel('changed my mind')
  assert.equal(second.reader.end?.finish, 'cancelled')
  await settle()
  assert.deepEqual(admission.stats(), { running: 1, queued: 0 })
  first.handle.cancel('too')
  await settle()
  assert.equal(backend.runs.length, 1)
})

test('a full queue is told to the edge, with a time to come back, and then a new attempt runs', async () => {
  const { present, resume, backend } = startBook({ maxRunning: 1, maxQueued: 0 })
  const first = present('first')
  const second = present('second')
  await settle()
  assert.equal(second.reader.error?.code, 'overloaded')
  assert.ok(Number(second.reader.error?.details.retryAfterMs) > 0)
  backend.last.end('no-answer')
  await settle()
  assert.equal(first.reader.end?.finish, 'no-answer')
  const again = resume('second', second.reader)
  await settle()
  assert.deepEqual(again.reader.accepts, [{ attempt: 2, after: 0, position: 0 }])
})

test('too long in the queue, before the first text, or in all: a typed failure and a free place', async () => {
  const { clock, present, backend, admission } = startBook({
    maxRunning: 1,
    queueTtlMs: 1_000,
    config: { firstTokenMs: 3_000, maxTotalMs: 10_000, retries: 0 },
  })
  const silent = present('silent')
  const queued = present('queued')
  await settle()
  clock.advance(1_000)
  await settle()
  assert.equal(queued.reader.error?.code, 'deadline_exceeded')
  assert.equal(queued.reader.error?.details.phase, 'queue')
  clock.advance(2_000)
  await settle()
  assert.equal(silent.reader.error?.code, 'deadline_exceeded')
  assert.equal(silent.reader.error?.details.phase, 'first token')
  assert.deepEqual(admission.stats(), { running: 0, queued: 0 })

  const slow = present('slow')
  const hasty = present('hasty', new Reader(100), { submit: submitOf('q', { timeoutMs: 400 }) })
  await settle()
  backend.last.give('text')
  await settle()
  clock.advance(400)
  await settle()
  assert.equal(hasty.reader.error?.details.phase, 'total')
  clock.advance(9_600)
  await settle()
  assert.equal(slow.reader.error?.details.phase, 'total')
  assert.deepEqual(admission.stats(), { running: 0, queued: 0 })
})

test('a failure in the middle of the text is told, and the next present runs a new attempt', async () => {
  const { present, resume, backend } = startBook()
  const { reader } = present('r')
  await settle()
  backend.last.give('half ', new YizhanError('backend_failed', 'gone'))
  await settle()
  assert.equal(reader.text, 'half ')
  assert.equal(reader.error?.code, 'backend_failed')
  assert.equal(reader.error?.retryable, true)
  const again = resume('r', reader)
  await settle()
  assert.equal(again.reader.attempt, 2)
  backend.last.give('whole')
  backend.last.end()
  await settle()
  assert.equal(again.reader.text, 'whole')
})

test('a failure for good is told again to who comes back, and runs nothing', async () => {
  const { present, resume, backend } = startBook()
  const { reader, handle } = present('r')
  await settle()
  handle.detach()
  backend.last.give(new YizhanError('backend_failed', 'wrong key', { retryable: false }))
  await settle()
  const again = resume('r', reader, 0)
  await settle()
  assert.equal(again.reader.error?.code, 'backend_failed')
  assert.equal(backend.runs.length, 1)
  again.handle.endAck(1)
  const fresh = present('r')
  await settle()
  assert.equal(fresh.reader.error, undefined)
  assert.equal(backend.runs.length, 2)
})

test('text beyond the limit ends the answer there, between characters, and stops the backend', async () => {
  const { present, backend } = startBook({ config: { maxTextBytes: 10 } })
  const { reader } = present('r')
  await settle()
  backend.last.give('字字字字字')
  await settle()
  assert.equal(reader.text, '字字字')
  assert.equal(reader.end?.finish, 'length')
  assert.equal(backend.last.signal.aborted, true)
})

test('an answer is kept until it is acked or its time is over, and longer while it is read', async () => {
  const { clock, book, present, resume, backend } = startBook({ config: { keepMs: 1_000 } })
  const { reader, handle } = present('r', new Reader(0))
  await settle()
  backend.last.give('text')
  backend.last.end()
  await settle()
  handle.endAck(2)
  clock.advance(1_000)
  assert.equal(book.stats().kept, 1, 'its reader is still there')
  handle.detach()
  clock.advance(999)
  assert.equal(book.stats().kept, 1)
  clock.advance(1)
  assert.equal(book.stats().kept, 0)
  const again = resume('r', reader, 0, 100)
  await settle()
  assert.equal(again.reader.attempt, 2, 'forgotten, so it runs anew')
})

test('an end-ack of a running attempt is not believed', async () => {
  const { book, present, backend } = startBook()
  const { reader, handle } = present('r')
  await settle()
  handle.endAck(1)
  assert.equal(book.stats().running, 1)
  backend.last.give('text')
  backend.last.end()
  await settle()
  assert.equal(reader.text, 'text')
})

test('above the limit of all texts the oldest that ended go first, those that run stay', async () => {
  const { book, present, resume, backend } = startBook({ config: { maxBytes: 5 * 1_024 + 200 } })
  const readers = new Map<string, Reader>()
  for (const id of ['a', 'b', 'c']) {
    const { reader, handle } = present(id)
    await settle()
    backend.last.give('x'.repeat(100))
    if (id !== 'a') backend.last.end()
    await settle()
    readers.set(id, reader)
    handle.detach()
  }
  const failed = present('failed')
  await settle()
  backend.last.give(new YizhanError('backend_failed', 'gone', { retryable: false }))
  await settle()
  failed.handle.detach()
  assert.equal(book.stats().kept, 3)
  present('d')
  await settle()
  backend.last.give('y'.repeat(100))
  await settle()
  assert.equal(book.stats().kept, 2, 'what failed went first')
  present('e')
  await settle()
  backend.last.give('z'.repeat(100))
  await settle()
  assert.deepEqual(book.stats(), { running: 3, queued: 0, kept: 1 })
  for (const [id, attempt] of [
    ['a', 1],
    ['c', 1],
    ['b', 2],
  ] as const) {
    const again = resume(id, readers.get(id) ?? new Reader(0))
    await settle()
    assert.equal(again.reader.attempt, attempt, id)
  }
})

test('an answer that is being read stays longer than one that nobody reads', async () => {
  const { book, present, backend } = startBook({ config: { maxBytes: 2 * 1_024 + 200 } })
  const read = present('read', new Reader(0))
  await settle()
  backend.last.give('text')
  backend.last.end()
  const left = present('left')
  await settle()
  backend.last.end()
  await settle()
  left.handle.detach()
  present('next')
  await settle()
  assert.deepEqual(book.stats(), { running: 1, queued: 0, kept: 1 })
  read.reader.credit(read.handle, 0, 100)
  assert.equal(read.reader.text, 'text')
})

test('who reads an answer that has to go is told to come back', async () => {
  const { present, backend } = startBook({ config: { maxBytes: 2_100 } })
  const { reader } = present('r', new Reader(0))
  await settle()
  backend.last.give('text')
  backend.last.end()
  await settle()
  present('next')
  await settle()
  backend.last.give('x'.repeat(100))
  await settle()
  assert.equal(reader.error?.code, 'unavailable')
  assert.equal(reader.error?.retryable, true)
})

test('a backend that fails before its first text is covered by the next', async () => {
  const broken: Backend = {
    name: 'broken',
    model: 'broken-1',
    generate: () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new YizhanError('backend_failed', 'down')),
      }),
    }),
    probe: () => Promise.resolve(),
  }
  const { backend } = startBook()
  const { present } = startBook({ backends: [broken, backend] })
  const { reader } = present('r')
  await settle()
  backend.last.give('text')
  backend.last.end()
  await settle()
  assert.equal(reader.text, 'text')
  assert.equal(reader.end?.model, 'held-1')
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
