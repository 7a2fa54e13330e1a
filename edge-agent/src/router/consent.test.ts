import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Privacy, TenantFile } from '@yizhan/intent'
import { ManualClock } from '@yizhan/kernel'
import { CardActionSchema, ChatEventType, create, MessageKind, SubjectReportKind } from '@yizhan/proto'
import { temporaryDir } from '../ledger/testing.js'
import { filesWith } from '../privacy/testing.js'
import { acme, eventFields, startTestEdge, sure, type TestEdge } from './testing.js'

const answers = {
  id: 'answers',
  title: { zh: '回答问题', en: 'Answering questions' },
  basis: 'consent',
  notice: { zh: '您的问题会被保存。', en: 'Your questions are kept.' },
  version: '1',
  required: true,
  crossBorder: false,
} as const satisfies Privacy['purposes'][number]
const improvement = {
  id: 'improvement',
  title: { zh: '改进', en: 'Improvement' },
  basis: 'consent',
  notice: { zh: '用于改进。', en: 'To become better.' },
  version: '1',
  required: false,
  crossBorder: true,
} as const satisfies Privacy['purposes'][number]

const HOUR = 3_600_000

function asking(...purposes: Privacy['purposes']): TenantFile {
  return {
    ...acme,
    privacy: {
      contact: 'privacy@acme.example',
      purposes,
      retentionMs: {},
      pendingConsentMs: 24 * HOUR,
      offlineLeaseMs: 0,
    },
  }
}

const kindsOf = (edge: TestEdge) =>
  edge.privacy.outbox.reports().map(({ kind, purpose }) => `${SubjectReportKind[kind]} ${purpose}`)

const press = (action: string) => ({
  kind: MessageKind.CARD,
  cardAction: create(CardActionSchema, { cardId: 'privacy.consent', action }),
})

async function startAsking(t: Parameters<typeof startTestEdge>[0], ...purposes: Privacy['purposes']) {
  const dir = await temporaryDir(t)
  const clock = new ManualClock()
  const edge = await startTestEdge(t, dir, { clock, tenants: [asking(...purposes)] })
  edge.classifier.known.set('vpn', sure('it.vpn'))
  edge.classifier.known.set('password', sure('it.password'))
  return { edge, dir, clock }
}

const notices = ({ channel }: TestEdge) => channel.shown.filter(({ kind }) => kind === 'notice')

test('a first question is held with one notice, and answered once its sender has agreed', async (t) => {
  const { edge } = await startAsking(t, answers)
  const first = await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  const second = await edge.say('password')
  await edge.until(() => edge.ledger.get(second)?.state === 'held')
  assert.equal(edge.ledger.get(first)?.state, 'held')
  const [notice] = notices(edge)
  assert.match(notice?.text ?? '', /Answering questions \(version 1\): Your questions are kept\./)
  assert.match(notice?.text ?? '', /privacy@acme\.example/)
  assert.deepEqual(
    notice?.content.card?.buttons.map(({ label }) => label),
    ['Agree', 'Decline'],
  )
  assert.deepEqual(edge.classifier.asked, [])
  const agreed = await edge.say('agree')
  await edge.final(second)
  assert.deepEqual(
    edge.channel.shown.map(({ turnId, kind }) => `${turnId} ${kind}`),
    [`${first} notice`, `${agreed} final`, `${first} final`, `${second} final`],
  )
  assert.equal((await edge.final(first)).text, 'Scan the code')
  assert.deepEqual(kindsOf(edge), ['CONSENT_GIVEN answers'])
})

test('who has agreed is not asked again, also after a restart', async (t) => {
  const { edge, dir, clock } = await startAsking(t, answers)
  await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  await edge.final(await edge.say('同意'))
  await edge.until(() => edge.ledger.open().length === 0)
  await edge.kill()
  const again = await startTestEdge(t, dir, {
    clock,
    tenants: [asking(answers)],
    classifier: edge.classifier,
  })
  assert.equal((await again.final(await again.say('password'))).text, 'Ask the admin')
  assert.deepEqual(notices(again), [])
})

