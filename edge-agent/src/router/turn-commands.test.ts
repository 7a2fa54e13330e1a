import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TenantFile } from '@yizhan/intent'
import { YizhanError } from '@yizhan/kernel'
import { CardActionSchema, ChatEventType, create, MessageKind } from '@yizhan/proto'
import { acme, eventFields, heldSkill } from './testing.js'
import { finals, mend, refusedAs, settled, startEdge, turnOf } from './turn-commands-testing.js'

const withPeople: TenantFile = {
  ...acme,
  handoffs: [
    {
      name: 'hr',
      channel: 'dingtalk',
      hours: [{ days: [1], from: '09:00', to: '18:00' }],
      timezone: 'UTC',
      otherwise: 'ticket',
    },
  ],
}

test('what cannot be carried out is refused with its reason, and changes nothing', async (t) => {
  const held = heldSkill()
  const edge = await startEdge(t, { skills: [held.skill] })
  const id = await edge.say('slow one')
  await edge.until(() => held.waiting.has('slow one'))
  const { version } = turnOf(edge, id)
  for (const [code, turnId, wanted] of [
    ['not_found', 't_none', { action: 'retry' }],
    ['not_found', id, { action: 'retry', tenant: 'other' }],
    ['invalid_argument', id, { action: 'answer', text: ' ' }],
    ['invalid_argument', id, { action: 'edit' }],
    ['too_large', id, { action: 'edit', text: 'x'.repeat(20_001) }],
    ['invalid_argument', id, { action: 'reroute', target: 'intent:none' }],
    ['invalid_argument', id, { action: 'reroute', target: 'handoff:none' }],
    ['invalid_argument', id, { action: 'reroute', target: 'edge:' }],
    ['invalid_argument', id, { action: 'reroute', target: 'constructor' }],
    ['invalid_argument', id, { action: 'reroute' }],
  ] as const) {
    await assert.rejects(mend(edge, turnId, wanted), refusedAs(code), JSON.stringify(wanted))
  }
  await assert.rejects(mend(edge, id, { action: 'retry', expect: version - 1 }), (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError && thrown.code === 'conflict')
    assert.deepEqual(thrown.details, { turnId: id, version, state: 'answering' })
    assert.match(thrown.message, new RegExp(`version ${version} `))
    return true
  })
  assert.equal(turnOf(edge, id).version, version)
  held.answer('slow one', 'A')
  assert.equal((await edge.final(id)).text, 'A')
})

test('an event, a pressed button that is edited, and what was deleted are not started again', async (t) => {
  const edge = await startEdge(t)
  const event = await edge.say('', eventFields(ChatEventType.FEEDBACK, { subject: 't_x', rating: 'up' }))
  const button = await edge.say('', {
    kind: MessageKind.CARD,
    cardAction: create(CardActionSchema, { cardId: 'c', action: 'it.vpn' }),
  })
  await edge.final(button)
  await edge.until(() => edge.ledger.open().length === 0)
  await assert.rejects(mend(edge, event, { action: 'retry' }), refusedAs('failed_precondition'))
  await assert.rejects(mend(edge, button, { action: 'edit', text: 'x' }), refusedAs('failed_precondition'))
  await edge.ledger.erase(() => true, new AbortController().signal)
  await assert.rejects(mend(edge, button, { action: 'retry' }), refusedAs('erased'))
})

test('a person answers a running turn: that is its final, and what ran comes too late', async (t) => {
  const held = heldSkill()
  const edge = await startEdge(t, { skills: [held.skill] })
  const id = await edge.say('slow one')
  await edge.until(() => held.waiting.has('slow one'))
  const next = await edge.say('vpn')
  const outcome = await mend(edge, id, { action: 'answer', text: 'Ask Li' })
  assert.deepEqual([outcome.turn, outcome.state, outcome.successor], [id, 'replying', undefined])
  assert.equal((await edge.final(id)).text, 'Ask Li')
  await edge.final(next)
  held.answer('slow one', 'too late')
  await settled(edge)
  assert.deepEqual(edge.channel.texts, ['Ask Li', 'Scan the code'])
  const { final, state } = turnOf(edge, id)
  assert.deepEqual([final?.content.answeredBy, final?.content.quoted, state], ['person', 'slow one', 'done'])
  const replying = (await edge.ledger.history(id)).find((step) => step.state === 'replying')
  assert.deepEqual([replying?.actor, replying?.cause], ['zhang', 'answered'])
})

