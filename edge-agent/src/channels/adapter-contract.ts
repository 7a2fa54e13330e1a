import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createMetrics, ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import type { Message } from '@yizhan/proto'
import { openTestLedger, temporaryDir, textMessage } from '../ledger/testing.js'
import type { ReplyContent, Turn } from '../ledger/turn.js'
import { startReplies } from '../replies/index.js'
import type { ChannelAdapter, Outgoing } from './port.js'

/** An adapter with its platform, one chat of it, and the person who reads there. */
export interface ContractSubject {
  readonly adapter: ChannelAdapter
  /** Of a message in that chat. */
  readonly message: Partial<Omit<Message, '$typeName'>>
  /** The texts as the person sees them, in order. */
  shown(): readonly string[]
  /** Called when something more is shown. Returns the unsubscribe. */
  onShown(fn: () => void): () => void
  /** What goes out next is shown, and the answer to it gets lost, until `answers`. */
  losesAnswers(): void
  answers(): Promise<void>
  /** Nobody is there any more, and is again. */
  leaves(): Promise<void>
  comes(): Promise<void>
}

const never: AbortSignal = new AbortController().signal
const content = (text: string): ReplyContent => ({ text, answeredBy: 'edge', citations: [], finish: 'stop' })

function outgoing(turn: Turn, text: string): Outgoing {
  return { id: `${turn.id}.final`, kind: 'final', content: content(text) }
}

async function startEdge(t: TestContext, { adapter, message }: ContractSubject, dir: string) {
  const clock = new ManualClock()
  const { ledger, kill } = await openTestLedger(t, dir, { clock })
  const deps = { ledger, clock, log: silentLogger(), metrics: createMetrics(), random: () => 1 }
  const replies = await startReplies(deps)
  const detach = replies.attach(adapter)
  return {
    clock,
    ledger,
    async ask(text: string): Promise<Turn> {
      const received = await ledger.receive(textMessage(text, message))
      assert.equal(received.outcome, 'accepted')
      if (received.outcome !== 'accepted') throw new Error('received twice')
      return await ledger.transition(received.turn.id, { to: 'routed', cause: 'text' })
    },
    answer: (turn: Turn, text: string) => replies.final(turn, content(text)),
    until(turnId: string, holds: (turn: Turn) => boolean): Promise<Turn> {
      return new Promise((resolve) => {
        const look = () => {
          const turn = ledger.get(turnId)
          if (!turn || !holds(turn)) return
          off()
          resolve(turn)
        }
        const off = ledger.onChange(look)
        look()
      })
    },
    async kill() {
      detach()
      await kill()
    },
  }
}

function untilShown(subject: ContractSubject, count: number): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (subject.shown().length < count) return
      off()
      resolve()
    }
    const off = subject.onShown(look)
    look()
  })
}

/** Sentences that need three messages or more. */
function longText({ capabilities }: ChannelAdapter): { text: string; words: string[] } {
  const sizeOf = capabilities.sizeOf ?? Buffer.byteLength
  const words: string[] = []
  for (let size = 0; size < 2.5 * capabilities.maxBytes; size += sizeOf(words.at(-1) ?? '') + 1) {
    words.push(`Sentence-${words.length}.`)
  }
  return { text: words.join(' '), words }
}

/**
 * What every adapter has to keep, for `node --test`: each of these is a promise that the courier builds on. `start` opens
 * a new adapter, with a person in one chat.
 */
