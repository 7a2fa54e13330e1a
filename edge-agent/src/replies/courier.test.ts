import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import type { ChannelCapabilities } from '../channels/port.js'
import { FakeAdapter, FakePlatform } from '../channels/testing-platform.js'
import { temporaryDir } from '../ledger/testing.js'
import { answer, startTestReplies } from './testing.js'

const MINUTE = 60_000
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

async function startOn(t: TestContext, capabilities: Partial<ChannelCapabilities>, maxBytes = 100) {
  const platform = new FakePlatform(maxBytes)
  const adapter = new FakeAdapter(platform, capabilities)
  const dir = await temporaryDir(t)
  const edge = await startTestReplies(t, { dir, config: { deliverMs: 1_000 } })
  edge.replies.attach(adapter)
  const ask = () => edge.ask('q', 'acme/fake/li', 'fake')
  const shown = () => platform.shown.map(({ text, proactive }) => (proactive ? `bot: ${text}` : text))
  return { ...edge, platform, adapter, dir, ask, shown }
}

test('without an answer the platform is asked: absent goes out again, shown does not', async (t) => {
  const { platform, adapter, replies, ask, until, clock, shown } = await startOn(t, { probe: true })
  platform.losesAnswers = true
  const first = await replies.final(await ask(), answer('first'))
  while (shown().length === 0) await settle()
  clock.advance(1_000)
  await settle()
  clock.advance(500)
  const done = await until(first.id, ({ state }) => state === 'done')
  assert.equal(done.final?.state, 'confirmed')

  platform.losesAnswers = false
  let posts = 0
  const deliver = adapter.deliver.bind(adapter)
  adapter.deliver = async (...args) => {
    posts += 1
    if (posts === 1) throw new YizhanError('deadline_exceeded', 'cut off before it got there')
    return await deliver(...args)
  }
  const second = await replies.final(await ask(), answer('second'))
  while (posts === 0) await settle()
  await settle()
  clock.advance(500)
  await until(second.id, ({ state }) => state === 'done')
  assert.deepEqual([posts, shown()], [2, ['first', 'second']])
})

test('a platform that does not answer the probe either leaves the reply unknown', async (t) => {
  const { adapter, replies, ask, until, clock } = await startOn(t, { probe: true })
  adapter.deliver = async () => {
    throw new YizhanError('deadline_exceeded', 'no answer')
  }
  let probes = 0
  Object.assign(adapter, {
    probe: async () => {
      probes += 1
      throw new YizhanError('unavailable', 'busy')
    },
  })
  const turn = await replies.final(await ask(), answer('first'))
  const ended = until(turn.id, ({ final }) => final?.state === 'unknown')
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  while (!isOver) {
    await settle()
    clock.advance(2_000)
  }
  assert.equal((await ended).state, 'replying', 'a person decides')
  assert.equal(probes, 3)
})

test('a platform that closes the direct way early gets the reply as a message of the bot, once', async (t) => {
  const { platform, replies, ask, until, shown } = await startOn(t, { deadlineMs: MINUTE, proactive: true })
  platform.isDirectClosed = true
  const turn = await replies.final(await ask(), answer('hello'))
  await until(turn.id, ({ state }) => state === 'done')
  assert.deepEqual(shown(), ['bot: hello'])
})

test('the deadline that comes while nobody is there ends the direct way', async (t) => {
  const { platform, replies, ask, until, clock, adapter } = await startOn(t, { deadlineMs: MINUTE })
  platform.isThere = false
  const turn = await replies.final(await ask(), answer('hello'))
  await until(turn.id, ({ final }) => final?.state === 'attempting')
  await until(turn.id, ({ final }) => final?.state === 'pending')
  await settle()
  clock.advance(MINUTE - 1)
  await settle()
  assert.equal((await until(turn.id, () => true)).state, 'replying')
  clock.advance(1)
  const failed = await until(turn.id, ({ state }) => state === 'failed')
  assert.deepEqual([failed.cause, failed.final?.state], ['deadline', 'failed'])
  adapter.comesBack('acme/fake/li')
  assert.deepEqual(platform.shown, [])
})

test('the sources, choices and hand-off of a long text come with its last part, its ids count on', async (t) => {
  const { replies, ask, until, adapter } = await startOn(t, {})
  const seen: unknown[] = []
  adapter.deliver = async (_turn, { id, part, content }) => {
    seen.push([id.split('.')[1], part, content.choices?.length ?? 0])
    return 'sent'
  }
  const choices = [{ label: 'yes', text: 'yes' }]
  const turn = await replies.final(await ask(), answer(`${'a'.repeat(90)}\n\n${'b'.repeat(90)}`, { choices }))
  await until(turn.id, ({ state }) => state === 'done')
  assert.deepEqual(seen, [
    ['final', { index: 1, of: 2 }, 0],
    ['final/2', { index: 2, of: 2 }, 1],
  ])
})

test('what was surely not shown is in no doubt after a crash', async (t) => {
  const before = await startOn(t, {})
  before.platform.isThere = false
  const turn = await before.replies.final(await before.ask(), answer('hello'))
  await before.until(turn.id, ({ final }) => final?.state === 'attempting')
  await before.until(turn.id, ({ final }) => final?.state === 'pending')
  await before.kill()

  const after = await startTestReplies(t, { dir: before.dir })
  before.platform.isThere = true
  after.replies.attach(before.adapter)
  await after.until(turn.id, ({ state }) => state === 'done')
  assert.equal(before.platform.shown.length, 1)
})
