import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openTestLedger, temporaryDir, textMessage } from '../ledger/testing.js'
import { startCommandLine } from './testing.js'

/** A ledger behind an admin socket, and the command line that talks to it. */
async function startOps(t: TestContext) {
  const dir = await temporaryDir(t)
  const { ledger } = await openTestLedger(t, `${dir}/journal`)
  const run = await startCommandLine(t, dir, { ledger })
  const received = await ledger.receive(textMessage('my secret\u202e question'))
  const { id, receivedSeq } = received.outcome === 'accepted' ? received.turn : assert.fail()
  await ledger.transition(id, { to: 'routed', cause: 'router' })
  await ledger.transition(id, { to: 'replying', cause: 'stop' })
  const route = {
    intent: 'it.vpn',
    score: 0.97,
    accept: 0.8,
    match: 'model',
    top: [],
    decision: 'answer',
    classifyMs: 1,
    waitedMs: 2,
    tookMs: 3,
  } as const
  await ledger.addReply(id, 'final', {
    text: 'my secret answer',
    answeredBy: 'edge',
    citations: [],
    finish: 'stop',
    route,
  })
  await ledger.replyState(id, 'final', 'confirmed')
  await ledger.transition(id, { to: 'done', cause: 'delivered' })
  await ledger.rate(id, { rating: 'down', reason: '看不懂', at: 1_800_000_000_000, by: receivedSeq + 1 })
  return { run, id, ledger, route }
}

test('an unknown turn and a missing id are told as such', async (t) => {
  const { run } = await startOps(t)
  const unknown = await run('turns', 'show', 't_none')
  assert.notEqual(unknown.code, 0)
  assert.equal(unknown.out, '')
  assert.match(unknown.err, /there is no such turn/)
  assert.equal((await run('turns', 'show')).code, 2)
  assert.notEqual((await run('turns', 'show', '../status')).code, 0)
})

test('the list shows what was said of an answer, not what was asked', async (t) => {
  const { run, id } = await startOps(t)
  const { out, code } = await run('turns', 'list')
  assert.equal(code, 0)
  const [head, row] = out.split('\n').map((line) => line.split(/ +/))
  assert.deepEqual([head?.at(-1), row?.at(-1), row?.[0]], ['FEEDBACK', 'down', id])
  assert.doesNotMatch(out, /secret/)
})

test('one turn is shown with its states, its route and its feedback; the texts only if they are asked for', async (t) => {
  const { run, id, route } = await startOps(t)
  const turn = JSON.parse((await run('turns', 'show', id, '--json')).out)
  assert.deepEqual(
    turn.states.map(({ state, cause }: { state: string; cause?: string }) => [state, cause]),
    [
      ['received', undefined],
      ['routed', 'router'],
      ['replying', 'stop'],
      ['done', 'delivered'],
    ],
  )
  assert.deepEqual(turn.route, route)
  assert.deepEqual(turn.feedback, { rating: 'down', reason: '看不懂', at: '2027-01-15T08:00:00.000Z' })
  assert.deepEqual(
    [turn.state, turn.cause, turn.final, turn.notice],
    ['done', 'delivered', 'confirmed', null],
  )
  assert.ok(!('text' in turn))

  const told = (await run('turns', 'show', id)).out
  assert.match(told, /^id: t_/)
  assert.match(told, /\nSTATE +AT +CAUSE +ACTOR\n/)
  assert.match(told, /\nfeedback: \{"rating":"down","reason":"看不懂"/)
  assert.doesNotMatch(told, /secret/)

  const withText = (await run('turns', 'show', id, '--text')).out
  assert.match(
    withText,
    /\nquestion:\n {2}my secret {2}question\n/,
    'what would turn the line round is left out',
  )
  assert.match(withText, /\nfinal:\n {2}my secret answer\n/)
  assert.equal(
    JSON.parse((await run('turns', 'show', id, '--text', '--json')).out).text.final,
    'my secret answer',
  )
})
