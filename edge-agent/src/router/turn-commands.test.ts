import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TenantFile } from '@yizhan/intent'
import { YizhanError } from '@yizhan/kernel'
import { CardActionSchema, ChatEventType, create, MessageKind } from '@yizhan/proto'
import type { Turn } from '../ledger/index.js'
import { temporaryDir } from '../ledger/testing.js'
import {
  acme,
  type EdgeOptions,
  eventFields,
  heldSkill,
  startTestEdge,
  sure,
  type TestEdge,
} from './testing.js'
import type { TurnOrder } from './turn-commands.js'

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

let orders = 0

type Wanted = Partial<TurnOrder> & Pick<TurnOrder, 'action'>

/** Orders something about a turn as it stands. */
function mend(edge: TestEdge, turnId: string, wanted: Wanted) {
  orders += 1
  const expect = edge.ledger.get(turnId)?.version ?? 0
  return edge.turns.mend({ commandId: `cmd_${orders}`, actor: 'zhang', turnId, expect, ...wanted })
}

const refusedAs = (code: string) => (thrown: unknown) => thrown instanceof YizhanError && thrown.code === code

async function startEdge(t: TestContext, options: EdgeOptions = {}, dir?: string) {
  const edge = await startTestEdge(t, dir ?? (await temporaryDir(t)), options)
  edge.classifier.known.set('vpn', sure('it.vpn'))
  edge.classifier.known.set('slow one', sure('slow'))
  return edge
}

