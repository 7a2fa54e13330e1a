import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Journal } from './journal.js'
import { diskFull, faultyHost, openTestLedger, temporaryDir, textMessage } from './testing.js'
import type { ReplyContent, Turn } from './turn.js'

const answer: ReplyContent = { text: 'Scan the code.', answeredBy: 'edge', citations: [], finish: 'stop' }

/** How many records each append from now on has. */
function countAppends(journal: Journal): number[] {
  const sizes: number[] = []
  const append = journal.append.bind(journal)
  journal.append = (records, options) => {
    sizes.push(records.length)
    return append(records, options)
  }
  return sizes
}

/** Answers a turn as soon as it is taken. */
async function answerAtOnce({ ledger }: Awaited<ReturnType<typeof openTestLedger>>, text = 'hi') {
  let answered: Promise<Turn> | undefined
  const outcome = await ledger.receive(textMessage(text), ({ id }) => {
    answered = (async () => {
      await ledger.transition(id, { to: 'routed', cause: 'router' })
      await ledger.transition(id, { to: 'answering', cause: 'it.vpn' })
      return ledger.addReply(id, 'final', answer)
    })()
  })
  assert.equal(outcome.outcome, 'accepted')
  return (await answered) ?? assert.fail()
}

test('a question that is answered at once is one append with its answer, and reads back whole', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const appends = countAppends(first.journal)
  const turns = [await answerAtOnce(first, 'one'), await answerAtOnce(first, 'two')]
  assert.deepEqual(appends, [4, 4])
  assert.deepEqual(
    turns.map(({ receivedSeq }) => receivedSeq),
    [1, 5],
  )
  assert.deepEqual(first.ledger.open(), turns)
  assert.deepEqual(
    (await first.ledger.history(turns[1]?.id ?? '')).map(({ state }) => state),
    ['received', 'routed', 'answering'],
  )
  await first.kill()
  const again = await openTestLedger(t, dir)
  assert.equal(again.ledger.lost, 0)
  assert.deepEqual(again.ledger.open(), turns)
})

test('what is recorded later finds its turn: each record says where that was received', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const appends = countAppends(first.journal)
  let seen: Turn | undefined
  const received = first.ledger.receive(textMessage('hi'), (turn) => {
    seen = turn
    void first.ledger.transition(turn.id, { to: 'routed', cause: 'router' })
  })
  const { id = '' } = seen ?? {}
  await received
  assert.equal(first.ledger.get(id)?.state, 'routed', 'it has gone on meanwhile')
  assert.equal((await first.ledger.durable(id)).receivedSeq, 1)
  const last = await first.ledger.addReply(id, 'final', answer)
  assert.deepEqual(appends, [1, 2])
  await first.kill()
  const again = await openTestLedger(t, dir)
  assert.deepEqual([again.ledger.lost, again.ledger.get(id)], [0, last])
})

test('messages are recorded in the order in which they came, whichever is answered first', async (t) => {
  const { ledger, journal } = await openTestLedger(t, await temporaryDir(t))
  const appends = countAppends(journal)
  const [one, two] = await Promise.all([
    ledger.receive(textMessage('one')),
    ledger.receive(textMessage('two'), ({ id }) => {
      void ledger.addReply(id, 'final', answer)
    }),
  ])
  const seqs = [one, two].map((outcome) => (outcome.outcome === 'accepted' ? outcome.turn.receivedSeq : 0))
  assert.deepEqual(
    [seqs, appends],
    [
      [1, 2],
      [1, 2],
    ],
  )
})

