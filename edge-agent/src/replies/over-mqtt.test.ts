import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import { startTestChannel, type TestChannel } from '../channels/mqtt/testing.js'
import { openTestLedger, temporaryDir } from '../ledger/testing.js'
import { startReplies } from './replies.js'
import { answer } from './testing.js'

const IN = 'yizhan/acme/li/c1/in'
const OUT = 'yizhan/acme/li/c1/out'

/** A broker, a ledger and replies as an agent has them; every message is answered with itself. */
async function startEcho(t: TestContext, dir: string): Promise<TestChannel & { kill(): Promise<void> }> {
  const clock = new ManualClock()
  const { ledger, kill } = await openTestLedger(t, dir, { clock })
  const replies = await startReplies({ ledger, clock, log: silentLogger(), metrics: createMetrics() })
  const run = await startTestChannel(t)
  run.onMessage = async (message) => {
    const received = await ledger.receive(message)
    if (received.outcome === 'duplicate') return received
    const { turn } = received
    await ledger.transition(turn.id, { to: 'routed', cause: 'text' })
    await replies.final(turn, answer(`re ${message.text}`))
    return { outcome: 'accepted', turnId: turn.id }
  }
  replies.attach(run.channel)
  return {
    ...run,
    async kill() {
      await kill()
      await run.channel.stop('killed')
    },
  }
}

const texts = (received: readonly { body: Record<string, unknown> }[]) =>
  received.map(({ body }) => body.text)

test('who asks and listens later gets every answer once and in order', async (t) => {
  const edge = await startEcho(t, await temporaryDir(t))
  const asker = await edge.connect()
  for (const text of ['1', '2', '3', '2']) await asker.say(IN, { id: `q${text}`, text })
  const listener = await edge.connect()
  await listener.mqtt.subscribeAsync(OUT, { qos: 1 })
  for (let i = 0; i < 3; i++) await listener.next()
  assert.deepEqual(texts(listener.received), ['re 1', 're 2', 're 3'])
})

test('what nobody has acknowledged comes again after a crash of the edge, under the same id', async (t) => {
  const dir = await temporaryDir(t)
  const before = await startEcho(t, dir)
  const asker = await before.connect()
  const silent = await before.connect()
  silent.mqtt.handleMessage = () => undefined
  await silent.mqtt.subscribeAsync(OUT, { qos: 1 })
  await asker.say(IN, { id: 'q1', text: '1' })
  await asker.say(IN, { id: 'q2', text: '2' })
  const shown = await silent.next()
  await before.kill()

  const after = await startEcho(t, dir)
  const again = await after.connect()
  await again.mqtt.subscribeAsync(OUT, { qos: 1 })
  await again.say(IN, { id: 'q1', text: '1' })
  const replies = [await again.next(), await again.next()]
  assert.deepEqual(texts(replies), ['re 1', 're 2'])
  assert.equal(replies[0]?.body.id, shown.body.id)
  await again.say(IN, { id: 'q3', text: '3' })
  assert.equal((await again.next()).body.text, 're 3', 'the repeated question is not answered twice')
})
