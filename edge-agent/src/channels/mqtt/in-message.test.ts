import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChatEventType, ChatType, MessageKind, Priority } from '@yizhan/proto'
import { decodeInMessage } from './in-message.js'
import { clientMessageId } from './platform-id.js'

const context = {
  address: { tenant: 'acme', user: 'li', chat: 'c1' },
  edge: 'edge-1',
  wallMs: 1_800_000_000_000,
  maxPayloadBytes: 65_536,
  maxTextChars: 100,
}
const decode = (payload: Buffer | string | object) =>
  decodeInMessage(
    Buffer.isBuffer(payload)
      ? payload
      : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
    context,
  )
const refusal = (payload: Buffer | string | object) => {
  const decoded = decode(payload)
  assert.equal(decoded.outcome, 'refused', JSON.stringify(payload).slice(0, 100))
  return decoded.outcome === 'refused' ? decoded : assert.fail()
}
const message = (payload: object) => {
  const decoded = decode(payload)
  return decoded.outcome === 'message' ? decoded.message : assert.fail(decoded.message)
}

test('bad payloads are refused with a typed code and never quoted', () => {
  const bad: [Buffer | string | object, string][] = [
    ['', 'invalid_argument'],
    ['{', 'invalid_argument'],
    ['null', 'invalid_argument'],
    ['[]', 'invalid_argument'],
    ['"text"', 'invalid_argument'],
    ['[['.repeat(30_000), 'invalid_argument'],
    [`${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'invalid_argument'],
    [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 'invalid_argument'],
    [Buffer.alloc(65_537, 0x20), 'too_large'],
    ['{"__proto__":{"text":"x"},"text":"x"}', 'invalid_argument'],
    ['{"text":"\\ud800 half"}', 'invalid_argument'],
    [{}, 'invalid_argument'],
    [{ text: '' }, 'invalid_argument'],
    [{ text: '', attachments: [] }, 'invalid_argument'],
    [{ text: '   ' }, 'invalid_argument'],
    [{ text: 5 }, 'invalid_argument'],
    [{ text: 'x'.repeat(101) }, 'too_large'],
    [{ v: 2, text: 'secret' }, 'invalid_argument'],
    [{ version: 2, text: 'secret' }, 'invalid_argument'],
    [{ version: '1', text: 'secret' }, 'invalid_argument'],
    [{ id: '', text: 'secret' }, 'invalid_argument'],
    [{ id: 7, text: 'secret' }, 'invalid_argument'],
    [{ id: '~mine', text: 'secret' }, 'invalid_argument'],
    [{ id: 'x'.repeat(129), text: 'secret' }, 'invalid_argument'],
    [{ id: 'a\u0000b', text: 'secret' }, 'invalid_argument'],
    [{ kind: 'video', text: 'secret' }, 'invalid_argument'],
    [{ kind: 'card' }, 'invalid_argument'],
    [{ kind: 'event' }, 'invalid_argument'],
    [{ kind: 'event', event: { type: 'exploded' } }, 'invalid_argument'],
    [{ kind: 'event', event: { type: 'cancel' } }, 'invalid_argument'],
    [{ kind: 'event', event: { type: 'cancel', subject: '' } }, 'invalid_argument'],
    [{ kind: 'event', event: { type: 'feedback', rating: 'up' } }, 'invalid_argument'],
    [{ kind: 'event', event: { type: 'feedback', subject: 't_1' } }, 'invalid_argument'],
    [{ kind: 'event', event: { type: 'feedback', subject: 't_1', rating: 'secret' } }, 'invalid_argument'],
    [
      { kind: 'event', event: { type: 'feedback', subject: 't_1', rating: 'up', reason: 'x'.repeat(1_001) } },
      'invalid_argument',
    ],
    [{ text: 'secret', locale: '../../etc' }, 'invalid_argument'],
    [{ text: 'secret', attachments: [{ name: 'x' }] }, 'invalid_argument'],
    ['{"kind":"card","card":{"id":"a","action":"b","values":{"constructor":"x"}}}', 'invalid_argument'],
    [{ text: 'secret', sender: 'boss' }, 'invalid_argument'],
    [{ text: 'secret', priority: 'urgent' }, 'invalid_argument'],
  ]
  for (const [payload, code] of bad) {
    const { code: got, message: why } = refusal(payload)
    assert.equal(got, code, `${JSON.stringify(payload).slice(0, 80)}: ${why}`)
    assert.ok(!why.includes('secret'), why)
  }
})

test('a refusal names the field and the client id', () => {
  const { message: why, inReplyTo } = refusal({ id: 'q7', text: 'x', locale: '!' })
  assert.match(why, /^locale: /)
  assert.equal(inReplyTo, 'q7')
  assert.equal(refusal({ id: 'q8', text: 'x'.repeat(101) }).inReplyTo, 'q8')
})

test('a text becomes a direct message of its conversation', () => {
  const got = message({
    id: 'q1',
    text: '怎么连 VPN？',
    locale: 'zh-CN',
    sender: { name: '李', department: 'IT' },
    mentioned: false,
    later: 1,
  })
  assert.equal(got.tenantId, 'acme')
  assert.equal(got.channelId, 'mqtt')
  assert.equal(got.conversationId, 'acme/mqtt/li/c1')
  assert.equal(got.platformId, 'li/c1/q1')
  assert.equal(got.chatType, ChatType.DIRECT)
  assert.equal(got.mentioned, true)
  assert.equal(got.kind, MessageKind.TEXT)
  assert.equal(got.text, '怎么连 VPN？')
  assert.equal(got.locale, 'zh-CN')
  assert.deepEqual([got.sender?.id, got.sender?.name, got.sender?.department], ['li', '李', 'IT'])
  assert.deepEqual([got.homeEdgeId, got.viaEdgeId], ['edge-1', 'edge-1'])
})

test('without an id every delivery is a new message', () => {
  const first = message({ text: 'hi' })
  const second = message({ text: 'hi' })
  assert.notEqual(first.platformId, second.platformId)
  assert.equal(clientMessageId(first.platformId), undefined)
  assert.equal(clientMessageId(message({ id: 'a/b', text: 'hi' }).platformId), 'a/b')
})

test('a paired escape is a character, not a fault', () => {
  const decoded = decode('{"text":"\\ud83d\\ude00"}')
  assert.equal(decoded.outcome === 'message' && decoded.message.text, '😀')
})

test('a program says that nobody waits for its answer', () => {
  assert.equal(message({ text: 'x' }).priority, Priority.UNSPECIFIED)
  assert.equal(message({ text: 'x', priority: 'batch' }).priority, Priority.BATCH)
})

test('cards, events and attachments are carried', () => {
  const card = message({ kind: 'card', card: { id: 'k', action: 'ok', values: { a: '1' } } })
  assert.equal(card.kind, MessageKind.CARD)
  assert.deepEqual({ ...card.cardAction?.values }, { a: '1' })
  const event = message({ kind: 'event', event: { type: 'recalled', subject: 'q1' } })
  assert.equal(event.chatEvent?.type, ChatEventType.RECALLED)
  const sha256 = 'ab'.repeat(32)
  const file = message({
    text: 'see',
    quoted: { id: 'q0', text: 'before' },
    attachments: [{ name: 'a.pdf', mediaType: 'application/pdf', size: 12, sha256 }],
  })
  assert.equal(Buffer.from(file.attachments[0]?.sha256 ?? []).toString('hex'), sha256)
  assert.equal(file.attachments[0]?.sizeBytes, 12n)
  assert.equal(file.quoted?.text, 'before')
})

test('a file without a word is let in: its sender is told what to do with it', () => {
  const file = { name: 'a.pdf', mediaType: 'application/pdf', size: 12 }
  assert.equal(message({ id: 'q1', attachments: [file] }).attachments.length, 1)
  assert.equal(message({ id: 'q2', text: '', attachments: [file] }).text, '')
})

test('what is cancelled or recalled is named by the client id, what is rated by the turn', () => {
  const event = (fields: object) => message({ kind: 'event', event: fields }).chatEvent
  assert.equal(event({ type: 'cancel', subject: 'q1' })?.subject, 'li/c1/q1')
  assert.equal(event({ type: 'recalled', subject: 'q1' })?.subject, 'li/c1/q1')
  const down = event({ type: 'feedback', subject: 't_1', rating: 'down', reason: 'wrong year' })
  assert.deepEqual([down?.subject, down?.rating, down?.reason], ['t_1', 'down', 'wrong year'])
  assert.equal(event({ type: 'feedback', subject: 't_1', rating: 'none' })?.rating, '')
})
