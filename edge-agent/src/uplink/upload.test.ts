import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { type Clock, ManualClock, systemClock } from '@yizhan/kernel'
import {
  CommandSchema,
  create,
  TurnState,
  toBinary,
  type UploadRecord,
  UploadRecordSchema,
  UploadRequestSchema,
} from '@yizhan/proto'
import type { UploadItem, UploadSource } from './port.js'
import { startTestCenter, type TestCenter } from './testing/center.js'
import { startTestEdge } from './testing/edge.js'
import { Inbox } from './testing/inbox.js'
import { failure } from './testing/registrar.js'
import { SMALL_WINDOW_BYTES, UploadWindow } from './upload-window.js'

/** A journal in memory, of which every other position concerns the center. */
class MemorySource implements UploadSource {
  readonly epoch = 9n
  end = 1
  isBusy = false
  rewritten = 0
  /** Called with the number of each read, when it has all and has not ended. */
  onRead: (read: number) => void = () => undefined
  cause: string | undefined
  readonly acked = new Inbox<number>()
  readonly told = new Inbox<string>()
  reads = 0
  readonly #listeners = new Set<() => void>()

  add(count: number): void {
    this.end += count
    for (const listener of this.#listeners) listener()
  }

  onMore(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  async read(from: number, limit: number): Promise<UploadItem[]> {
    this.reads += 1
    const count = Math.min(limit, this.end - from)
    const items = Array.from({ length: count }, (_, i) => itemAt(from + i, this.cause))
    this.onRead(this.reads)
    return items
  }

  acknowledged(seq: number): void {
    this.acked.put(seq)
  }

  async known(turns: Parameters<UploadSource['known']>[0]): Promise<void> {
    for (const { turnId } of turns) this.told.put(turnId)
  }
}

/** Of three sizes: their lengths take one, two and three bytes. */
const textAt = (seq: number) => 'x'.repeat(seq === 14 ? 20_000 : seq % 10 === 0 ? 20 : 900)

function itemAt(seq: number, cause = textAt(seq)): UploadItem {
  if (seq % 2 === 1) return { seq }
  const record: UploadRecord['record'] = {
    case: 'turn',
    value: {
      $typeName: 'yizhan.v1.TurnTransition',
      turnId: `t_${seq}`,
      version: 1n,
      state: TurnState.DONE,
      timeMs: 0n,
      actor: 'edge',
      cause,
      ticket: '',
      earlier: [],
      successorOf: '',
      receivedSeq: 0n,
      receivedMs: 0n,
    },
  }
  return { seq, record: create(UploadRecordSchema, { seq: BigInt(seq), tenantId: 'acme', record }) }
}

async function startUploading(
  t: TestContext,
  prepare: (center: TestCenter) => void = () => undefined,
  clock: Clock = systemClock,
) {
  const center = await startTestCenter(t)
  prepare(center)
  const source = new MemorySource()
  const edge = await startTestEdge(t, center, { uploads: source, clock })
  return { center, source, edge, replica: center.replica }
}

/** Asks something on the link: what the edge sends by itself has come before the answer. */
async function answered(center: TestCenter): Promise<void> {
  center.send({ case: 'command', value: create(CommandSchema, { commandId: 'c1' }) })
  await center.commandResults.next()
}

const seqs = (records: readonly UploadRecord[]) => records.map(({ seq }) => Number(seq))
const bytesOf = (records: readonly UploadRecord[]) =>
  records.reduce((sum, record) => sum + toBinary(UploadRecordSchema, record).length, 0)

test('a center that serves no ledger is not asked', async (t) => {
  const { center, edge, replica } = await startUploading(t, (center) => {
    center.greet = (call) => center.welcome(call, { capabilities: ['inference', 'bundles', 'renew'] })
  })
  await edge.reached('ready')
  await answered(center)
  assert.equal(replica.opened.all.length, 0)
})

test('the upload begins where the center is, tells what it has to be told in order, and goes on with what comes', async (t) => {
  const { source, replica } = await startUploading(t, ({ replica }) => {
    replica.seq = 3n
  })
  const first = await replica.opened.next()
  assert.deepEqual([first.records.length, first.journalEpoch, first.linkGeneration], [0, 9n, 1n])
  assert.equal(await source.acked.next(), 3)
  source.add(9)
  await source.acked.first((seq) => seq === 9)
  source.add(1)
  await source.acked.first((seq) => seq === 10)
  assert.deepEqual(seqs(replica.records), [4, 6, 8, 10])
})

test('what was read before something was taken out is not sent: it is read again', async (t) => {
  const { source, replica } = await startUploading(t)
  source.cause = 'secret'
  source.onRead = (read) => {
    if (read !== 1) return
    source.cause = 'emptied'
    source.rewritten += 1
  }
  source.add(9)
  await source.acked.first((seq) => seq === 9)
  assert.deepEqual(seqs(replica.records), [2, 4, 6, 8])
  for (const { record } of replica.records)
    assert.equal(record.case === 'turn' && record.value.cause, 'emptied')
})

test('a center that has more than this edge waits until the edge is past that', async (t) => {
  const { source, replica } = await startUploading(t, ({ replica }) => {
    replica.seq = 4n
  })
  source.add(2)
  assert.equal(await source.acked.next(), 4)
  source.add(5)
  await source.acked.first((seq) => seq === 7)
  assert.deepEqual(seqs(replica.records), [6])
})

test('before a grant no more than 8 KiB are under way, and a request holds no more than 4', async (t) => {
  const { center, source, replica } = await startUploading(t, ({ replica }) => {
    replica.answers = false
  })
  source.add(200)
  await replica.opened.next()
  replica.answer({ windowBytes: 0 })
  const sent = [await replica.batches.next(), await replica.batches.next()]
  await answered(center)
  assert.equal(replica.batches.all.length, 2)
  for (const { records } of sent) assert.ok(bytesOf(records) <= 4 * 1024)
  assert.ok(sent.reduce((sum, { records }) => sum + bytesOf(records), 0) <= SMALL_WINDOW_BYTES)
})

test('after a break the upload goes on behind what the center has, and nothing is taken twice', async (t) => {
  const { source, replica } = await startUploading(t)
  source.add(20)
  await source.acked.first((seq) => seq === 20)
  replica.fail(failure(status.RESOURCE_EXHAUSTED, 'disk full'))
  source.add(20)
  await source.acked.first((seq) => seq === 40)
  assert.equal(replica.opened.all.length, 2)
  assert.deepEqual(
    seqs(replica.records),
    Array.from({ length: 20 }, (_, i) => 2 * i + 2),
  )
  assert.ok(replica.batches.all.every(({ records }) => records.every(({ seq }) => seq <= replica.seq)))
})

test('what is counted as sent is what the requests hold', async (t) => {
  const { source, edge, replica } = await startUploading(t)
  source.add(30)
  await source.acked.first((seq) => seq === 30)
  assert.ok(replica.batches.all.length > 2)
  const bytes = replica.batches.all.reduce(
    (sum, request) => sum + toBinary(UploadRequestSchema, request).length,
    0,
  )
  assert.match(await edge.metrics.render(), new RegExp(`yizhan_upload_bytes_total ${bytes}\\b`))
})

test('while turns are under way the upload rests for longer', async (t) => {
  const waits: number[] = []
  const after: Clock['after'] = (ms, fn) => {
    waits.push(ms)
    return systemClock.after(ms === 400 ? 0 : ms, fn)
  }
  const { source } = await startUploading(t, () => undefined, { ...systemClock, after })
  source.add(400)
  await source.acked.first((seq) => seq === 400)
  assert.deepEqual([waits.includes(100), waits.includes(400)], [true, false])
  source.isBusy = true
  source.add(400)
  await source.acked.first((seq) => seq === 800)
  assert.ok(waits.includes(400))
  assert.ok(source.reads < 100, 'what came meanwhile was read together')
})

test('a center that was restored to an earlier state is told again', async (t) => {
  const { center, source, edge, replica } = await startUploading(t)
  source.add(10)
  await source.acked.first((seq) => seq === 10)
  replica.seq = 4n
  replica.records.length = 0
  center.dropLink()
  await edge.reached('ready')
  await replica.opened.first(({ linkGeneration }) => linkGeneration === 2n)
  await source.acked.first((seq) => seq === 10)
  assert.deepEqual(seqs(replica.records), [6, 8, 10])
})

test('what a stream of an earlier link, of another epoch or of another kind says is dropped', async (t) => {
  const { source, edge, replica } = await startUploading(t, ({ replica }) => {
    replica.answers = false
  })
  source.add(2)
  await replica.opened.next()
  replica.answer({ seq: 70n, linkGeneration: 7n })
  replica.answer({ seq: 71n, journalEpoch: 1n })
  replica.answer({ seq: 72n, kind: 2 })
  replica.answer()
  assert.equal(await source.acked.next(), 0)
  await replica.batches.next()
  assert.match(await edge.metrics.render(), /frames_dropped_total\{stream="upload",reason="generation"\} 1/)
  assert.match(await edge.metrics.render(), /frames_dropped_total\{stream="upload",reason="out_of_place"\} 2/)
})

test('a center that refuses the upload is asked again, after a while', async (t) => {
  const { source, replica } = await startUploading(t)
  await replica.opened.next()
  replica.fail(failure(status.FAILED_PRECONDITION, 'this epoch is fenced'))
  source.add(2)
  await source.acked.first((seq) => seq === 2)
  assert.equal(replica.opened.all.length, 2)
})

test('turns that an earlier journal had are passed on', async (t) => {
  const { source } = await startUploading(t, ({ replica }) => {
    replica.known = [
      {
        $typeName: 'yizhan.v1.KnownTurn',
        turnId: 't_1',
        tenantId: 'acme',
        channelId: 'web',
        platformId: 'm',
        state: 4,
      },
    ]
  })
  assert.equal(await source.told.next(), 't_1')
})

test('the window grows on a quick line, and is small again on a slow one', () => {
  const clock = new ManualClock()
  const window = new UploadWindow(clock)
  let sent = 0
  const takes = () => {
    const before = sent
    for (; window.hasRoom(1_024); sent += 1_024) window.sent(1, 1_024)
    return sent - before
  }
  window.grant(1 << 20)
  assert.equal(takes(), 8 * 1_024)
  assert.equal(window.acknowledged(0), undefined, 'nothing of it')
  clock.advance(10)
  assert.equal(window.acknowledged(1), 1)
  assert.equal(takes(), 16 * 1_024)
  clock.advance(10)
  window.acknowledged(1)
  assert.equal(takes(), 32 * 1_024)
  clock.advance(2_000)
  window.acknowledged(1)
  assert.equal(takes(), 4 * 1_024)
})

test('no more is under way than the center grants, but one request always', () => {
  const window = new UploadWindow(new ManualClock())
  window.sent(1, 3_000)
  assert.deepEqual(
    [window.hasRoom(5_192), window.hasRoom(5_193)],
    [true, false],
    '8 KiB before the first grant',
  )
  window.grant(4_096)
  assert.deepEqual([window.hasRoom(1_096), window.hasRoom(1_097)], [true, false])
  window.sent(2, 1_000)
  window.acknowledged(1)
  assert.deepEqual(
    [window.hasRoom(96), window.hasRoom(97)],
    [true, false],
    'what is acknowledged is granted again by the center alone',
  )
  window.grant(500)
  assert.deepEqual([window.hasRoom(596), window.hasRoom(597)], [true, false])
  window.acknowledged(2)
  assert.equal(window.hasRoom(200_000), true)
})
