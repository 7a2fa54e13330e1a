import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TenantFile } from '@yizhan/intent'
import { ManualClock } from '@yizhan/kernel'
import { temporaryDir } from '../ledger/testing.js'
import { acme, startTestEdge, sure } from './testing.js'

const hours = [{ days: [1, 2, 3, 4, 5], from: '09:00', to: '18:00' }]
const hr = { name: 'hr', channel: 'dingtalk', hours, timezone: 'UTC', otherwise: 'ticket' } as const
const file: TenantFile = {
  ...acme,
  intents: {
    ...acme.intents,
    'hr.person': { reply: { kind: 'handoff', handoff: 'hr' } },
    'it.person': { reply: { kind: 'handoff', handoff: 'it' } },
  },
  handoffs: [hr, { ...hr, name: 'it', otherwise: 'refuse' }],
}
const clockAt = (iso: string) => new ManualClock(Date.parse(iso))
const FRIDAY = '2026-11-27T10:00:00Z'
const SATURDAY = '2026-11-28T10:00:00Z'

test('outside the hours a refusing hand-off says when they are there, and the turn is answered', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { tenants: [file], clock: clockAt(SATURDAY) })
  edge.classifier.known.set('it', sure('it.person'))
  const final = await edge.final(await edge.say('it'))
  assert.match(final.text, /it \(dingtalk\) is not there now, but Mon-Fri 09:00-18:00 \(UTC\)/)
  assert.equal(final.content.route?.decision, 'handoff')
  assert.equal(final.content.handoff, undefined)
  await edge.until(() => edge.ledger.get(final.turnId)?.state === 'done')
})

for (const [when, said, expected] of [
  [FRIDAY, 'hr', /on the list of hr \(dingtalk\) now: ticket A-\d{4}\./],
  [SATURDAY, 'hr', /not there now, but Mon-Fri 09:00-18:00 \(UTC\).*ticket A-\d{4}\./],
  [FRIDAY, '/human', /on the list of hr/],
  [SATURDAY, '转人工', /工作时间：周一至周五 09:00-18:00（UTC）。已登记，编号 A-\d{4}。/],
  [FRIDAY, 'it', /on the list of it/],
] as const) {
  test(`${said} on ${when.slice(0, 10)} puts the turn on the list and says no more than that`, async (t) => {
    const edge = await startTestEdge(t, await temporaryDir(t), { tenants: [file], clock: clockAt(when) })
    edge.classifier.known.set('hr', sure('hr.person'))
    edge.classifier.known.set('it', sure('it.person'))
    const id = await edge.say(said)
    await edge.until(() => edge.ledger.get(id)?.state === 'handed-off')
    const turn = edge.ledger.get(id)
    assert.match(turn?.notice?.content.text ?? '', expected)
    assert.equal(turn?.notice?.content.answeredBy, 'queued')
    assert.equal(turn?.notice?.content.handoff, said === 'it' ? 'it' : 'hr')
    assert.equal(turn?.ticket, turn?.notice?.content.ticket)
    assert.equal(turn?.cause, said === 'it' ? 'handoff it' : 'handoff hr')
    await edge.until(() => edge.ledger.open().length === 0)
    assert.equal(edge.ledger.get(id)?.final, undefined)
    assert.equal(edge.channel.shown.length, 1)
  })
}

test('a crash between the word and the record: told once, on the list, whatever the model says by then', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir, { tenants: [file], clock: clockAt(FRIDAY) })
  first.classifier.known.set('hr', sure('hr.person'))
  const told = new Promise<void>((resolve) => {
    const transition = first.ledger.transition.bind(first.ledger)
    first.ledger.transition = async (turnId, step) => {
      if (step.to !== 'handed-off') return transition(turnId, step)
      resolve()
      return new Promise(() => undefined)
    }
  })
  const id = await first.say('hr')
  await told
  await first.until(() => first.ledger.get(id)?.notice?.state === 'confirmed')
  await first.ledger.close()
  await first.kill()

  const again = await startTestEdge(t, dir, { tenants: [file], clock: clockAt(SATURDAY) })
  again.classifier.known.set('hr', sure('it.vpn'))
  await again.until(() => again.ledger.get(id)?.state === 'handed-off')
  await again.until(() => again.ledger.open().length === 0)
  assert.deepEqual(again.channel.texts, [])
  assert.equal(again.ledger.get(id)?.final, undefined)
})

test('a notice that the crash kept from its reader comes once after the restart', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir, { tenants: [file], clock: clockAt(FRIDAY) })
  first.classifier.known.set('hr', sure('hr.person'))
  first.channel.deliver = async () => 'unreachable' as never
  const id = await first.say('hr')
  await first.until(() => first.ledger.get(id)?.state === 'handed-off')
  await first.kill()
  const again = await startTestEdge(t, dir, { tenants: [file], clock: clockAt(SATURDAY) })
  await again.until(() => again.ledger.open().length === 0)
  assert.equal(again.channel.shown.length, 1)
  assert.match(again.channel.texts[0] ?? '', /on the list of hr/)
})

test('who is on the list can ask on, and /cancel takes nothing off it', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { tenants: [file], clock: clockAt(FRIDAY) })
  edge.classifier.known.set('hr', sure('hr.person'))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const id = await edge.say('hr')
  assert.equal((await edge.final(await edge.say('vpn'))).text, 'Scan the code')
  assert.match((await edge.final(await edge.say('/cancel'))).text, /nothing to cancel/)
  assert.equal(edge.ledger.get(id)?.state, 'handed-off')
})
