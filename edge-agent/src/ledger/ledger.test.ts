import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import { openLedger } from './ledger.js'
import type { Ledger, Received } from './port.js'
import {
  diskFull,
  faultyHost,
  loseRecords,
  openTestJournal,
  openTestLedger,
  random,
  temporaryDir,
  textMessage,
} from './testing.js'
import { isTerminal, NEXT_STATES, type ReplyContent, type Turn, type TurnState } from './turn.js'

const answer: ReplyContent = { text: 'Scan the code.', answeredBy: 'edge', citations: [], finish: 'stop' }

async function received(ledger: Ledger, text = 'hi'): Promise<Turn> {
  const outcome = await ledger.receive(textMessage(text))
  assert.equal(outcome.outcome, 'accepted')
  return outcome.outcome === 'accepted' ? outcome.turn : assert.fail()
}

test('a transition that the table does not have is a conflict and changes nothing', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  const turn = await received(ledger)
  await assert.rejects(ledger.transition(turn.id, { to: 'done', cause: 'x' }), { code: 'conflict' })
  assert.deepEqual(ledger.get(turn.id), turn)
  await assert.rejects(ledger.transition('t_none', { to: 'routed', cause: 'x' }), { code: 'not_found' })
})

test('a second final is a conflict, also when both are added at once', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  const turn = await received(ledger)
  const outcomes = await Promise.allSettled([
    ledger.addReply(turn.id, 'final', answer),
    ledger.addReply(turn.id, 'final', { ...answer, text: 'other' }),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  assert.equal(ledger.get(turn.id)?.final?.content.text, 'Scan the code.')
})

test('a message that comes twice is one turn, at once, later, and after a restart', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const message = textMessage('hi')
  const [a, b] = await Promise.all([first.ledger.receive(message), first.ledger.receive(message)])
  assert.equal(a.outcome, 'accepted')
  const id = a.outcome === 'accepted' ? a.turn.id : ''
  assert.deepEqual(b, { outcome: 'duplicate', turnId: id })
  assert.deepEqual(await first.ledger.receive(message), { outcome: 'duplicate', turnId: id })
  await first.kill()
  const again = await openTestLedger(t, dir)
  assert.deepEqual(await again.ledger.receive(message), { outcome: 'duplicate', turnId: id })
})

test('the same platform id in another channel or tenant is another message', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  for (const fields of [{}, { channelId: 'mqtt' }, { tenantId: 'other' }]) {
    const outcome = await ledger.receive(textMessage('hi', { platformId: 'same', ...fields }))
    assert.equal(outcome.outcome, 'accepted')
  }
})

test('without a platform id nothing is taken for a duplicate', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  for (let i = 0; i < 2; i++) {
    assert.equal((await ledger.receive(textMessage('hi', { platformId: '' }))).outcome, 'accepted')
  }
})

test('a duplicate is only called one when the first is durable', async (t) => {
  const host = faultyHost()
  const { ledger, clock } = await openTestLedger(t, await temporaryDir(t), { host })
  let open = () => {}
  host.gate = new Promise((resolve) => {
    open = resolve
  })
  const message = textMessage('hi')
  const first = ledger.receive(message)
  const second = ledger.receive(message)
  host.fail = diskFull()
  open()
  await assert.rejects(first, { code: 'disk_full' })
  await assert.rejects(second, { code: 'disk_full' })
  host.fail = undefined
  clock.advance(1_000)
  await assert.rejects(ledger.receive(message), { code: 'disk_full' }, 'until the room has been looked at')
  let third: Received | undefined
  while (!third) third = await ledger.receive(message).catch(() => undefined)
  assert.equal(third.outcome, 'accepted')
})

test('a change that the disk refused did not happen and can be made again', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir, { host })
  const turn = await received(first.ledger)
  await first.ledger.transition(turn.id, { to: 'routed', cause: 'x' })
  host.fail = diskFull()
  await assert.rejects(first.ledger.transition(turn.id, { to: 'forwarded', cause: 'x' }), {
    code: 'disk_full',
  })
  assert.equal(first.ledger.get(turn.id)?.state, 'routed')
  host.fail = undefined
  const forwarded = await first.ledger.transition(turn.id, { to: 'forwarded', cause: 'x' })
  await first.kill()
  const again = await openTestLedger(t, dir)
  assert.equal(again.ledger.lost, 0)
  assert.deepEqual(again.ledger.get(turn.id), forwarded)
})

