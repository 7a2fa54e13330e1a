import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { inOneWrite } from './one-write.js'

/** A stream that tells what each of its writes had, as a socket's system calls would. */
function counted(): { conn: Writable; calls: string[] } {
  const calls: string[] = []
  const conn = new Writable({
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join(''))
      done()
    },
  })
  return { conn, calls }
}

const passOver = () => new Promise((resolve) => setImmediate(resolve))

test('an acknowledgement and the answer that follows in the same pass leave in one write, in their order', async () => {
  const { conn, calls } = counted()
  inOneWrite(conn)
  conn.write('ack ')
  // As aedes publishes: later in this pass, before what holds it back ends.
  setImmediate(() => conn.write('answer'))
  inOneWrite(conn)
  assert.deepEqual(calls, [])
  await passOver()
  assert.deepEqual(calls, ['ack answer'])
})

test('what is written later does not wait for anything', async () => {
  const { conn, calls } = counted()
  inOneWrite(conn)
  conn.write('ack')
  await passOver()
  conn.write('answer')
  assert.deepEqual(calls, ['ack', 'answer'])
})

test('a connection that goes away meanwhile is no error', async () => {
  const { conn, calls } = counted()
  conn.on('error', () => undefined)
  inOneWrite(conn)
  conn.write('ack', () => undefined)
  conn.destroy()
  await passOver()
  assert.deepEqual(calls, [])
})
