import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TenantFile } from '@yizhan/intent'
import { ManualClock } from '@yizhan/kernel'
import { temporaryDir } from '../ledger/testing.js'
import { acme, type EdgeOptions, FakeClassifier, startTestEdge, sure } from './testing.js'

const file: TenantFile = {
  ...acme,
  intents: {
    ...acme.intents,
    leave: {
      reply: { kind: 'text', text: { en: '{days} days from {from}' } },
      slots: [
        { name: 'from', type: 'date', ask: { en: 'From which day?' } },
        { name: 'days', type: 'number', ask: { en: 'How many days?' } },
      ],
    },
    trip: {
      reply: { kind: 'forward', knowledge: [] },
      slots: [{ name: 'days', type: 'number', ask: { en: 'How long?' } }],
    },
    card: { reply: { kind: 'card', card: 'menu' } },
  },
  cards: {
    menu: {
      title: { en: 'Menu' },
      facts: [],
      buttons: [{ label: { en: 'Connect' }, intent: 'it.vpn' }],
    },
  },
}

/** An agent that is started on the same disk again and again, with the same model and clock. */
async function startRestarting(t: TestContext, options: EdgeOptions = {}) {
  const dir = await temporaryDir(t)
  const clock = new ManualClock(new Date(2026, 10, 28, 10, 0).getTime())
  const classifier = new FakeClassifier()
  for (const [text, intent] of [
    ['leave please', 'leave'],
    ['trip please', 'trip'],
    ['card please', 'card'],
    ['vpn', 'it.vpn'],
  ] as const) {
    classifier.known.set(text, sure(intent))
  }
  classifier.known.set('vpn or password', {
    intent: 'it.vpn',
    score: 0.5,
    top: [
      { intent: 'it.vpn', score: 0.5 },
      { intent: 'it.password', score: 0.4 },
    ],
  })
  const start = async () => {
    const edge = await startTestEdge(t, dir, { tenants: [file], classifier, clock, ...options })
    const ask = async (said: string) => (await edge.final(await edge.say(said, { locale: 'en' }))).text
    return { ...edge, ask }
  }
  let edge = await start()
  return {
    clock,
    get edge() {
      return edge
    },
    ask: (said: string) => edge.ask(said),
    async restart() {
      await edge.kill()
      edge = await start()
    },
  }
}

test('a form goes on after a restart at each of its steps, with what was said so far', async (t) => {
  const agent = await startRestarting(t)
  assert.equal(await agent.ask('leave please'), 'From which day?')
  await agent.restart()
  assert.equal(await agent.ask('tomorrow'), 'How many days?')
  await agent.restart()
  assert.match(await agent.ask('many'), /How many days\?/)
  await agent.restart()
  assert.equal(await agent.ask('2'), '2 days from 2026-11-29')
  await agent.restart()
  await agent.edge.say('3')
  await agent.edge.until(() => agent.edge.uplink.requests.length === 1)
})

test('a question back and the buttons of a card can be answered by number after a restart', async (t) => {
  const agent = await startRestarting(t)
  assert.match(await agent.ask('vpn or password'), /1\. .*\n2\. /s)
  await agent.restart()
  assert.equal(await agent.ask('2'), 'Ask the admin')
  assert.match(await agent.ask('card please'), /Connect/)
  await agent.restart()
  assert.equal(await agent.ask('1'), 'Scan the code')
})

test('time without the agent does not count, time with it does, over restarts', async (t) => {
  const agent = await startRestarting(t)
  await agent.ask('leave please')
  agent.clock.advance(400_000)
  // Its age goes to disk with the next record.
  await agent.ask('/status')
  await agent.restart()
  agent.clock.advance(150_000)
  assert.equal(await agent.ask('tomorrow'), 'How many days?')
  agent.clock.advance(400_000)
  await agent.ask('/status')
  await agent.restart()
  agent.clock.advance(250_000)
  assert.match(await agent.ask('2'), /“leave please” was too long ago/)
})

for (const end of ['cancel', '/cancel', '/new', 'vpn']) {
  test(`a form that ended with ${JSON.stringify(end)} is not open again after a restart`, async (t) => {
    const agent = await startRestarting(t)
    await agent.ask('leave please')
    await agent.ask(end)
    await agent.restart()
    await agent.edge.say('tomorrow')
    await agent.edge.until(() => agent.edge.uplink.questions.includes('tomorrow'))
  })
}

test('what waits for the center with its values does not take a second answer after a restart', async (t) => {
  const agent = await startRestarting(t, { linkUp: false })
  await agent.ask('trip please')
  const id = await agent.edge.say('2', { locale: 'en' })
  await agent.edge.until(() => agent.edge.ledger.get(id)?.notice)
  await agent.restart()
  const next = await agent.edge.say('3', { locale: 'en' })
  await agent.edge.until(() => agent.edge.ledger.get(next)?.notice)
  assert.equal(agent.edge.ledger.get(next)?.notice?.content.asked, undefined)
  assert.match(agent.edge.ledger.get(id)?.notice?.content.asked ?? '', /trip please \(days: 2\)/)
})

test('an erasure reaches what a form was told, in memory and on the disk', async (t) => {
  const agent = await startRestarting(t)
  await agent.ask('leave please')
  await agent.ask('tomorrow')
  const everybody = () => true
  await agent.restart()
  await agent.edge.turns.forget(everybody)
  await agent.edge.ledger.erase(everybody, new AbortController().signal)
  for (const turn of agent.edge.ledger.recent(10)) assert.equal(turn.final, undefined)
  await agent.edge.say('2')
  await agent.edge.until(() => agent.edge.uplink.questions.includes('2'))
  await agent.restart()
  for (const turn of agent.edge.ledger.recent(10))
    assert.ok(!JSON.stringify(turn, bigints).includes('2026-11-29'))
})

const bigints = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
