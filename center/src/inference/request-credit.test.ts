import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle, startBook, submitOf } from './testing/book-harness.js'
import { Reader } from './testing/reader.js'

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

test('a sink may give credit from inside the frame that it gets', async () => {
  const { present, backend } = startBook({ config: { coalesce: { ms: 15, chars: 1 } } })
  const { handle } = present('r', new Reader(0))
  await settle()
  for (let n = 0; n < 20_000; n++) backend.last.give('x')
  backend.last.end()
  await settle()
  handle.detach()
  const eager = new (class extends Reader {
    override tokens(attempt: number, seq: number, text: string): void {
      super.tokens(attempt, seq, text)
      this.credit(again.handle, seq, 1)
    }
  })(1_000_000)
  const again = present('r', eager, {
    submit: submitOf('q', { resume: { attempt: 1, seq: 0 }, windowBytes: 1 }),
  })
  await settle()
  assert.deepEqual(eager.problems, [])
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
