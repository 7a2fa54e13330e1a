import assert from 'node:assert/strict'
import { test } from 'node:test'
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
