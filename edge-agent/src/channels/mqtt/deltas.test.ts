import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StreamedText } from '../../chat/streamed-text.js'
import { Streams } from '../../replies/streams.js'
import type { DeltaPayload } from './contract.js'
import { startTestChannel, type TestClient, turnOf } from './testing.js'

const TOPIC = 'yizhan/acme/li/c1/delta'

/** Reads until what a client has put together of one answer is `text`. */
async function untilItShows(client: TestClient, turnId: string, text: string): Promise<void> {
  const shown = new StreamedText()
  while (shown.text !== text) {
    const { body } = await client.next()
    if (body.turnId === turnId) shown.take(body as unknown as DeltaPayload)
  }
}

test('a slow client beside a fast one holds it up in nothing, and has the whole running text once it reads on', async (t) => {
  const { channel, connect } = await startTestChannel(t, { limits: { maxBacklogBytes: 100_000 } })
  const [slow, fast] = [await connect(), await connect()]
  for (const { mqtt } of [slow, fast]) await mqtt.subscribeAsync(TOPIC)
  const streams = new Streams(undefined)
  channel.onWatcher?.((watcher) => streams.showTo(channel, watcher))
  const turn = turnOf('acme/mqtt/li/c1', 'q1')
  let shown = ''
  let seq = 0
  const show = (text: string) => {
    seq += 1
    shown += text
    streams.show(channel, turn, { attempt: 1, seq, text })
  }
  show('begin ')
  slow.mqtt.stream.pause()
  // Another answer fills what lies between the edge and the slow client.
  const other = turnOf('acme/mqtt/li/c1', 'q2')
  for (let filled = 1; filled <= 250; filled++) {
    channel.delta(other, { attempt: 1, seq: filled, text: 'x'.repeat(60_000) })
    while (fast.received.length <= filled) await new Promise(setImmediate)
  }
  for (let i = 0; i < 5; i++) show(`piece ${i} `)
  await untilItShows(fast, turn.id, shown)
  assert.equal(
    slow.received.some(({ body }) => body.turnId === turn.id && body.seq !== 1),
    false,
    'the slow one reads nothing',
  )
  slow.mqtt.stream.resume()
  while (!slow.received.some(({ body }) => body.snapshot === true)) {
    show('.')
    await new Promise(setImmediate)
  }
  show('end')
  await untilItShows(slow, turn.id, shown)
})
