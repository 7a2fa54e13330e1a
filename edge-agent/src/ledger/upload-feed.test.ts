import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import { TurnState, toBinary, type UploadRecord, UploadRecordSchema } from '@yizhan/proto'
import type { UploadSource } from '../uplink/port.js'
import { openTestLedger, type TestLedger, temporaryDir, textMessage } from './testing.js'
import type { ReplyContent, Turn } from './turn.js'
import { createUploadFeed } from './upload-feed.js'
import { UploadMark, type UploadMarkConfig } from './upload-mark.js'

interface Feeding extends TestLedger {
  readonly feed: UploadSource
  readonly mark: UploadMark
  readonly metrics: ReturnType<typeof createMetrics>
  receive(text: string, fields?: Parameters<typeof textMessage>[1]): Promise<Turn>
  /** Everything from a position on, as the center would get it; so many positions in a read, default 1. */
  told(from?: number, atOnce?: number): Promise<UploadRecord[]>
}

async function startFeed(
  t: TestContext,
  dir: string,
  options: Parameters<typeof openTestLedger>[2] & { readonly mark?: UploadMarkConfig } = {},
): Promise<Feeding> {
  const { mark: config, ...rest } = options
  const log = silentLogger()
  const metrics = createMetrics()
  let held: UploadMark | undefined
  const opened = await openTestLedger(t, join(dir, 'journal'), { ...rest, keep: () => held?.keep() })
  const { journal, ledger } = opened
  const mark = await UploadMark.open({ journal, log }, join(dir, 'upload.json'), config)
  held = mark
  const feed = createUploadFeed({ journal, ledger, mark, log, metrics })
  return {
    ...opened,
    feed,
    mark,
    metrics,
    async receive(text, fields) {
      const received = await ledger.receive(textMessage(text, fields))
      return received.outcome === 'accepted' ? received.turn : assert.fail()
    },
    async told(from = 1, atOnce = 1) {
      const found: UploadRecord[] = []
      for (let next = from; next < feed.end; ) {
        const items = await feed.read(next, atOnce)
        assert.ok(items.length > 0 && items.length <= atOnce)
        for (const { record } of items) if (record) found.push(record)
        next = (items.at(-1)?.seq ?? next) + 1
      }
      return found
    },
  }
}

function shown({ record }: UploadRecord): string {
  switch (record.case) {
    case 'turn': {
      const { version, state, message, earlier } = record.value
      const steps = [...earlier, { version, state }].map((step) => `${step.version} ${TurnState[step.state]}`)
      return `${steps.join(', ')}${message ? ` ${message.text}` : ''}`
    }
    case 'reply':
      return `reply ${record.value.reply?.text ?? '-'} ${record.value.state}`
    case 'feedback':
      return `feedback ${record.value.rating} ${record.value.reason}`
    case 'lost':
      return `lost ${record.value.from}-${record.value.to}`
    default:
      return assert.fail()
  }
}

const answer = (text: string): ReplyContent => ({ text, answeredBy: 'edge', citations: [], finish: 'stop' })

async function answered({ ledger }: Feeding, { id }: Turn, text: string): Promise<void> {
  await ledger.transition(id, { to: 'routed', cause: 'router' })
  ledger.clear(id)
  await ledger.transition(id, { to: 'replying', cause: 'stop' })
  await ledger.addReply(id, 'final', answer(text))
  await ledger.replyState(id, 'final', 'confirmed')
  await ledger.transition(id, { to: 'done', cause: 'delivered' })
}

const bytesOf = (records: readonly UploadRecord[]) =>
  Buffer.concat(records.map((record) => toBinary(UploadRecordSchema, record))).toString()