test('turns come back in the order in which they were received', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const ids: string[] = []
  for (let i = 0; i < 30; i++) ids.push((await received(first.ledger, `${i}`)).id)
  for (const id of [...ids].reverse()) await first.ledger.transition(id, { to: 'refused', cause: 'recalled' })
  assert.deepEqual(first.ledger.open(), [])
  for (let i = 0; i < 5; i++) ids.push((await received(first.ledger, `${i}`)).id)
  await first.ledger.transition(ids[33] ?? '', { to: 'routed', cause: 'x' })
  await first.kill()
  const again = await openTestLedger(t, dir)
  assert.deepEqual(
    again.ledger.open().map(({ id }) => id),
    ids.slice(30),
  )
  assert.deepEqual(
    again.ledger.recent(3).map(({ id }) => id),
    [ids[34], ids[33], ids[32]],
  )
})

test('an end that the asker has not been told of stays open', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const turn = await received(first.ledger)
  await first.ledger.transition(turn.id, { to: 'cancelled', cause: 'command' })
  await first.kill()
  const { ledger } = await openTestLedger(t, dir)
  assert.deepEqual(
    ledger.open().map(({ state, cause }) => [state, cause]),
    [['cancelled', 'command']],
  )
  await ledger.addReply(turn.id, 'final', { ...answer, finish: 'cancelled' })
  assert.equal(ledger.open().length, 1, 'its final is on the way')
  await ledger.replyState(turn.id, 'final', 'attempting')
  await ledger.replyState(turn.id, 'final', 'confirmed')
  assert.deepEqual(ledger.open(), [])
})

test('a turn with lost records after its last known one is not executed again', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const doubtful = await received(first.ledger, 'doubtful')
  await first.ledger.transition(doubtful.id, { to: 'routed', cause: 'x' })
  await first.ledger.transition(doubtful.id, { to: 'forwarded', cause: 'x' })
  const waiting = await first.ledger.transition(doubtful.id, { to: 'waiting', cause: 'x', ticket: 'A-0001' })
  const sound = await received(first.ledger, 'sound')
  await first.kill()
  assert.equal(waiting.version, 3)
  await loseRecords(dir, 4)
  const { ledger } = await openTestLedger(t, dir)
  assert.equal(ledger.lost, 1)
  assert.equal(ledger.get(doubtful.id)?.state, 'failed')
  assert.equal(ledger.get(doubtful.id)?.cause, 'journal-gap')
  assert.deepEqual(ledger.open(), [sound], 'what came after the gap is sound')
})

test('a reply whose records are damaged becomes unknown', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const turn = await received(first.ledger)
  await first.ledger.transition(turn.id, { to: 'routed', cause: 'x' })
  await first.ledger.transition(turn.id, { to: 'replying', cause: 'x' })
  await first.ledger.addReply(turn.id, 'final', answer)
  await first.ledger.replyState(turn.id, 'final', 'attempting')
  await first.kill()
  await loseRecords(dir, 5)
  const { ledger } = await openTestLedger(t, dir)
  assert.deepEqual([ledger.get(turn.id)?.state, ledger.get(turn.id)?.final?.state], ['failed', 'unknown'])
})

test('a turn whose receipt is lost is counted and does not come back', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const turn = await received(first.ledger)
  await first.ledger.transition(turn.id, { to: 'routed', cause: 'x' })
  await first.ledger.transition(turn.id, { to: 'waiting', cause: 'x', ticket: 'A-0001' })
  await first.kill()
  await loseRecords(dir, 1)
  const { ledger } = await openTestLedger(t, dir)
  assert.equal(ledger.lost, 1)
  assert.equal(ledger.get(turn.id), undefined)
})