test('whoever declines is told so, and the text of what was held is in no file', async (t) => {
  const { edge, dir } = await startAsking(t, answers)
  const id = await edge.say('my secret is 4711-held', {
    sender: { $typeName: 'yizhan.v1.Sender', id: 'u1', name: 'Han Meimei', department: '' },
  })
  await edge.until(() => notices(edge).length === 1)
  assert.notDeepEqual(await filesWith(dir, '4711-held'), [])
  const declined = await edge.say('', press('/privacy decline'))
  assert.match((await edge.final(declined)).text, /nothing of yours is processed/)
  assert.match((await edge.final(id)).text, /has been deleted/)
  await edge.until(() => edge.ledger.open().length === 0)
  assert.equal(edge.ledger.get(id)?.state, 'refused')
  for (const text of ['4711-held', 'Han Meimei']) assert.deepEqual(await filesWith(dir, text), [])
  assert.deepEqual(edge.classifier.asked, [])
  assert.deepEqual(kindsOf(edge), ['CONSENT_REFUSED answers'])
})

test('what nobody decides is deleted when its time is over, counted over restarts, whatever the clock says', async (t) => {
  const { edge, dir, clock } = await startAsking(t, answers)
  const id = await edge.say('my secret is 4711-late')
  await edge.until(() => notices(edge).length === 1)
  clock.advance(20 * HOUR)
  clock.jumpWall(240 * HOUR)
  clock.advance(60_000)
  assert.equal(edge.ledger.get(id)?.state, 'held')
  await edge.kill()
  const again = await startTestEdge(t, dir, { clock, tenants: [asking(answers)] })
  clock.advance(3 * HOUR)
  await again.until(() => again.turns.held === 1)
  assert.equal(again.ledger.get(id)?.state, 'held')
  clock.advance(HOUR)
  assert.match((await again.final(id)).text, /did not come in time/)
  assert.equal(again.ledger.get(id)?.state, 'expired')
  assert.deepEqual(await filesWith(dir, '4711-late'), [])
  assert.deepEqual(notices(again), [])
})

test('a held question goes on after a restart, before what was said after it', async (t) => {
  const { edge, dir, clock } = await startAsking(t, answers)
  const first = await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  await edge.kill()
  const again = await startTestEdge(t, dir, {
    clock,
    tenants: [asking(answers)],
    classifier: edge.classifier,
  })
  await again.until(() => again.turns.held === 1)
  await again.say('1')
  const after = await again.say('password')
  await again.final(after)
  assert.deepEqual(again.channel.shown.map(({ text }) => text).slice(-2), ['Scan the code', 'Ask the admin'])
  assert.ok(
    again.channel.shown.findIndex(({ turnId }) => turnId === first) <
      again.channel.shown.findIndex(({ turnId }) => turnId === after),
  )
  assert.deepEqual(notices(again), [])
})

test('a held text that is deleted but not ended when the process is killed ends at the next start', async (t) => {
  const { edge, dir, clock } = await startAsking(t, answers)
  const id = await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  await edge.ledger.blank([id])
  await edge.kill()
  const again = await startTestEdge(t, dir, { clock, tenants: [asking(answers)] })
  // Without its text nothing says any more which language it was in.
  assert.match((await again.final(id)).text, /内容已删除/)
})

test('optional purposes are asked for in the same notice and can be left out', async (t) => {
  const { edge } = await startAsking(t, answers, improvement)
  const id = await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  assert.match(notices(edge)[0]?.text ?? '', /Improvement \(version 1\) \[optional\].*leaves the country/)
  await edge.say('2')
  assert.equal((await edge.final(id)).text, 'Scan the code')
  assert.deepEqual(kindsOf(edge), ['CONSENT_GIVEN answers', 'CONSENT_REFUSED improvement'])
})