test('a person gives a turn up: its asker is told nothing, and the conversation goes on', async (t) => {
  const held = heldSkill()
  const edge = await startEdge(t, { skills: [held.skill], linkUp: false })
  const running = await edge.say('slow one')
  await edge.until(() => held.waiting.has('slow one'))
  const queued = await edge.say('slow one')
  const ticketed = await edge.say('why', { conversationId: 'acme/web/room-2' })
  await edge.until(() => turnOf(edge, ticketed).notice?.state === 'confirmed')
  for (const id of [queued, running, ticketed]) {
    assert.equal((await mend(edge, id, { action: 'abandon' })).state, 'abandoned')
    await assert.rejects(mend(edge, id, { action: 'abandon' }), refusedAs('conflict'))
  }
  await edge.final(await edge.say('vpn'))
  held.answer('slow one', 'too late')
  edge.uplink.up = true
  await settled(edge)
  assert.deepEqual(
    finals(edge).map(({ text }) => text),
    ['Scan the code'],
  )
  assert.deepEqual([edge.uplink.requests.length, edge.turns.waitingForCenter()], [0, 0])
  assert.deepEqual(edge.ledger.open(), [])
})

test('a turn that is given up while its answer waits for somebody is shown no more', async (t) => {
  const edge = await startEdge(t)
  edge.channel.reachable = false
  const id = await edge.say('vpn')
  await edge.until(() => turnOf(edge, id).final)
  await assert.rejects(mend(edge, id, { action: 'answer', text: 'x' }), refusedAs('conflict'))
  await mend(edge, id, { action: 'abandon' })
  edge.channel.reachable = true
  await edge.final(await edge.say('vpn'))
  assert.equal(finals(edge).length, 1)
})

test('a turn that is started again asks the center anew, and what the first request says counts no more', async (t) => {
  const edge = await startEdge(t)
  const id = await edge.say('why')
  await edge.until(() => edge.uplink.requests.length === 1)
  await edge.until(() => turnOf(edge, id).state === 'forwarded')
  const outcome = await mend(edge, id, { action: 'retry' })
  assert.equal(outcome.state, 'routed')
  await edge.until(() => edge.uplink.requests.length === 2)
  const [first, second] = edge.uplink.requests
  assert.equal(first?.cancelled, 'overtaken')
  assert.deepEqual([first?.request.requestId, second?.request.requestId], [id, `${id}~${outcome.version}`])
  first?.finish('old')
  second?.finish('new')
  assert.equal((await edge.final(id)).text, 'new')
  await settled(edge)
  assert.equal(finals(edge).length, 1)
})

test('an edited question keeps its ticket, and its final quotes what was asked', async (t) => {
  const edge = await startEdge(t, { linkUp: false })
  const id = await edge.say('wy')
  await edge.until(() => turnOf(edge, id).notice?.state === 'confirmed')
  const { ticket } = turnOf(edge, id)
  await mend(edge, id, { action: 'edit', text: 'why' })
  await edge.until(() => edge.turns.waitingForCenter() === 1)
  assert.deepEqual([turnOf(edge, id).ticket, turnOf(edge, id).message.text], [ticket, 'wy'])
  edge.uplink.up = true
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.questions, ['why'])
  edge.uplink.requests[0]?.finish('because')
  await edge.final(id)
  const content = turnOf(edge, id).final?.content
  assert.deepEqual([content?.text, content?.quoted, content?.ticket], ['because', 'why', ticket])
  assert.equal(edge.channel.shown.filter(({ kind }) => kind === 'notice').length, 1)
})

test('an edited question may be one that is answered here, its ticket or not', async (t) => {
  const edge = await startEdge(t, { linkUp: false })
  const id = await edge.say('wy')
  await edge.until(() => turnOf(edge, id).notice?.state === 'confirmed')
  await mend(edge, id, { action: 'edit', text: 'vpn' })
  assert.equal((await edge.final(id)).text, 'Scan the code')
  const content = turnOf(edge, id).final?.content
  assert.deepEqual([content?.quoted, content?.ticket], ['vpn', turnOf(edge, id).ticket])
  assert.equal(edge.turns.waitingForCenter(), 0)
})