test('nothing is told of a turn that waits for consent, and of one that got none only that it ended', async (t) => {
  const edge = await startFeed(t, await temporaryDir(t))
  const turn = await edge.receive('my secret', {
    sender: { $typeName: 'yizhan.v1.Sender', id: 'u-77', name: 'Li', department: '' },
  })
  await edge.ledger.transition(turn.id, { to: 'routed', cause: 'router' })
  await edge.ledger.transition(turn.id, { to: 'held', cause: 'pending-consent' })
  await edge.ledger.addReply(turn.id, 'notice', answer('may we keep my secret?'))
  await edge.ledger.replyState(turn.id, 'notice', 'confirmed')
  await edge.receive('later')
  assert.deepEqual((await edge.told()).map(shown), [])
  await edge.ledger.transition(turn.id, { to: 'expired', cause: 'consent-expired' })
  await edge.ledger.addReply(turn.id, 'final', answer('my secret was deleted'))
  const told = await edge.told()
  assert.deepEqual(told.map(shown), ['3 EXPIRED'])
  assert.deepEqual(
    [told[0]?.tenantId, told[0]?.record.value?.$typeName],
    ['acme', 'yizhan.v1.TurnTransition'],
  )
  assert.doesNotMatch(bytesOf(told), /secret|u-77|Li/)
})

test('a turn that may be used is told from its routing on, with its message once', async (t) => {
  const edge = await startFeed(t, await temporaryDir(t))
  const turn = await edge.receive('vpn?')
  await answered(edge, turn, 'scan')
  await edge.ledger.rate(turn.id, { rating: 'down', reason: 'no', at: 5, by: turn.receivedSeq + 9 })
  const told = await edge.told()
  assert.deepEqual(told.map(shown), [
    '1 ROUTED vpn?',
    '2 REPLYING',
    'reply scan 1',
    'reply - 4',
    '3 DONE',
    'feedback 2 no',
  ])
  const first = told[0]?.record.case === 'turn' ? told[0].record.value : assert.fail()
  assert.deepEqual(
    [first.turnId, first.receivedSeq, first.receivedMs, first.actor, first.cause],
    [turn.id, BigInt(turn.receivedSeq), BigInt(Math.round(turn.receivedAt)), 'edge', 'router'],
  )
  assert.ok(told.every(({ seq }, i) => seq === BigInt(turn.receivedSeq + 1 + i)))
})

test('what is read together is told of a turn in one transition and one record for each reply', async (t) => {
  const edge = await startFeed(t, await temporaryDir(t))
  const one = await edge.receive('vpn?')
  const other = await edge.receive('leave?', { conversationId: 'acme/web/other' })
  await edge.ledger.transition(one.id, { to: 'routed', cause: 'router' })
  edge.ledger.clear(one.id)
  await edge.ledger.transition(one.id, { to: 'waiting', cause: 'no-link', ticket: 'T-1' })
  await edge.ledger.addReply(one.id, 'notice', answer('wait'))
  await answered(edge, other, 'a form')
  await edge.ledger.replyState(one.id, 'notice', 'confirmed')
  await edge.ledger.transition(one.id, { to: 'replying', cause: 'stop' })
  await edge.ledger.addReply(one.id, 'final', answer('scan'))
  await edge.ledger.replyState(one.id, 'final', 'attempting')
  await edge.ledger.replyState(one.id, 'final', 'confirmed')
  await edge.ledger.transition(one.id, { to: 'done', cause: 'delivered' })
  await edge.ledger.rate(one.id, { rating: 'down', reason: 'no', at: 5, by: one.receivedSeq + 9 })
  const told = await edge.told(1, 100)
  assert.deepEqual(told.map(shown), [
    '1 ROUTED, 2 WAITING, 3 REPLYING, 4 DONE vpn?',
    'reply wait 4',
    '1 ROUTED, 2 REPLYING, 3 DONE leave?',
    'reply a form 4',
    'reply scan 4',
    'feedback 2 no',
  ])
  const first = told[0]?.record.case === 'turn' ? told[0].record.value : assert.fail()
  assert.deepEqual([first.ticket, first.cause, first.earlier[0]?.cause], ['T-1', 'delivered', 'router'])
  const singly = await edge.told()
  const at = (text: string) => singly.find((record) => shown(record) === text)?.seq
  assert.equal(told[0]?.seq, at('1 ROUTED vpn?'), 'it stands where the first of them stood')
  assert.equal(told[4]?.seq, at('reply scan 1'))
})

