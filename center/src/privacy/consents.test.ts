import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Privacy, Purpose } from '@yizhan/intent'
import { silentLogger } from '@yizhan/kernel'
import { create, type SubjectReport, SubjectReportKind, SubjectReportSchema } from '@yizhan/proto'
import { PrivacyCases } from './cases.js'
import { Consents } from './consents.js'
import { SubjectReportBook } from './subject-reports.js'
import { acme, anna, by, DAY, edge, globex, never, refused, stand } from './testing/stand.js'

const beijing = edge('beijing-1')
const purpose = (id: string, more: Partial<Purpose> = {}): Purpose => ({
  id,
  title: { en: id },
  basis: 'consent',
  version: '1',
  required: false,
  crossBorder: false,
  ...more,
})
const SECTION: Privacy = {
  purposes: [
    purpose('answers', { required: true }),
    purpose('improvement', { crossBorder: true }),
    purpose('payroll', { basis: 'contract' }),
    purpose('statistics', { basis: 'legitimate-interest' }),
  ],
  retentionMs: {},
  pendingConsentMs: DAY,
  offlineLeaseMs: 0,
}

async function desk(t: TestContext) {
  const s = await stand(t)
  const { clock } = s
  const { store, subjects } = s.parts
  let section: Privacy | undefined = SECTION
  const consents = new Consents({ store, clock, policies: { of: async () => section } })
  const cases = new PrivacyCases({ store, clock }, { caseDueMs: 15 * DAY })
  const book = new SubjectReportBook({ store, subjects, consents, cases, clock, log: silentLogger() })
  let reports = 0
  const report = (kind: SubjectReportKind, more: Partial<SubjectReport> = {}) =>
    create(SubjectReportSchema, {
      reportId: `rep_${++reports}`,
      tenantId: 'acme',
      channelId: anna.channel,
      senderId: anna.sender,
      kind,
      purpose: 'answers',
      noticeVersion: '1',
      locale: 'en',
      timeMs: BigInt(clock.wall()),
      ...more,
    })
  return {
    ...s,
    s,
    consents,
    cases,
    book,
    report,
    setSection(next: Privacy | undefined) {
      section = next
    },
    say: (kind: SubjectReportKind, more: Partial<SubjectReport> = {}) =>
      book.take(beijing, acme, report(kind, more)),
    async may(id = 'answers') {
      const subject = await subjects.find(acme, anna)
      const { because } = await consents.mayUse(acme, subject === undefined ? [] : [subject], id)
      return because
    },
    async subject() {
      const subject = await subjects.find(acme, anna)
      assert.ok(subject)
      return subject
    },
  }
}

const { CONSENT_GIVEN, CONSENT_REFUSED, CONSENT_WITHDRAWN, NOTICE_SHOWN, EXPORT_ASKED, ERASURE_ASKED } =
  SubjectReportKind

for (const [what, wrong] of [
  ['without an id', { reportId: '' }],
  ['with an id that is a path', { reportId: '../../x' }],
  ['of an unknown kind', { kind: 77 as SubjectReportKind }],
  ['of no kind', { kind: SubjectReportKind.UNSPECIFIED }],
  ['without a sender', { senderId: '' }],
  ['with a sender of a megabyte', { senderId: 'x'.repeat(1_000_000) }],
  ['without a channel', { channelId: '' }],
  ['with a name in place of a purpose', { purpose: 'Anna Schmidt' }],
  ['with a notice of a megabyte', { noticeVersion: 'x'.repeat(1_000_000) }],
  ['from before the epoch', { timeMs: -1n }],
] as const) {
  test(`a report ${what} makes nobody known and does not come again`, async (t) => {
    const d = await desk(t)
    await d.say(CONSENT_GIVEN, wrong)
    assert.deepEqual(await d.audit(), [])
  })
}

test('a consent counts for its purpose and the version of its notice, and is kept with its basis', async (t) => {
  const d = await desk(t)
  assert.equal(await d.may(), 'not-asked')
  await d.say(NOTICE_SHOWN)
  assert.equal(await d.may(), 'not-asked')
  await d.say(CONSENT_GIVEN)
  assert.equal(await d.may(), 'given')
  assert.equal(await d.may('improvement'), 'not-asked')
  const { consents } = await d.consents.list(acme, await d.subject())
  const { report: _report, ...given } = consents[1] ?? {}
  assert.deepEqual(given, {
    kind: 'given',
    purpose: 'answers',
    at: d.clock.wall(),
    recordedAt: d.clock.wall(),
    channel: 'web',
    noticeVersion: '1',
    locale: 'en',
    edge: 'beijing-1',
    basis: 'consent',
    crossBorder: false,
  })
  d.setSection({ ...SECTION, purposes: [purpose('answers', { version: '2' })] })
  assert.equal(await d.may(), 'older-notice')
  assert.equal(await d.may('improvement'), 'unknown-purpose')
  d.setSection(undefined)
  assert.equal(await d.may(), 'unknown-purpose')
})

test('a withdrawal ends the use, and a later consent begins it again', async (t) => {
  const d = await desk(t)
  await d.say(CONSENT_GIVEN)
  d.clock.advance(1)
  await d.say(CONSENT_WITHDRAWN)
  assert.equal(await d.may(), 'withdrawn')
  d.clock.advance(1)
  await d.say(CONSENT_GIVEN)
  assert.equal(await d.may(), 'given')
})

test('what was said last counts, whichever edge tells it first', async (t) => {
  const d = await desk(t)
  const early = BigInt(d.clock.wall())
  d.clock.advance(DAY)
  await d.say(CONSENT_WITHDRAWN)
  await d.book.take(edge('wuhan-1'), acme, d.report(CONSENT_GIVEN, { timeMs: early }))
  assert.equal(await d.may(), 'withdrawn')
})