test('a reroute decides in place of the model: the center, an intent, people, another edge', async (t) => {
  const held = heldSkill()
  const edge = await startEdge(t, { skills: [held.skill], tenants: [withPeople] })
  const ask = async (room: string) => {
    held.waiting.delete('slow one')
    const id = await edge.say('slow one', { conversationId: `acme/web/${room}` })
    await edge.until(() => held.waiting.has('slow one'))
    return id
  }
  const toCenter = await ask('1')
  await mend(edge, toCenter, { action: 'reroute', target: 'center' })
  await edge.until(() => edge.uplink.requests.length === 1)
  edge.uplink.requests[0]?.finish('from there')
  assert.equal((await edge.final(toCenter)).text, 'from there')

  const toIntent = await ask('2')
  await mend(edge, toIntent, { action: 'reroute', target: 'intent:it.vpn' })
  assert.equal((await edge.final(toIntent)).text, 'Scan the code')

  const toPeople = await ask('3')
  await mend(edge, toPeople, { action: 'reroute', target: 'handoff:hr' })
  await edge.until(() => turnOf(edge, toPeople).state === 'handed-off')

  const toEdge = await ask('4')
  assert.equal((await mend(edge, toEdge, { action: 'reroute', target: 'edge:shanghai' })).state, 'rerouted')
  await settled(edge)
  const { final, notice } = turnOf(edge, toEdge)
  assert.deepEqual([final, notice], [undefined, undefined])
  await assert.rejects(mend(edge, toEdge, { action: 'retry' }), refusedAs('conflict'))
})

test('a turn that has ended stays as it is: a successor carries it on, one at a time, and quotes the question', async (t) => {
  const edge = await startEdge(t)
  const id = await edge.say('why')
  await edge.until(() => edge.uplink.requests.length === 1)
  edge.uplink.requests[0]?.sink.failed(new YizhanError('backend_failed', 'no', { retryable: false }))
  await edge.final(id)
  await edge.until(() => edge.ledger.open().length === 0)
  const before = turnOf(edge, id)
  assert.equal(before.state, 'failed')

  const { successor = '', ...outcome } = await mend(edge, id, { action: 'retry' })
  assert.deepEqual(outcome, { turn: id, version: before.version, state: 'failed' })
  await edge.until(() => edge.uplink.requests.length === 2)
  await assert.rejects(mend(edge, id, { action: 'answer', text: 'x' }), (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError && thrown.code === 'conflict')
    assert.deepEqual(thrown.details, { turnId: id, version: before.version, successor })
    return true
  })
  edge.uplink.requests[1]?.finish('because')
  await edge.final(successor)
  assert.deepEqual(turnOf(edge, id), before)
  const after = turnOf(edge, successor)
  assert.deepEqual([after.successorOf, after.final?.content.quoted], [id, 'why'])
  assert.notEqual(after.message.platformId, before.message.platformId)

  await edge.until(() => edge.ledger.open().length === 0)
  const answered = await mend(edge, id, { action: 'answer', text: 'Ask Li' })
  assert.equal((await edge.final(answered.successor ?? '')).text, 'Ask Li')
  assert.equal(turnOf(edge, answered.successor ?? '').final?.content.quoted, 'why')
  await edge.until(() => edge.ledger.open().length === 0)
  const edited = await mend(edge, id, { action: 'edit', text: 'vpn' })
  assert.equal((await edge.final(edited.successor ?? '')).text, 'Scan the code')
  assert.equal(turnOf(edge, edited.successor ?? '').message.text, 'vpn')
})

test('a turn whose final is of unknown fate leaves the list when a successor carries it on', async (t) => {
  const edge = await startEdge(t)
  edge.channel.reachable = false
  const id = await edge.say('vpn')
  await edge.until(() => turnOf(edge, id).final)
  await edge.ledger.replyState(id, 'final', 'unknown')
  const { successor = '', version } = await mend(edge, id, { action: 'answer', text: 'Scan the code' })
  const old = turnOf(edge, id)
  assert.deepEqual([old.state, old.cause, old.version], ['abandoned', `succeeded-by ${successor}`, version])
  edge.channel.reachable = true
  await edge.final(successor)
  await edge.until(() => edge.ledger.open().length === 0)
  assert.equal(finals(edge).length, 1)
})
