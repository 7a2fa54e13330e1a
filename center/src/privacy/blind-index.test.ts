import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { TenantId } from '@yizhan/kernel'
import {
  accountKey,
  contentMark,
  conversationMark,
  identityDigest,
  memoryMark,
  questionMark,
} from './blind-index.js'

const KEY = Buffer.alloc(32, 7)
const account = { channel: '渠道', sender: 'li@acme' }

/** As it is said: each part behind its length in four bytes. */
function framed(...parts: readonly string[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(part))
      return [length, Buffer.from(part)]
    }),
  )
}

function mark(...parts: readonly string[]): string {
  return createHmac('sm3', KEY)
    .update(framed(...parts))
    .digest('hex')
}

test('a mark is the HMAC-SM3 of its parts, each behind its length: what lies in the store is found by it', () => {
  assert.equal(accountKey(KEY, account), mark('渠道', 'li@acme'))
  assert.equal(conversationMark(KEY, 'web', ''), mark('conversation', 'web', ''))
  assert.equal(
    memoryMark(KEY, { ...account, conversation: 'room 🙂' }),
    mark('memory', '渠道', 'room 🙂', 'li@acme'),
  )
  assert.equal(contentMark(KEY, 'ab'), mark('content', 'ab'))
  assert.equal(questionMark(KEY, '怎么'), mark('question', '怎么'))
})

test('an edge finds an account by the SM3 of the salt and the framed parts', () => {
  const salt = Buffer.alloc(16, 3)
  const digest = identityDigest(salt, 'acme' as TenantId, account)
  const expected = createHash('sm3')
    .update(salt)
    .update(framed('acme', '渠道', 'li@acme'))
    .digest()
  assert.deepEqual(Buffer.from(digest), expected)
})