test('a purpose that needs no consent is told once beside an answer, and nothing waits', async (t) => {
  const { edge } = await startAsking(t, { ...answers, basis: 'contract' })
  const first = await edge.final(await edge.say('vpn'))
  assert.match(first.text, /^Scan the code\n\nAbout your data:\n· Answering questions/)
  await edge.until(() => edge.privacy.outbox.waiting === 1)
  assert.equal((await edge.final(await edge.say('vpn'))).text, 'Scan the code')
  assert.deepEqual(kindsOf(edge), ['NOTICE_SHOWN answers'])
})

test('whoever takes a required consent back is asked again with the next question', async (t) => {
  const { edge } = await startAsking(t, answers)
  await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  await edge.final(await edge.say('agree'))
  const withdrawn = await edge.final(await edge.say('/privacy withdraw'))
  assert.match(withdrawn.text, /Withdrawn: Answering questions\..*\n.*asked again/)
  const again = await edge.say('password')
  await edge.until(() => notices(edge).length === 2)
  assert.equal(edge.ledger.get(again)?.state, 'held')
  assert.deepEqual(kindsOf(edge), ['CONSENT_GIVEN answers', 'CONSENT_WITHDRAWN answers'])
})

test('a new version of a notice is asked for again; an agreement counts for the one that was shown', async (t) => {
  const { edge } = await startAsking(t, answers)
  const id = await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  const newer = { ...answers, version: '2', notice: { en: 'Kept for two years.' } }
  edge.tenants.apply([{ id: 'acme', digest: 'd2', file: asking(newer) }])
  const shown = await edge.final(await edge.say('agree'))
  assert.match(shown.text, /version 2\): Kept for two years\./)
  assert.equal(edge.ledger.get(id)?.state, 'held')
  await edge.say('agree')
  assert.equal((await edge.final(id)).text, 'Scan the code')
  assert.deepEqual(
    edge.privacy.outbox.reports().map(({ noticeVersion }) => noticeVersion),
    ['1', '2'],
  )
})

test('a client may say by events what its user agreed to and took back', async (t) => {
  const { edge } = await startAsking(t, answers)
  const id = await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  await edge.say('', eventFields(ChatEventType.CONSENT_GIVEN, { subject: 'answers' }))
  assert.equal((await edge.final(id)).text, 'Scan the code')
  const event = await edge.say('', eventFields(ChatEventType.CONSENT_WITHDRAWN))
  await edge.until(() => edge.ledger.get(event)?.state === 'done')
  const held = await edge.say('password')
  await edge.until(() => edge.ledger.get(held)?.state === 'held')
})

test('a notice is no agreement: an event about an unknown purpose changes nothing', async (t) => {
  const { edge } = await startAsking(t, answers)
  const id = await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  const event = await edge.say('', eventFields(ChatEventType.CONSENT_GIVEN, { subject: 'anything' }))
  await edge.until(() => edge.ledger.get(event)?.state === 'done')
  assert.equal(edge.ledger.get(id)?.state, 'held')
  assert.deepEqual(kindsOf(edge), [])
})

test('“agree” from somebody who was shown nothing is a question like any other', async (t) => {
  const { edge } = await startAsking(t, answers)
  const id = await edge.say('agree')
  await edge.until(() => notices(edge).length === 1)
  assert.equal(edge.ledger.get(id)?.state, 'held')
  assert.deepEqual(kindsOf(edge), [])
})

test('one person’s consent is not another’s, and goes for all their conversations', async (t) => {
  const { edge } = await startAsking(t, answers)
  const other = { sender: { $typeName: 'yizhan.v1.Sender', id: 'u2', name: '', department: '' } } as const
  const mine = await edge.say('vpn', { conversationId: 'acme/web/room-2' })
  const theirs = await edge.say('vpn', other)
  await edge.until(() => notices(edge).length === 2)
  await edge.say('agree')
  assert.equal((await edge.final(mine)).text, 'Scan the code')
  assert.equal(edge.ledger.get(theirs)?.state, 'held')
})

