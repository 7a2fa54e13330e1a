import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import type { Backend } from './port.js'
import { settle, startBook, submitOf } from './testing/book-harness.js'
import { Reader } from './testing/reader.js'

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
    config: { maxTotalMs: 10_000 },
    pool: { retries: 0 },
    member: { firstTokenMs: 3_000 },
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

test('a failure in the middle of the text that no engine mends is told, and the next present runs a new attempt', async () => {
  const { present, resume, backend } = startBook({ pool: { retries: 0 } })
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
