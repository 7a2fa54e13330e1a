import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delta, Out } from '../support/chat-client.js'
import type { Asked, Role, Transcript } from './transcript.js'
import { type Check, judge } from './verdict.js'

const asked = (role: Role, id: string): Asked => ({ id, role, text: id })
const reply = (inReplyTo: string, text: string, answeredBy: string, more: Partial<Out> = {}): Out => ({
  type: 'final',
  id: `${inReplyTo}.final`,
  turnId: inReplyTo,
  inReplyTo,
  text,
  answeredBy,
  citations: [],
  ...more,
})
const ticket = (inReplyTo: string, number: string): Out =>
  reply(inReplyTo, 'noted', 'queued', { type: 'notice', id: `${inReplyTo}.notice`, ticket: number })
const piece = (seq: number, text: string, attempt = 1): Delta => ({
  turnId: 's',
  inReplyTo: 's',
  attempt,
  seq,
  text,
})
const late = { late: true } as const

/** A run in which all is as it should be. */
const GOOD: Transcript = {
  asked: [
    asked('local', 'l'),
    asked('uncut', 'u'),
    asked('stream', 's'),
    asked('offline', 'o'),
    asked('ticket', 't1'),
    asked('ticket', 't2'),
  ],
  out: [
    reply('l', 'vpn', 'edge'),
    reply('u', 'one two three', 'center'),
    reply('o', 'password', 'edge'),
    ticket('t1', 'T-1'),
    ticket('t2', 'T-2'),
    reply('s', 'one two three', 'center'),
    reply('t1', 'first', 'center', late),
    reply('t2', 'second', 'center', late),
  ],
  deltas: [piece(1, 'one '), piece(2, 'two '), piece(3, 'three')],
  piecesBeforeRestore: 2,
  answeredOffline: ['o'],
}
const replace = (from: Out, to: Out[]): Transcript => ({
  ...GOOD,
  out: GOOD.out.flatMap((one) => (one.id === from.id ? to : [one])),
})
const by = (id: string): Out => GOOD.out.find((one) => one.id === id) as Out
const failed = (transcript: Transcript): Check['name'][] =>
  judge(transcript)
    .checks.filter(({ ok }) => !ok)
    .map(({ name }) => name)

test('a good run passes every check', () => {
  const verdict = judge(GOOD)
  assert.deepEqual(failed(GOOD), [])
  assert.equal(verdict.ok, true)
  const { answered, lost, doubled, reordered } = verdict
  assert.deepEqual([verdict.asked, answered, lost, doubled, reordered], [6, 6, 0, 0, 0])
  assert.equal(verdict.sha256.cut, verdict.sha256.uncut)
})

test('the same reply twice, as QoS 1 may bring it, is not a second one', () => {
  assert.equal(judge(replace(by('l.final'), [by('l.final'), by('l.final')])).ok, true)
})

const BAD: readonly [string, Transcript, Check['name'][], Partial<ReturnType<typeof judge>>][] = [
  ['an answer is lost', replace(by('t2.final'), []), ['answers', 'answeredBy', 'tickets'], { lost: 1 }],
  [
    'a second final',
    replace(by('l.final'), [by('l.final'), { ...by('l.final'), id: 'other' }]),
    ['answers'],
    { doubled: 1 },
  ],
  [
    'a second ticket',
    replace(by('t1.notice'), [by('t1.notice'), { ...by('t1.notice'), id: 'other' }]),
    ['answers'],
    { doubled: 1 },
  ],
  [
    'an answer to nothing',
    { ...GOOD, out: [...GOOD.out, reply('nobody', 'x', 'edge')] },
    ['answers'],
    { doubled: 1 },
  ],
  [
    'late answers in another order',
    { ...GOOD, out: [...GOOD.out.slice(0, 6), by('t2.final'), by('t1.final')] },
    ['answers'],
    { reordered: 1 },
  ],
  [
    'the center answered what is local',
    replace(by('o.final'), [reply('o', 'x', 'center')]),
    ['answeredBy'],
    {},
  ],
  ['no ticket was given', replace(by('t1.notice'), []), ['tickets'], {}],
  ['two got the same ticket', replace(by('t2.notice'), [ticket('t2', 'T-1')]), ['tickets'], {}],
  [
    'the ticket came after its answer',
    { ...GOOD, out: [...GOOD.out.filter(({ id }) => id !== 't1.notice'), by('t1.notice')] },
    ['tickets'],
    {},
  ],
  [
    'an answer that does not say it is late',
    replace(by('t1.final'), [reply('t1', 'first', 'center')]),
    ['tickets'],
    {},
  ],
  ['the local answer waited for the link', { ...GOOD, answeredOffline: [] }, ['offlineAnswer'], {}],
  [
    'a heavy one was answered without a link',
    { ...GOOD, answeredOffline: ['o', 't1'] },
    ['offlineAnswer'],
    {},
  ],
  ['the stream was over before the cut', { ...GOOD, piecesBeforeRestore: 3 }, ['cutInside'], {}],
  ['the cut was before the stream', { ...GOOD, piecesBeforeRestore: 0 }, ['cutInside'], {}],
  [
    'a piece is missing',
    { ...GOOD, deltas: [piece(1, 'one '), piece(3, 'three')], piecesBeforeRestore: 1 },
    ['pieces'],
    {},
  ],
  [
    'a piece came twice',
    { ...GOOD, deltas: [piece(1, 'one '), piece(2, 'two '), piece(2, 'two '), piece(3, 'three')] },
    ['pieces'],
    {},
  ],
  [
    'the pieces are not the text',
    { ...GOOD, deltas: [piece(1, 'one '), piece(2, 'TWO '), piece(3, 'three')] },
    ['pieces'],
    {},
  ],
  [
    'the engine ran again',
    { ...GOOD, deltas: [piece(1, 'one '), piece(2, 'two '), piece(3, 'three', 2)] },
    ['sameAttempt'],
    {},
  ],
  [
    'another text than without a cut',
    {
      ...replace(by('s.final'), [reply('s', 'one two four', 'center')]),
      deltas: [piece(1, 'one '), piece(2, 'two '), piece(3, 'four')],
    },
    ['sameText'],
    {},
  ],
  ['nothing was streamed', { ...GOOD, deltas: [] }, ['cutInside', 'pieces', 'sameAttempt'], {}],
]

for (const [what, transcript, names, numbers] of BAD) {
  test(`seen: ${what}`, () => {
    const verdict = judge(transcript)
    assert.deepEqual(failed(transcript), names)
    assert.equal(verdict.ok, false)
    for (const [name, value] of Object.entries(numbers)) {
      assert.deepEqual(verdict[name as keyof typeof verdict], value, name)
    }
  })
}