test('routed, answering, sent, confirmed and the done of a delivered final cost no fsync of their own', async (t) => {
  const host = faultyHost()
  const { ledger } = await openTestLedger(t, await temporaryDir(t), { host })
  const turn = await received(ledger)
  const before = host.writes.length
  await ledger.transition(turn.id, { to: 'routed', cause: 'x' })
  await ledger.transition(turn.id, { to: 'answering', cause: 'x' })
  await ledger.transition(turn.id, { to: 'replying', cause: 'x' })
  assert.equal(host.writes.length, before)
  await ledger.addReply(turn.id, 'final', answer)
  await ledger.replyState(turn.id, 'final', 'confirmed')
  assert.equal(host.writes.length, before + 1)
  await ledger.transition(turn.id, { to: 'done', cause: 'x' })
  assert.deepEqual(
    host.writes.slice(before).map(({ sync }) => sync),
    [true, false],
  )
})

test('a turn that is done without a delivered final is fsynced', async (t) => {
  const host = faultyHost()
  const { ledger } = await openTestLedger(t, await temporaryDir(t), { host })
  const turn = await received(ledger)
  await ledger.transition(turn.id, { to: 'routed', cause: 'x' })
  await ledger.transition(turn.id, { to: 'replying', cause: 'x' })
  await ledger.transition(turn.id, { to: 'done', cause: 'x' })
  assert.equal(host.writes.at(-1)?.sync, true)
})

test('a done that the killed process had written is there after a restart', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const turn = await received(first.ledger)
  await first.ledger.transition(turn.id, { to: 'routed', cause: 'x' })
  await first.ledger.transition(turn.id, { to: 'replying', cause: 'x' })
  await first.ledger.addReply(turn.id, 'final', answer)
  await first.ledger.replyState(turn.id, 'final', 'confirmed')
  await first.ledger.transition(turn.id, { to: 'done', cause: 'x' })
  await first.kill()
  const { ledger } = await openTestLedger(t, dir)
  assert.equal(ledger.get(turn.id)?.state, 'done')
  assert.equal(ledger.get(turn.id)?.final?.state, 'confirmed')
})

test('the delivery of a notice, and of a final that tells of an end, survives a killed process', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const turn = await received(first.ledger)
  await first.ledger.addReply(turn.id, 'notice', answer)
  await first.ledger.replyState(turn.id, 'notice', 'confirmed')
  const other = await received(first.ledger)
  await first.ledger.transition(other.id, { to: 'cancelled', cause: 'command' })
  await first.ledger.addReply(other.id, 'final', answer)
  await first.ledger.replyState(other.id, 'final', 'sent')
  await first.kill()
  const { ledger } = await openTestLedger(t, dir)
  assert.equal(ledger.get(turn.id)?.notice?.state, 'confirmed')
  assert.equal(ledger.get(other.id)?.final?.state, 'sent')
})

test('listeners hear of a change once it is made, and one that fails disturbs nobody', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  const heard: string[] = []
  ledger.onChange(() => {
    throw new Error('listener')
  })
  const off = ledger.onChange((turn, change) => {
    assert.equal(ledger.get(turn.id), turn)
    heard.push(change.state ?? `${change.reply?.kind} ${change.reply?.state}`)
  })
  const turn = await received(ledger)
  await ledger.transition(turn.id, { to: 'routed', cause: 'x' })
  await ledger.addReply(turn.id, 'final', answer)
  await ledger.replyState(turn.id, 'final', 'attempting')
  off()
  await ledger.replyState(turn.id, 'final', 'sent')
  assert.deepEqual(heard, ['received', 'routed', 'final pending', 'final attempting'])
})

test('settled turns are bounded in memory and pruned from the journal', async (t) => {
  const dir = await temporaryDir(t)
  const clock = new ManualClock()
  const { journal } = await openTestJournal(t, dir, { clock })
  const deps = { journal, clock, log: silentLogger(), metrics: createMetrics() }
  const ledger = await openLedger(deps, { recent: 3, retentionMs: 1_000, housekeepingMs: 5_000 })
  const open = await received(ledger)
  for (let i = 0; i < 9; i++) {
    await ledger.transition((await received(ledger)).id, { to: 'refused', cause: 'recalled' })
  }
  assert.equal(ledger.recent(100).length, 4)
  const pruned = { before: 0 }
  const prune = journal.prune.bind(journal)
  const seen = new Promise<void>((resolve) => {
    journal.prune = async (options) => {
      pruned.before = options.before
      await prune(options)
      resolve()
    }
  })
  clock.advance(5_000)
  await seen
  assert.equal(pruned.before, open.receivedSeq)
  assert.equal(ledger.waitedMs(open.id), 5_000)
  await ledger.close()
})