export function adapterContract(name: string, start: (t: TestContext) => Promise<ContractSubject>): void {
  test(`${name}: what it says of itself holds together`, async (t) => {
    const { adapter } = await start(t)
    const { capabilities } = adapter
    assert.equal(typeof adapter.probe === 'function', capabilities.probe)
    assert.ok(capabilities.maxBytes >= 64, 'parts of a few characters are no messages')
    assert.ok((capabilities.deadlineMs ?? 1) > 0)
    assert.equal(adapter.health().state, 'connected')
  })

  test(`${name}: an aborted delivery rejects with the reason and shows nothing`, async (t) => {
    const subject = await start(t)
    const edge = await startEdge(t, subject, await temporaryDir(t))
    const reason = new YizhanError('cancelled', 'not any more')
    const turn = await edge.ask('q')
    const delivery = subject.adapter.deliver(turn, outgoing(turn, 'x'), AbortSignal.abort(reason))
    await assert.rejects(delivery, (thrown) => thrown === reason)
    assert.deepEqual(subject.shown(), [])
  })

  test(`${name}: a text over its own limit is refused for good`, async (t) => {
    const subject = await start(t)
    const edge = await startEdge(t, subject, await temporaryDir(t))
    const turn = await edge.ask('q')
    const tooLong = outgoing(turn, 'x'.repeat(2 * subject.adapter.capabilities.maxBytes))
    await assert.rejects(subject.adapter.deliver(turn, tooLong, never), {
      code: 'too_large',
      retryable: false,
    })
    assert.deepEqual(subject.shown(), [])
  })

  test(`${name}: a reply is shown once and ends its turn`, async (t) => {
    const subject = await start(t)
    const edge = await startEdge(t, subject, await temporaryDir(t))
    const turn = await edge.answer(await edge.ask('q'), '好的 👍')
    const done = await edge.until(turn.id, ({ state }) => state === 'done')
    assert.match(done.final?.state ?? '', /^(sent|confirmed)$/)
    assert.deepEqual(subject.shown(), ['好的 👍'])
  })

  test(`${name}: a repetition is recognised, or the platform says what it has shown`, async (t) => {
    const subject = await start(t)
    const { adapter } = subject
    const edge = await startEdge(t, subject, await temporaryDir(t))
    const turn = await edge.ask('q')
    await adapter.deliver(turn, outgoing(turn, 'once'), never)
    if (adapter.capabilities.idempotent) await adapter.deliver(turn, outgoing(turn, 'once'), never)
    if (adapter.probe) {
      assert.equal(await adapter.probe(turn, `${turn.id}.final`, never), 'shown')
      assert.equal(await adapter.probe(turn, `${turn.id}.notice`, never), 'absent')
    }
    assert.deepEqual(subject.shown(), ['once'])
  })

  test(`${name}: a long text comes whole and in order, in messages that it takes`, async (t) => {
    const subject = await start(t)
    const { maxBytes, sizeOf = Buffer.byteLength } = subject.adapter.capabilities
    const edge = await startEdge(t, subject, await temporaryDir(t))
    const { text, words } = longText(subject.adapter)
    const turn = await edge.answer(await edge.ask('q'), text)
    await edge.answer(await edge.ask('next'), 'after it')
    await edge.until(turn.id, ({ state }) => state === 'done')
    await untilShown(subject, 4)
    const parts = subject.shown()
    assert.equal(parts.at(-1), 'after it')
    assert.deepEqual(parts.slice(0, -1).join(' ').split(' '), words)
    for (const part of parts) assert.ok(sizeOf(part) <= maxBytes)
  })

  test(`${name}: what nobody is there for waits, and comes when somebody is`, async (t) => {
    const subject = await start(t)
    const edge = await startEdge(t, subject, await temporaryDir(t))
    await subject.leaves()
    const turn = await edge.ask('q')
    assert.equal(await subject.adapter.deliver(turn, outgoing(turn, 'x'), never), 'unreachable')
    await edge.answer(turn, 'welcome back')
    await subject.comes()
    await edge.until(turn.id, ({ state }) => state === 'done')
    assert.deepEqual(subject.shown(), ['welcome back'])
  })

  test(`${name}: shown, and the edge is killed before it knows: never twice, and never silently lost`, async (t) => {
    const subject = await start(t)
    const dir = await temporaryDir(t)
    const before = await startEdge(t, subject, dir)
    subject.losesAnswers()
    const turn = await before.answer(await before.ask('q'), 'the answer')
    await untilShown(subject, 1)
    await before.kill()
    await subject.answers()
    const after = await startEdge(t, subject, dir)
    const { idempotent, probe } = subject.adapter.capabilities
    const known = await after.until(
      turn.id,
      ({ final }) => final?.state !== 'pending' && final?.state !== 'attempting',
    )
    if (idempotent || probe) await after.until(turn.id, ({ state }) => state === 'done')
    else assert.deepEqual([known.state, known.final?.state], ['replying', 'unknown'])
    assert.deepEqual(subject.shown(), ['the answer'])
  })

  test(`${name}: killed in the middle of a long text, it goes on with the part that is missing`, async (t) => {
    const subject = await start(t)
    const { adapter } = subject
    const dir = await temporaryDir(t)
    const before = await startEdge(t, subject, dir)
    const { text, words } = longText(adapter)
    const off = subject.onShown(() => {
      if (subject.shown().length === 1) subject.losesAnswers()
    })
    const turn = await before.answer(await before.ask('q'), text)
    await untilShown(subject, 2)
    await before.kill()
    off()
    await subject.answers()
    const after = await startEdge(t, subject, dir)
    const { idempotent, probe } = adapter.capabilities
    if (idempotent || probe) {
      await after.until(turn.id, ({ state }) => state === 'done')
      assert.deepEqual(subject.shown().join(' ').split(' '), words)
    } else {
      await after.until(turn.id, ({ final }) => final?.state === 'unknown')
      assert.deepEqual(subject.shown().length, 2)
    }
  })

  test(`${name}: past its deadline a reply goes out as a message of the bot's own, or fails in sight`, async (t) => {
    const subject = await start(t)
    const { deadlineMs, proactive } = subject.adapter.capabilities
    const edge = await startEdge(t, subject, await temporaryDir(t))
    const turn = await edge.ask('q')
    edge.clock.advance(deadlineMs ?? 7 * 86_400_000)
    await edge.answer(turn, 'late')
    const ended = await edge.until(turn.id, ({ state }) => state === 'done' || state === 'failed')
    const isLost = deadlineMs !== undefined && proactive !== true
    assert.deepEqual([ended.state, ended.cause], isLost ? ['failed', 'deadline'] : ['done', 'delivered'])
    assert.deepEqual(subject.shown(), isLost ? [] : ['late'])
  })

  test(`${name}: stop can be called twice, and \`done\` tells of it`, async (t) => {
    const { adapter } = await start(t)
    await Promise.all([adapter.stop('test'), adapter.stop('test')])
    await adapter.done
    assert.equal(adapter.health().state, 'closed')
  })
}
