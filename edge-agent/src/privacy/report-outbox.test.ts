import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import type { SubjectReport } from '@yizhan/proto'
import { temporaryDir } from '../ledger/testing.js'
import { filesWith, openTestPrivacy, type TestPrivacy } from './testing.js'

const person = (sender: string) => ({ tenant: 'acme', channel: 'web', sender })
const ask = ({ consents }: TestPrivacy, sender = 'u-reported') => consents.ask(person(sender), 'export', 'en')

async function start(t: TestContext) {
  const dir = await temporaryDir(t)
  const clock = new ManualClock()
  return { dir, clock, privacy: await openTestPrivacy(t, dir, clock) }
}

/** A link that takes reports until it is told not to. */
function testLink() {
  const sent: SubjectReport[] = []
  const link = { sent, open: true, send: (report: SubjectReport) => link.open && sent.push(report) > 0 }
  return link
}

test('a report waits without a link, over a restart, sealed, and goes out with the next link until it is acknowledged', async (t) => {
  const { dir, clock, privacy } = await start(t)
  await ask(privacy)
  assert.deepEqual(await filesWith(dir, 'u-reported'), [])
  await privacy.records.close()
  const again = await openTestPrivacy(t, dir, clock)
  assert.equal(again.outbox.waiting, 1)
  const first = testLink()
  again.outbox.attach(first.send)()
  const second = testLink()
  again.outbox.attach(second.send)
  assert.deepEqual(
    [first.sent, second.sent].map((sent) => sent.map(({ senderId }) => senderId)),
    [['u-reported'], ['u-reported']],
  )
  assert.equal(first.sent[0]?.reportId, second.sent[0]?.reportId)
  again.outbox.acknowledged(['rep_of_somebody_else'])
  assert.equal(again.outbox.waiting, 1)
  again.outbox.acknowledged([second.sent[0]?.reportId ?? ''])
  assert.equal(again.outbox.waiting, 0)
  await again.records.close()
  assert.equal((await openTestPrivacy(t, dir, clock)).outbox.waiting, 0)
})

test('no more than a window is under way, in the order of what was said, and all of it arrives', async (t) => {
  const { privacy } = await start(t)
  for (let i = 0; i < 100; i++) await ask(privacy, `u${i}`)
  const link = testLink()
  privacy.outbox.attach(link.send)
  assert.equal(link.sent.length, 64)
  for (let i = 0; i < 100; i++) privacy.outbox.acknowledged([link.sent[i]?.reportId ?? assert.fail(`${i}`)])
  assert.deepEqual(
    link.sent.map(({ senderId }) => senderId),
    Array.from({ length: 100 }, (_, i) => `u${i}`),
  )
  assert.equal(privacy.outbox.waiting, 0)
})

test('a center that says nothing is asked again after a minute; a link that is over gets nothing', async (t) => {
  const { clock, privacy } = await start(t)
  await ask(privacy)
  const link = testLink()
  const end = privacy.outbox.attach(link.send)
  clock.advance(60_000)
  assert.equal(link.sent.length, 2)
  end()
  clock.advance(600_000)
  await ask(privacy)
  assert.equal(link.sent.length, 2)
  assert.equal(privacy.outbox.waiting, 2)
})