test('an edge whose clock is ahead does not have the last word for ever', async (t) => {
  const d = await desk(t)
  await d.say(CONSENT_GIVEN, { timeMs: BigInt(d.clock.wall() + 400 * DAY) })
  d.clock.advance(DAY)
  await d.say(CONSENT_WITHDRAWN)
  assert.equal(await d.may(), 'withdrawn')
})

test('a contract needs no consent, an interest stands until somebody objects', async (t) => {
  const d = await desk(t)
  assert.equal(await d.may('payroll'), 'basis')
  assert.equal(await d.may('statistics'), 'basis')
  await d.say(CONSENT_WITHDRAWN, { purpose: 'payroll' })
  await d.say(CONSENT_WITHDRAWN, { purpose: 'statistics' })
  assert.equal(await d.may('payroll'), 'basis')
  assert.equal(await d.may('statistics'), 'objected')
})

test('without a purpose a withdrawal is of every purpose, also of those that the section has lost', async (t) => {
  const d = await desk(t)
  await d.say(CONSENT_GIVEN)
  await d.say(CONSENT_GIVEN, { purpose: 'improvement' })
  d.setSection({ ...SECTION, purposes: [purpose('answers')] })
  d.clock.advance(1)
  await d.say(CONSENT_WITHDRAWN, { purpose: '' })
  d.setSection(SECTION)
  assert.equal(await d.may(), 'withdrawn')
  assert.equal(await d.may('improvement'), 'withdrawn')
})

test('the same report counts once, ten at a time as well as after an erasure', async (t) => {
  const d = await desk(t)
  const given = d.report(CONSENT_GIVEN)
  await Promise.all(Array.from({ length: 10 }, () => d.book.take(beijing, acme, given)))
  const subject = await d.subject()
  assert.equal((await d.consents.list(acme, subject)).consents.length, 1)
  await d.parts.erasures.erase(acme, subject, by, never)
  await d.book.take(beijing, acme, given)
  assert.equal(await d.parts.subjects.find(acme, anna), undefined, 'the erased person stays erased')
  await d.book.take(edge('wuhan-1'), acme, given)
  assert.ok(await d.parts.subjects.find(acme, anna), 'another edge’s report of the same id is another report')
})

test('the audit of a report names the edge and the person’s id, and no more once the person is erased', async (t) => {
  const d = await desk(t)
  await d.say(CONSENT_REFUSED)
  const subject = await d.subject()
  const entry = (await d.audit()).at(-1)
  assert.deepEqual([entry?.actor, entry?.action, entry?.subject], ['edge:beijing-1', 'CREATE', subject])
  assert.match(entry?.object ?? '', new RegExp(`^consents/${subject}/`))
  await d.parts.erasures.erase(acme, subject, by, never)
  const entries = await d.audit()
  assert.doesNotMatch(JSON.stringify(entries.map(({ object, actor }) => [object, actor])), /anna/)
  assert.deepEqual((await d.consents.list(acme, subject)).consents, [])
})

test('asking for a copy or an erasure opens one case with its due date, until somebody closes it', async (t) => {
  const d = await desk(t)
  const asked = d.clock.wall()
  d.clock.advance(DAY)
  await d.say(EXPORT_ASKED, { timeMs: BigInt(asked) })
  await d.say(EXPORT_ASKED)
  // Within a millisecond ids have no order.
  d.clock.advance(1)
  await d.say(ERASURE_ASKED)
  const { cases } = await d.cases.list(acme, { state: 'open' })
  assert.deepEqual(
    cases.map(({ kind, overdue }) => [kind, overdue]),
    [
      ['export', false],
      ['erasure', false],
    ],
  )
  const [first] = cases
  assert.ok(first)
  assert.deepEqual([first.openedAt, first.dueAt, first.subject], [asked, asked + 15 * DAY, await d.subject()])
  d.clock.advance(14 * DAY - 1)
  assert.equal((await d.cases.get(acme, first.id))?.overdue, true)
  assert.equal(await d.cases.overdue(acme), 1, 'the erasure was asked a day later')

  await assert.rejects(d.cases.close(acme, 'case_0', { outcome: 'done' }, by), refused('not_found'))
  const named = { outcome: 'done', reference: 'told Anna on the phone' } as const
  await assert.rejects(d.cases.close(acme, first.id, named, by), refused('invalid_argument'))
  await d.cases.close(acme, first.id, { outcome: 'done', reference: 'letter-17' }, by)
  await assert.rejects(
    d.cases.close(acme, first.id, { outcome: 'refused' }, by),
    refused('failed_precondition'),
  )
  assert.equal((await d.cases.list(acme, { state: 'open' })).cases.length, 1)
  assert.equal((await d.cases.list(acme, { state: 'closed' })).cases[0]?.reference, 'letter-17')
  await d.say(EXPORT_ASKED)
  assert.equal((await d.cases.list(acme, { state: 'open' })).cases.length, 2, 'a new question is a new case')
})

test('a case outlives the data of the person who asked', async (t) => {
  const d = await desk(t)
  await d.say(ERASURE_ASKED)
  await d.parts.erasures.erase(acme, await d.subject(), by, never)
  assert.equal((await d.cases.list(acme)).cases.length, 1)
})

test('what one tenant’s people said is unknown to another', async (t) => {
  const d = await desk(t)
  await d.say(CONSENT_GIVEN)
  const subject = await d.subject()
  assert.equal(await d.parts.subjects.find(globex, anna), undefined)
  assert.deepEqual((await d.consents.list(globex, subject)).consents, [])
})
