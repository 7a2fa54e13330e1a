import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { temporaryDir } from '../ledger/testing.js'
import { heldSkill, startTestEdge, sure } from '../router/testing.js'
import { startCommandLine } from './testing.js'

/** An edge without its center, whose one turn hangs, and the command line that talks to it. */
async function startHanging(t: TestContext) {
  const dir = await temporaryDir(t)
  const held = heldSkill()
  const edge = await startTestEdge(t, `${dir}/edge`, { skills: [held.skill], linkUp: false })
  edge.classifier.known.set('hi', sure('slow'))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const run = await startCommandLine(t, dir, edge)
  const id = await edge.say('hi')
  await edge.until(() => held.waiting.has('hi'))
  return { edge, held, run, id }
}

test('what cannot be done is told with the code of its kind', async (t) => {
  const { edge, run, id } = await startHanging(t)
  const { version = 0 } = edge.ledger.get(id) ?? {}
  for (const [code, said, words] of [
    [1, /there is no such turn/, ['retry', 't_none']],
    [1, /there is no turn/, ['retry', 't_none', '--expect', '1']],
    [1, new RegExp(`conflict.*version ${version} `, 's'), ['retry', id, '--expect', `${version + 1}`]],
    [2, /--text/, ['answer', id]],
    [2, /needs a text/, ['answer', id, '--text', ' ']],
    [2, /--to/, ['reroute', id]],
    [2, /nothing to reroute to/, ['reroute', id, '--to', 'intent:none']],
    [1, /only the center/, ['reroute', id, '--to', 'edge:shanghai']],
    [2, /invalid_argument/, ['retry', id, '--expect', 'soon']],
  ] as const) {
    const result = await run('turns', ...words)
    assert.deepEqual([result.code, result.out], [code, ''], words.join(' '))
    assert.match(result.err, said)
  }
  assert.equal(edge.ledger.get(id)?.version, version)
})

test('a turn is answered by hand without the center, and who did it is shown', async (t) => {
  const { edge, run, id } = await startHanging(t)
  const answered = await run('turns', 'answer', id, '--text', '请联系 Li', '--json')
  assert.equal(answered.code, 0)
  assert.deepEqual(JSON.parse(answered.out), { turn: id, version: 3, state: 'replying' })
  assert.equal((await edge.final(id)).text, '请联系 Li')
  await edge.until(() => edge.ledger.open().length === 0)
  const shown = JSON.parse((await run('turns', 'show', id, '--json')).out)
  assert.deepEqual([shown.answeredBy, shown.states.at(-2).actor], ['person', 'admin'])
  const again = JSON.parse((await run('turns', 'edit', id, '--text', 'vpn', '--json')).out)
  assert.equal(again.turn, id)
  assert.equal((await edge.final(again.successor)).text, 'Scan the code')
  await edge.until(() => edge.ledger.open().length === 0)
  const carried = JSON.parse((await run('turns', 'show', again.successor, '--json')).out)
  assert.equal(carried.successorOf, id)
})

test('a turn is started again, rerouted and given up', async (t) => {
  const { edge, held, run, id } = await startHanging(t)
  held.waiting.clear()
  assert.match((await run('turns', 'retry', id)).out, /state: routed/)
  await edge.until(() => held.waiting.has('hi'))
  assert.match((await run('turns', 'abandon', id)).out, /state: abandoned/)
  held.waiting.clear()
  const second = await edge.say('hi')
  await edge.until(() => held.waiting.has('hi'))
  assert.match((await run('turns', 'reroute', second, '--to', 'intent:it.vpn')).out, /state: routed/)
  assert.equal((await edge.final(second)).text, 'Scan the code')
  assert.deepEqual(edge.channel.texts, ['Scan the code'])
})