test('a read that begins within a turn tells its later steps, and a consent within one read begins it anew', async (t) => {
  const edge = await startFeed(t, await temporaryDir(t))
  const turn = await edge.receive('vpn?')
  await answered(edge, turn, 'scan')
  await edge.receive('later')
  const singly = await edge.told()
  const from = Number(singly[1]?.seq)
  assert.deepEqual((await edge.told(from, 100)).map(shown), ['2 REPLYING, 3 DONE', 'reply scan 4'])

  const held = await startFeed(t, await temporaryDir(t))
  const asked = await held.receive('leave?')
  await held.ledger.transition(asked.id, { to: 'routed', cause: 'router' })
  await held.ledger.transition(asked.id, { to: 'held', cause: 'pending-consent' })
  await answered(held, asked, 'a form')
  await held.receive('later')
  assert.deepEqual((await held.told(1, 100)).map(shown), [
    '3 ROUTED, 4 REPLYING, 5 DONE leave?',
    'reply a form 4',
  ])
})

test('a consent that comes later tells the message with the first state after it, a restart in between or not', async (t) => {
  for (const restarts of [false, true]) {
    const dir = await temporaryDir(t)
    const first = await startFeed(t, dir)
    const turn = await first.receive('vpn?')
    await first.ledger.transition(turn.id, { to: 'routed', cause: 'router' })
    await first.ledger.transition(turn.id, { to: 'held', cause: 'pending-consent' })
    if (restarts) await first.kill()
    const edge = restarts ? await startFeed(t, dir) : first
    await answered(edge, turn, 'scan')
    await edge.receive('later')
    assert.deepEqual((await edge.told()).map(shown), [
      '3 ROUTED vpn?',
      '4 REPLYING',
      'reply scan 1',
      'reply - 4',
      '5 DONE',
    ])
  }
})

test('a turn that an earlier build has sent to the center counts as one that may leave', async (t) => {
  const edge = await startFeed(t, await temporaryDir(t))
  const turn = await edge.receive('why?')
  await edge.ledger.transition(turn.id, { to: 'routed', cause: 'router' })
  await edge.ledger.transition(turn.id, { to: 'forwarded', cause: 'link' })
  await edge.ledger.transition(turn.id, { to: 'waiting', cause: 'no-link', ticket: 'T-1' })
  assert.deepEqual((await edge.told()).map(shown), ['3 WAITING why?'])
})

test('what a power cut could take back is not told before it is safe', async (t) => {
  const edge = await startFeed(t, await temporaryDir(t))
  const turn = await edge.receive('vpn?')
  let grown = 0
  edge.feed.onMore(() => (grown += 1))
  await answered(edge, turn, 'scan')
  assert.equal(
    edge.feed.end,
    edge.journal.next - 2,
    'how the final fared and the end are written, not synced',
  )
  assert.equal(grown, 1)
  await edge.receive('next')
  assert.deepEqual([edge.feed.end, grown], [edge.journal.next, 2])
})

test('nothing of what an erased person said is told, also of a turn that is no longer in memory', async (t) => {
  const dir = await temporaryDir(t)
  const edge = await startFeed(t, dir, { recent: 1 })
  const theirs = await edge.receive('my secret', { conversationId: 'acme/web/secret' })
  await answered(edge, theirs, 'a secret answer')
  await edge.ledger.rate(theirs.id, { rating: 'down', reason: 'secret', at: 5, by: theirs.receivedSeq + 9 })
  const others = await edge.receive('vpn?', {
    sender: { $typeName: 'yizhan.v1.Sender', id: 'u2', name: '', department: '' },
  })
  await answered(edge, others, 'scan')
  await edge.receive('later')
  assert.equal(edge.ledger.get(theirs.id), undefined)
  assert.match(bytesOf(await edge.told()), /secret/)
  const { rewritten } = edge.feed
  await edge.ledger.erase((_tenant, _channel, sender) => sender === 'u1', new AbortController().signal)
  assert.ok(edge.feed.rewritten > rewritten, 'what was read before is not to be sent')
  const told = await edge.told()
  assert.doesNotMatch(bytesOf(told), /secret|Li Lei/)
  assert.deepEqual(told.slice(0, 6).map(shown), [
    '1 ROUTED',
    '2 REPLYING',
    'reply - 1',
    'reply - 4',
    '3 DONE',
    'feedback 2 ',
  ])
})

