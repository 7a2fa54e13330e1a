import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeEntry, encodeEntry, type LedgerEntry } from './entries.js'
import type { ReplyContent } from './turn.js'

const content: ReplyContent = {
  text: '密码',
  answeredBy: 'queued',
  citations: [],
  ticket: 'A-0001',
  place: 2,
  card: {
    id: 'password',
    title: '密码',
    text: '**一**',
    facts: [{ name: '长度', value: '12' }],
    buttons: [
      { label: '人工', style: 'primary', does: { kind: 'action', action: '/human' } },
      { label: '问', does: { kind: 'say', text: '怎么连 VPN' } },
      { label: '开', does: { kind: 'url', url: 'https://example.com/' } },
    ],
  },
  choices: [{ label: 'VPN', text: '1' }],
  handoff: 'hr',
  finish: 'stop',
}

test('what is no entry is data_corrupt', () => {
  for (const text of ['null', '[]', '{}', '{"k":"later","id":"t_1"}', '{"k":"feedback","id":1}']) {
    assert.throws(() => decodeEntry(Buffer.from(text)), { code: 'data_corrupt' }, text)
  }
})

test('a reply with a card, choices, a place and a hand-off comes back as it was', () => {
  const entry: LedgerEntry = { k: 'reply', id: 't_1', r: 1, n: 3, kind: 'notice', content }
  assert.deepEqual(decodeEntry(encodeEntry(entry)), entry)
})

test('a reply from before there were cards is still read', () => {
  const old =
    '{"k":"reply","id":"t_1","r":1,"n":3,"kind":"final","content":{"text":"Scan.","answeredBy":"edge","citations":[],"finish":"stop"}}'
  const entry = decodeEntry(Buffer.from(old))
  assert.ok(entry.k === 'reply')
  assert.deepEqual(entry.content, { text: 'Scan.', answeredBy: 'edge', citations: [], finish: 'stop' })
})