const passes = async () => {
  for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** A ledger in which whoever is received asks something; `settle` answers the first that is open. */
async function asking(t: TestContext) {
  const opened = await openTestLedger(t, await temporaryDir(t))
  const asked: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const receive = (text: string, then: (id: string) => Promise<unknown>) => {
    let done: Promise<unknown> | undefined
    const received = opened.ledger.receive(textMessage(text), ({ id }) => {
      const answered = new Promise<void>((resolve, reject) => {
        asked.push({ resolve, reject })
      })
      done = opened.ledger.awaiting(id, answered).then(
        () => then(id),
        () => undefined,
      )
    })
    return { received, done: done ?? assert.fail() }
  }
  const reply = (id: string) => opened.ledger.addReply(id, 'final', answer)
  return { ...opened, appends: countAppends(opened.journal), asked, receive, reply }
}

test('a message waits for what its turn has asked, and goes to disk with the answer', async (t) => {
  const { appends, asked, receive, reply } = await asking(t)
  const { received, done } = receive('hi', reply)
  await passes()
  assert.deepEqual(appends, [])
  asked[0]?.resolve()
  await done
  assert.deepEqual(appends, [2])
  assert.equal((await received).outcome, 'accepted')
})

test('whoever asks for longer, or in vain, or records nothing, has its message written by itself', async (t) => {
  const { clock, appends, asked, receive } = await asking(t)
  const timers = clock.pending
  const idle = async () => undefined
  const slow = receive('slow', idle)
  await passes()
  clock.advance(19)
  await passes()
  assert.deepEqual(appends, [])
  clock.advance(1)
  assert.equal((await slow.received).outcome, 'accepted')
  const failing = receive('failing', idle)
  asked[1]?.reject(new Error('the thread died'))
  assert.equal((await failing.received).outcome, 'accepted')
  const silent = receive('silent', idle)
  asked[2]?.resolve()
  assert.equal((await silent.received).outcome, 'accepted')
  assert.deepEqual([appends, clock.pending], [[1, 1, 1], timers])
})

test('who waits goes to disk before a later one that has its answer', async (t) => {
  const { ledger, appends, asked, receive, reply } = await asking(t)
  const one = receive('one', reply)
  const two = receive('two', reply)
  await passes()
  asked[1]?.resolve()
  await two.done
  assert.deepEqual(appends, [1, 2])
  asked[0]?.resolve()
  await one.done
  assert.deepEqual(
    ledger.open().map(({ message, receivedSeq }) => [message.text, receivedSeq]),
    [
      ['one', 1],
      ['two', 2],
    ],
  )
})

test('no more than 64 wait: what is not on disk is in memory', async (t) => {
  const { appends, asked, receive } = await asking(t)
  const all = Array.from({ length: 64 }, (_, i) => receive(String(i), async () => undefined))
  await passes()
  assert.deepEqual(appends, [])
  all.push(receive('one more', async () => undefined))
  await Promise.all(all.map(({ received }) => received))
  assert.equal(appends.length, 65)
  for (const { resolve } of asked) resolve()
})

test('a ledger that is closed keeps what waits', async (t) => {
  const { ledger, appends, receive, asked } = await asking(t)
  const { received } = receive('hi', async () => undefined)
  await ledger.close()
  assert.deepEqual([appends, (await received).outcome], [[1], 'accepted'])
  asked[0]?.resolve()
})

test('what the disk refuses is no turn, neither now nor after a restart, and is taken once there is room', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir, { host })
  const message = textMessage('hi')
  const recorded: Promise<unknown>[] = []
  const taken: string[] = []
  const receive = () =>
    first.ledger.receive(message, ({ id }) => {
      taken.push(id)
      recorded.push(
        first.ledger.transition(id, { to: 'routed', cause: 'router' }),
        first.ledger.addReply(id, 'final', answer),
      )
    })
  host.fail = diskFull()
  await assert.rejects(receive(), { code: 'disk_full' })
  const [routed, answered] = await Promise.allSettled(recorded)
  assert.deepEqual([routed?.status, answered?.status], ['fulfilled', 'rejected'])
  assert.deepEqual([first.ledger.open(), first.ledger.get(taken[0] ?? '')], [[], undefined])
  await assert.rejects(first.ledger.transition(taken[0] ?? '', { to: 'forwarded', cause: 'x' }), {
    code: 'not_found',
  })
  host.fail = undefined
  first.clock.advance(1_000)
  while (
    !(await receive().then(
      () => true,
      () => false,
    ))
  );
  await Promise.all(recorded.slice(2))
  const [turn] = first.ledger.open()
  assert.deepEqual([turn?.id, turn?.final?.content.text], [taken.at(-1), answer.text])
  await first.kill()
  const again = await openTestLedger(t, dir)
  assert.deepEqual([again.ledger.lost, again.ledger.open()], [0, [turn]])
})

test('nothing is taken, and nobody is told of a turn, while the journal has no room', async (t) => {
  const { ledger, journal } = await openTestLedger(t, await temporaryDir(t), { maxRecords: 2 })
  await journal.append(Array.from({ length: 3 }, () => Buffer.from('{}')))
  const taken: Turn[] = []
  await assert.rejects(
    ledger.receive(textMessage('hi'), (turn) => taken.push(turn)),
    { code: 'overloaded' },
  )
  assert.deepEqual(taken, [])
})

test('a person who gives up a turn that is being received waits for that', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  let given: ReturnType<typeof ledger.mend> | undefined
  const outcome = await ledger.receive(textMessage('hi'), ({ id }) => {
    const order = { command: { id: 'c1', action: 'abandon' }, actor: 'ops', expect: 0 } as const
    given = ledger.mend(id, order, () => ({ do: 'move', to: 'abandoned', cause: 'by hand' }))
  })
  const mended = await given
  assert.deepEqual(
    [outcome.outcome, mended?.turn?.state, mended?.turn?.receivedSeq],
    ['accepted', 'abandoned', 1],
  )
})

test('what is blanked while it is being received is blank on disk', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  let blanked: Promise<void> | undefined
  const outcome = await ledger.receive(textMessage('my secret'), ({ id }) => {
    blanked = ledger.blank([id])
  })
  await blanked
  assert.equal(outcome.outcome === 'accepted' && ledger.get(outcome.turn.id)?.message.text, '')
})
