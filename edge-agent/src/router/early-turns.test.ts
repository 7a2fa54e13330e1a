import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { faultyHost, temporaryDir, textMessage } from '../ledger/testing.js'
import { heldSkill, startTestEdge, sure, type TestEdge } from './testing.js'

const states = (edge: TestEdge) => edge.ledger.open().map(({ state }) => state)
const pass = () => new Promise<void>((resolve) => setImmediate(resolve))

/** An edge whose disk holds what is asked by `ask`. */
async function onSlowDisk(t: TestContext) {
  const host = faultyHost()
  const { skill, waiting, answer } = heldSkill()
  const edge = await startTestEdge(t, await temporaryDir(t), { host, skills: [skill] })
  edge.classifier.known.set('vpn', sure('it.vpn'))
  edge.classifier.known.set('travel?', sure('travel.policy'))
  edge.classifier.known.set('do it', sure('slow'))
  const classified: string[] = []
  const classify = edge.classifier.classify.bind(edge.classifier)
  edge.classifier.classify = (tenant, text) => {
    classified.push(text)
    return classify(tenant, text)
  }
  /** Sends a message, and lets it come as far as it can while the disk holds it; what that gives lets it go on. */
  const ask = async (text: string) => {
    let open = () => {}
    host.gate = new Promise((resolve) => {
      open = resolve
    })
    host.writes.length = 0
    let isAcked = false
    const accepted = edge.accept(textMessage(text)).finally(() => {
      isAcked = true
    })
    while (host.writes.length === 0) await pass()
    for (let passes = 0; passes < 20; passes++) await pass()
    assert.equal(isAcked, false, 'nothing is acked before it is durable')
    return async () => {
      open()
      const outcome = await accepted
      return outcome.outcome === 'accepted' ? outcome.turnId : assert.fail()
    }
  }
  return { edge, host, waiting, answer, ask, classified, say: edge.say }
}

test('a question is looked at while its message goes to disk, and its answer goes with it, in one write', async (t) => {
  const { edge, host, ask, classified } = await onSlowDisk(t)
  const acked = await ask('vpn')
  assert.deepEqual([classified, host.writes.length, edge.channel.shown], [['vpn'], 1, []])
  const id = await acked()
  assert.equal((await edge.final(id)).text, 'Scan the code')
})

test('the center is asked only once the message is durable', async (t) => {
  const { edge, ask, classified } = await onSlowDisk(t)
  const acked = await ask('travel?')
  assert.deepEqual([classified, edge.uplink.questions], [['travel?'], []])
  await acked()
  await edge.until(() => edge.uplink.questions.length > 0)
  assert.deepEqual(edge.uplink.questions, ['travel?'])
})

test('a skill runs only once the message is durable', async (t) => {
  const { edge, ask, waiting, answer } = await onSlowDisk(t)
  const acked = await ask('do it')
  assert.equal(waiting.size, 0)
  const id = await acked()
  await edge.until(() => waiting.has('do it'))
  answer('do it', 'done')
  assert.equal((await edge.final(id)).text, 'done')
})

test('a command is not looked at before it is durable', async (t) => {
  const { edge, ask } = await onSlowDisk(t)
  const acked = await ask('/help')
  assert.equal(states(edge).at(-1), 'received')
  await edge.final(await acked())
})

test('a handler that was added sees durable turns alone: nobody knows what it does', async (t) => {
  const { edge, ask } = await onSlowDisk(t)
  const seen: string[] = []
  edge.turns.chain.insert(
    {
      name: 'plugin',
      handle: (visit, next) => {
        seen.push(visit.question)
        return next(visit)
      },
    },
    { before: 'text' },
  )
  const acked = await ask('vpn')
  assert.deepEqual(seen, [])
  await edge.final(await acked())
  assert.deepEqual(seen, ['vpn'])
})

test('the answer to a question back is taken only once it is durable: what was open must not be lost', async (t) => {
  const { edge, ask, say } = await onSlowDisk(t)
  edge.classifier.known.set('vpn or password', {
    intent: 'it.vpn',
    score: 0.5,
    top: [
      { intent: 'it.vpn', score: 0.5 },
      { intent: 'it.password', score: 0.45 },
    ],
  })
  await edge.final(await say('vpn or password'))
  const acked = await ask('1')
  assert.equal(states(edge).at(-1), 'received')
  assert.equal((await edge.final(await acked())).text, 'Scan the code')
})