const turnOf = (edge: TestEdge, id: string): Turn => edge.ledger.get(id) ?? assert.fail()
const finals = (edge: TestEdge) => edge.channel.shown.filter(({ kind }) => kind === 'final')
/** Whatever can still happen by itself has happened. */
async function settled(edge: TestEdge): Promise<void> {
  await edge.ledger.close()
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
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

test('a repeated command has the outcome of the first, also after a restart, and does nothing more', async (t) => {
  const dir = await temporaryDir(t)
  const held = heldSkill()
  const first = await startEdge(t, { skills: [held.skill] }, dir)
  const failed = await first.say('gone')
  first.classifier.known.set('gone', sure('gone'))
  await first.until(() => first.uplink.requests.length === 1)
  first.uplink.requests[0]?.sink.failed(new YizhanError('backend_failed', 'no', { retryable: false }))
  await first.final(failed)
  await first.until(() => first.ledger.open().length === 0)
  const running = await first.say('slow one')
  await first.until(() => held.waiting.has('slow one'))
  const orders = [
    {
      commandId: 'c1',
      actor: 'z',
      turnId: failed,
      expect: turnOf(first, failed).version,
      action: 'answer',
      text: 'A',
    },
    {
      commandId: 'c2',
      actor: 'z',
      turnId: running,
      expect: turnOf(first, running).version,
      action: 'abandon',
    },
  ] as const
  const outcomes = await Promise.all(orders.map((order) => first.turns.mend(order)))
  assert.deepEqual(await Promise.all(orders.map((order) => first.turns.mend(order))), outcomes)
  await first.final(outcomes[0]?.successor ?? '')
  await first.until(() => first.ledger.open().length === 0)
  await first.ledger.close()
  await first.kill()
  const again = await startEdge(t, {}, dir)
  assert.deepEqual(await Promise.all(orders.map((order) => again.turns.mend(order))), outcomes)
  await settled(again)
  assert.deepEqual(again.channel.shown, [])
})

test('a crash between what is recorded and what is done leaves what the person wanted', async (t) => {
  const dir = await temporaryDir(t)
  const held = heldSkill()
  const first = await startEdge(t, { skills: [held.skill] }, dir)
  const ask = async (room: string) => {
    held.waiting.delete('slow one')
    const id = await first.say('slow one', { conversationId: `acme/web/${room}` })
    await first.until(() => held.waiting.has('slow one'))
    return id
  }
  const [edited, answered, abandoned] = [await ask('1'), await ask('2'), await ask('3')]
  const record = (turnId: string, id: string, action: 'edit' | 'answer' | 'abandon', asked?: string) => {
    const command = { id, action, ...(asked === undefined ? {} : { asked }) }
    return first.ledger.mend(turnId, { command, actor: 'z', expect: turnOf(first, turnId).version }, () => {
      if (action === 'edit') return { do: 'move', to: 'routed', cause: 'edit' }
      if (action === 'abandon') return { do: 'move', to: 'abandoned', cause: 'given-up' }
      return {
        do: 'answer',
        content: { text: 'Ask Li', answeredBy: 'person', citations: [], finish: 'stop' },
      }
    })
  }
  const outcome = await record(edited, 'c1', 'edit', 'vpn')
  await record(answered, 'c2', 'answer')
  await record(abandoned, 'c3', 'abandon')
  await first.kill()
  const again = await startEdge(t, {}, dir)
  assert.equal((await again.final(edited)).text, 'Scan the code')
  assert.equal((await again.final(answered)).text, 'Ask Li')
  await again.until(() => again.ledger.open().length === 0)
  assert.equal(again.channel.shown.length, 2)
  assert.equal(turnOf(again, edited).final?.content.quoted, 'vpn')
  const repeated = { commandId: 'c1', actor: 'z', turnId: edited, expect: 99, action: 'retry' } as const
  assert.deepEqual(await again.turns.mend(repeated), outcome.outcome)
})

test('of two people at once one is too late', async (t) => {
  const held = heldSkill()
  const edge = await startEdge(t, { skills: [held.skill] })
  const id = await edge.say('slow one')
  await edge.until(() => held.waiting.has('slow one'))
  const both = await Promise.allSettled([
    mend(edge, id, { action: 'answer', text: 'A' }),
    mend(edge, id, { action: 'answer', text: 'B' }),
  ])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  await edge.final(id)
  await settled(edge)
  assert.deepEqual(edge.channel.texts, ['A'])
})

test('a turn that nobody remembers is found in the journal', async (t) => {
  const edge = await startEdge(t, { recent: 1 })
  const id = await edge.say('vpn')
  await edge.final(id)
  for (let i = 0; i < 3; i++) await edge.final(await edge.say('vpn'))
  await edge.until(() => edge.ledger.open().length === 0)
  assert.equal(edge.ledger.get(id), undefined)
  const { successor = '' } = await mend(edge, id, { action: 'answer', text: 'again', expect: 4 })
  assert.equal((await edge.final(successor)).text, 'again')
})

test('a handler that does not let go comes too late with its answer, once the turn was started again', async (t) => {
  const held = heldSkill()
  const edge = await startEdge(t, { skills: [held.skill] })
  const id = await edge.say('slow one')
  await edge.until(() => held.waiting.has('slow one'))
  const first = held.waiting.get('slow one')
  held.waiting.clear()
  await mend(edge, id, { action: 'retry' })
  await edge.until(() => held.waiting.has('slow one'))
  first?.('old')
  await settled(edge)
  assert.deepEqual([edge.channel.texts, turnOf(edge, id).state], [[], 'answering'])
  held.answer('slow one', 'new')
  assert.equal((await edge.final(id)).text, 'new')
  await settled(edge)
  assert.deepEqual(edge.channel.texts, ['new'])
})

test('a turn that waits for consent can be given up, and then its text is gone; nothing else is done with it', async (t) => {
  const purpose = {
    id: 'answers',
    title: { en: 'Answers' },
    basis: 'consent',
    notice: { en: 'Your questions are kept.' },
    version: '1',
    required: true,
    crossBorder: false,
  } as const
  const privacy = {
    contact: 'p@acme.example',
    purposes: [purpose],
    retentionMs: {},
    pendingConsentMs: 3_600_000,
    offlineLeaseMs: 0,
  }
  const edge = await startEdge(t, { tenants: [{ ...acme, privacy }] })
  const id = await edge.say('vpn')
  await edge.until(() => edge.turns.held === 1)
  for (const action of ['retry', 'answer', 'edit'] as const) {
    await assert.rejects(mend(edge, id, { action, text: 'x' }), refusedAs('failed_precondition'))
  }
  await mend(edge, id, { action: 'abandon' })
  const { emptied, message, state } = turnOf(edge, id)
  assert.deepEqual([emptied, message.text, state, edge.turns.held], ['text', '', 'abandoned', 0])
})

test('a question that was edited is gone with its asker, from memory and from every file', async (t) => {
  const dir = await temporaryDir(t)
  const edge = await startEdge(t, { linkUp: false }, dir)
  const id = await edge.say('wy')
  await edge.until(() => turnOf(edge, id).notice?.state === 'confirmed')
  await mend(edge, id, { action: 'edit', text: 'my secret question' })
  await edge.until(() => edge.turns.waitingForCenter() === 1)
  await edge.turns.forget(() => true)
  await edge.ledger.erase(() => true, new AbortController().signal)
  assert.doesNotMatch(JSON.stringify(turnOf(edge, id).mended), /secret/)
  for await (const scanned of edge.journal.scan(0)) {
    if (scanned.kind === 'record') assert.doesNotMatch(Buffer.from(scanned.bytes).toString(), /secret/)
  }
})
