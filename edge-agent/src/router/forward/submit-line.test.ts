import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Priority } from '@yizhan/proto'
import { turnOf } from '../../channels/mqtt/testing.js'
import { ForwardedTurn } from './forwarded-turn.js'
import { SubmitLine } from './submit-line.js'

function forwarded(tenant: string, receivedSeq: number, priority = Priority.UNSPECIFIED): ForwardedTurn {
  const turn = turnOf(`${tenant}/mqtt/li/c1`, `q${receivedSeq}`, { receivedSeq })
  turn.message.priority = priority
  return new ForwardedTurn(turn, undefined, undefined)
}

const turnOfTheLoop = () => new Promise<void>((resolve) => setImmediate(resolve))

function makeLine() {
  const submitted: ForwardedTurn[] = []
  const line = new SubmitLine(
    async () => undefined,
    (one) => submitted.push(one),
  )
  return { line, submitted }
}

test('what has left or ended is never handed over, and leaving twice frees one place', async () => {
  const { line, submitted } = makeLine()
  const [one, two, three] = [forwarded('acme', 1), forwarded('acme', 2), forwarded('acme', 3)]
  for (const each of [one, two, three]) line.add(each)
  line.left(one)
  line.left(one)
  two.enter({ s: 'ending' })
  line.start(1)
  await turnOfTheLoop()
  assert.deepEqual([submitted, line.length], [[three], 0])
})

test('ten thousand waiting turns of one tenant delay the turns of another by its share, and keep their order', async () => {
  const { line, submitted } = makeLine()
  for (let seq = 1; seq <= 10_000; seq++) line.add(forwarded('acme', seq))
  line.start(64)
  for (let seq = 10_001; seq <= 10_040; seq++) line.add(forwarded('globex', seq))
  await turnOfTheLoop()
  for (let ended = 0; ended < 120; ended++) {
    const one = submitted[ended] ?? assert.fail()
    line.left(one)
    line.start(64)
    await turnOfTheLoop()
  }
  const order = submitted.slice(64).map(({ turn }) => turn.tenant)
  const last = order.lastIndexOf(
    submitted.find(({ turn }) => turn.tenant === 'globex')?.turn.tenant ?? assert.fail(),
  )
  assert.ok(last < 80, `forty turns of the other tenant within eighty, not behind 10,000: ${last}`)
  for (const tenant of ['acme', 'globex']) {
    const seqs = submitted.filter(({ turn }) => turn.tenant === tenant).map(({ turn }) => turn.receivedSeq)
    assert.deepEqual(
      seqs,
      [...seqs].sort((a, b) => a - b),
    )
  }
  assert.equal(submitted.filter(({ turn }) => turn.tenant === 'globex').length, 40)
})

test('people go before tasks and batches, whoever came first and whatever a tenant has under way', async () => {
  const { line, submitted } = makeLine()
  const { BATCH, TASK, INTERACTIVE } = Priority
  const classes = [BATCH, TASK, BATCH, INTERACTIVE, TASK, Priority.UNSPECIFIED]
  for (const [at, priority] of classes.entries()) line.add(forwarded('acme', at + 1, priority))
  line.add(forwarded('globex', 7, BATCH))
  line.start(3)
  line.add(forwarded('acme', 8, INTERACTIVE))
  await turnOfTheLoop()
  line.start(5)
  await turnOfTheLoop()
  line.start(99)
  await turnOfTheLoop()
  const order = submitted.map(({ turn }) => turn.receivedSeq)
  assert.deepEqual(order, [4, 6, 2, 8, 5, 7, 1, 3])
})
