import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ticketFor } from './ticket.js'

test('tickets are short, grow without end and never repeat', () => {
  const at = (receivedSeq: number) => ticketFor({ receivedSeq })
  assert.deepEqual([1, 42, 9_999, 10_000, 259_999, 260_000, 7_020_000].map(at), [
    'A-0001',
    'A-0042',
    'A-9999',
    'B-0000',
    'Z-9999',
    'AA-0000',
    'AAA-0000',
  ])
  const some = Array.from({ length: 50_000 }, (_, i) => at(i * 37))
  assert.equal(new Set(some).size, some.length)
})