test('commands that need nothing of their sender work before a decision; a held question can be cancelled', async (t) => {
  const { edge, dir } = await startAsking(t, answers)
  assert.match((await edge.final(await edge.say('/help'))).text, /\/privacy/)
  const id = await edge.say('my secret is 4711-taken-back')
  await edge.until(() => edge.ledger.get(id)?.state === 'held')
  await edge.final(await edge.say('/cancel'))
  await edge.until(() => edge.ledger.get(id)?.state === 'cancelled')
  assert.deepEqual(await filesWith(dir, '4711-taken-back'), [])
})

test('more than a person may have held is refused, and its text deleted', async (t) => {
  const { edge, dir } = await startAsking(t, answers)
  for (let i = 0; i < 20; i++) await edge.say(`question ${i}`)
  const one = await edge.say('my secret is 4711-too-many')
  assert.match((await edge.final(one)).text, /decide first/)
  assert.deepEqual(await filesWith(dir, '4711-too-many'), [])
  assert.equal(edge.turns.held, 20)
})

test('a held question that a person takes over is told so, though its one notice was for consent', async (t) => {
  const dir = await temporaryDir(t)
  const file = {
    ...asking(answers),
    handoffs: [{ name: 'hr', channel: 'web', otherwise: 'ticket' as const }],
    intents: { ...acme.intents, 'hr.person': { reply: { kind: 'handoff' as const, handoff: 'hr' } } },
  }
  const edge = await startTestEdge(t, dir, { tenants: [file] })
  edge.classifier.known.set('hr please', sure('hr.person'))
  const id = await edge.say('hr please')
  await edge.until(() => notices(edge).length === 1)
  await edge.say('agree')
  assert.match((await edge.final(id)).text, /hr/)
  await edge.until(() => edge.ledger.open().length === 0)
  assert.equal(edge.ledger.get(id)?.state, 'handed-off')
  assert.equal(notices(edge).length, 1)
})

test('/privacy tells what is held, what was agreed to, and takes wishes on for the people responsible', async (t) => {
  const { edge } = await startAsking(t, answers, improvement)
  await edge.say('vpn')
  await edge.until(() => notices(edge).length === 1)
  await edge.final(await edge.say('', press('/privacy agree-required')))
  const shown = await edge.final(await edge.say('/privacy'))
  assert.match(shown.text, /holds \d+ messages/)
  assert.match(shown.text, /Answering questions \(answers\): agreed \(2027-01-15\)/)
  assert.match(shown.text, /Improvement \(improvement\): declined/)
  assert.match((await edge.final(await edge.say('隐私'))).text, /改进/)
  assert.match((await edge.final(await edge.say('/privacy agree nothing'))).text, /answers, improvement/)
  await edge.final(await edge.say('/privacy agree Improvement'))
  const asked = await edge.final(await edge.say('/privacy erase'))
  assert.equal(asked.content.card?.buttons[0]?.style, 'danger')
  edge.uplink.up = false
  assert.match((await edge.final(await edge.say('/privacy erase confirm'))).text, /no link to the center/)
  await edge.final(await edge.say('/privacy export'))
  assert.deepEqual(kindsOf(edge).slice(-3), ['CONSENT_GIVEN improvement', 'ERASURE_ASKED ', 'EXPORT_ASKED '])
})

test('while the offline lease is over nobody is answered, and what they say is not kept', async (t) => {
  const dir = await temporaryDir(t)
  let leaseOver = true
  const policy = () => ({ maintenance: false, maxTextChars: 0, leaseOver })
  const edge = await startTestEdge(t, dir, { policy })
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const id = await edge.say('my secret is 4711-lease')
  assert.match((await edge.final(id)).text, /cut off from the center for too long/)
  assert.equal(edge.ledger.get(id)?.state, 'refused')
  assert.deepEqual(await filesWith(dir, '4711-lease'), [])
  leaseOver = false
  assert.equal((await edge.final(await edge.say('vpn'))).text, 'Scan the code')
})