test('a reply that stays unknown is abandoned after the retention and holds nothing back', async (t) => {
  const { ledger, clock, journal } = await openTestLedger(t, await temporaryDir(t), {
    retentionMs: 1_000,
    housekeepingMs: 5_000,
  })
  const turn = await received(ledger)
  await ledger.transition(turn.id, { to: 'routed', cause: 'x' })
  await ledger.transition(turn.id, { to: 'replying', cause: 'x' })
  await ledger.addReply(turn.id, 'final', answer)
  await ledger.replyState(turn.id, 'final', 'unknown')
  const abandoned = new Promise<Turn>((resolve) => {
    ledger.onChange((changed, { state }) => state === 'abandoned' && resolve(changed))
  })
  clock.advance(5_000)
  assert.equal((await abandoned).id, turn.id)
  while (journal.settled <= turn.receivedSeq) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.deepEqual(ledger.open(), [])
})

const RIDES_ALONG = new Set<TurnState>(['routed', 'answering', 'streaming', 'replying'])

for (let seed = 1; seed <= 12; seed++) {
  test(`random legal history ${seed}, killed at a random record, reads back equal`, async (t) => {
    const dir = await temporaryDir(t)
    const next = random(seed)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] ?? assert.fail()
    const first = await openTestLedger(t, dir)
    const ids: string[] = []
    // A change that is not waited for may be lost with the process: only what a later one carried counts.
    const durable = new Map<string, Turn>()
    const steps = 20 + Math.floor(next() * 120)
    for (let step = 0; step < steps; step++) {
      if (ids.length === 0 || next() < 0.2) {
        let early: Promise<Turn> | undefined
        const outcome = await first.ledger.receive(textMessage(`question ${step}`), ({ id }) => {
          ids.push(id)
          // Some are on their way before they are durable, as far as a reply or not.
          if (next() < 0.5) void first.ledger.transition(id, { to: 'routed', cause: 'router' })
          if (next() < 0.5) early = first.ledger.addReply(id, 'notice', answer)
        })
        const turn = outcome.outcome === 'accepted' ? outcome.turn : assert.fail()
        const noticed = await early
        const { cause: _ridden, ...asReceived } = turn
        durable.set(turn.id, noticed ?? { ...asReceived, state: 'received', version: 0 })
        continue
      }
      const id = pick(ids)
      const turn = first.ledger.get(id) ?? assert.fail()
      const kind = pick(['notice', 'final'] as const)
      const dice = next()
      if (dice > 0.9) {
        const rating = pick(['up', 'down', 'none'] as const)
        const given = { rating, reason: `reason ${step}`, at: step, by: step }
        durable.set(id, await first.ledger.rate(id, given))
        continue
      }
      if (dice < 0.6 && !isTerminal(turn.state)) {
        const to = pick(NEXT_STATES[turn.state] ?? [])
        const ticket = to === 'waiting' ? { ticket: `A-${step}` } : {}
        const after = await first.ledger.transition(id, { to, cause: `step ${step}`, ...ticket })
        if (!RIDES_ALONG.has(to)) durable.set(id, after)
      } else if (!turn[kind]) {
        durable.set(id, await first.ledger.addReply(id, kind, { ...answer, text: `text ${step}` }))
      } else {
        const state = pick(['attempting', 'unknown', 'failed', 'sent', 'confirmed'] as const)
        const after = await first.ledger.replyState(id, kind, state)
        const rides =
          kind === 'final' && (state === 'sent' || state === 'confirmed') && !isTerminal(turn.state)
        if (!rides && after !== turn) durable.set(id, after)
      }
    }
    await first.kill()
    const again = await openTestLedger(t, dir)
    assert.equal(again.ledger.lost, 0)
    for (const [id, turn] of durable) assert.deepEqual(again.ledger.get(id), turn)
    assert.deepEqual(
      again.ledger.recent(1_000).map(({ id }) => id),
      [...ids].reverse(),
    )
  })
}
