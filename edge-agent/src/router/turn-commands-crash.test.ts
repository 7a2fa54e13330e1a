import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { temporaryDir } from '../ledger/testing.js'
import { acme, heldSkill, sure } from './testing.js'
import { mend, refusedAs, settled, startEdge, turnOf } from './turn-commands-testing.js'

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