test('turns under way come before the upload, as long as that is not far behind', async (t) => {
  let underWay = 15
  let durable = 1
  const dir = await temporaryDir(t)
  const { journal, ledger, mark } = await startFeed(t, dir)
  const feed = createUploadFeed({
    journal: {
      epoch: journal.epoch,
      get durable() {
        return durable
      },
      rewritten: 0,
      onDurable: () => () => undefined,
      scan: journal.scan.bind(journal),
    },
    ledger,
    mark,
    underWay: () => underWay,
    log: silentLogger(),
    metrics: createMetrics(),
  })
  assert.equal(feed.isBusy, false)
  underWay = 16
  assert.equal(feed.isBusy, true)
  durable = 99_999
  assert.equal(feed.isBusy, true)
  durable = 100_000
  assert.equal(feed.isBusy, false, 'it may not fall behind for ever')
})

test('what was pruned before the center had it is told as lost, and counted once', async (t) => {
  const dir = await temporaryDir(t)
  const clock = new ManualClock()
  const edge = await startFeed(t, dir, {
    clock,
    retentionMs: 1_000,
    housekeepingMs: 10,
    mark: { keepMs: 3_600_000 },
  })
  await answered(edge, await edge.receive('one'), 'A1')
  await answered(edge, await edge.receive('two'), 'A2')
  const before = edge.journal.next
  const pruned = async (ms: number) => {
    clock.advance(ms)
    await answered(edge, await edge.receive('three'), 'A3')
    const { next } = edge.journal
    while (edge.journal.settled < next) {
      clock.advance(10)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
  await pruned(1_800_000)
  assert.equal(
    (await edge.told()).filter(({ record }) => record.case === 'lost').length,
    0,
    'the center has yet to get it',
  )
  await pruned(3_600_000)
  const again = await edge.told()
  const lost = again[0]?.record.case === 'lost' ? again[0].record.value : assert.fail()
  assert.equal(lost.from, 1n)
  assert.ok(lost.to >= BigInt(before - 1))
  await edge.told()
  assert.equal(edge.mark.dropped, Number(lost.to))
  assert.match(await edge.metrics.render(), new RegExp(`yizhan_upload_dropped_records_total ${lost.to}`))
})

test('what the center has goes when it is old enough, and how far it is outlives a restart', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startFeed(t, dir)
  const turn = await first.receive('one')
  first.feed.acknowledged(turn.receivedSeq)
  assert.deepEqual(first.mark.keep(), { from: turn.receivedSeq + 1, olderThanMs: 7 * 86_400_000 })
  await first.mark.close()
  await first.kill()
  const again = await startFeed(t, dir, { mark: { keepRecords: 1 } })
  assert.equal(again.mark.acked, turn.receivedSeq)
  for (let i = 0; i < 3; i++) await again.receive('more')
  assert.deepEqual(
    again.mark.keep()?.from,
    again.journal.next - 1,
    'no more than so many records are held back',
  )
})

test('turns of an earlier journal are duplicates from then on, and counted, also after a restart', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startFeed(t, dir)
  const known = (turnId: string, platformId: string) => ({
    $typeName: 'yizhan.v1.KnownTurn' as const,
    turnId,
    tenantId: 'acme',
    channelId: 'web',
    platformId,
    state: TurnState.FORWARDED,
  })
  void first.feed.known([known('t_old', 'm1'), known('t_none', '')])
  await first.feed.known([known('t_old', 'm1')])
  await first.receive('later')
  const again = await first.ledger.receive(textMessage('again', { platformId: 'm1' }))
  assert.deepEqual(again, { outcome: 'duplicate', turnId: 't_old' })
  assert.match(await first.metrics.render(), /yizhan_turns_lost_with_journal 1/)
  assert.deepEqual(await first.told(), [], 'of a known turn this journal has nothing to tell')
  await first.mark.close()
  await first.kill()
  const later = await startFeed(t, dir)
  assert.equal(later.mark.known, 1)
  assert.equal((await later.ledger.receive(textMessage('again', { platformId: 'm1' }))).outcome, 'duplicate')
})
