import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, YizhanError } from '@yizhan/kernel'
import { create, EraseCommandSchema } from '@yizhan/proto'
import { openTestPrivacy } from '../privacy/testing.js'
import { startTestCenter } from './testing/center.js'
import { startTestEdge, testDirectory } from './testing/edge.js'

const eraseOf = (erasureId: string) =>
  ({ case: 'erase', value: create(EraseCommandSchema, { tenantId: 'acme', erasureId }) }) as const

test('what persons said is sent by each new link until the center acknowledges it', async (t) => {
  const center = await startTestCenter(t)
  const { consents, outbox } = await openTestPrivacy(t, testDirectory(t), systemClock)
  await consents.ask({ tenant: 'acme', channel: 'web', sender: 'u1' }, 'erasure', 'en')
  const edge = await startTestEdge(t, center, { persons: { reports: outbox } })
  const first = await center.subjectReports.next()
  assert.deepEqual([first.tenantId, first.channelId, first.senderId], ['acme', 'web', 'u1'])
  center.dropLink()
  const again = await center.subjectReports.next()
  assert.equal(again.reportId, first.reportId)
  // While the link is up a new one goes at once.
  await consents.ask({ tenant: 'acme', channel: 'web', sender: 'u2' }, 'export', 'en')
  const second = await center.subjectReports.next()
  assert.equal(second.senderId, 'u2')
  const reportIds = [first.reportId, second.reportId]
  center.send({
    case: 'subjectReportAck',
    value: { $typeName: 'yizhan.v1.SubjectReportAck', reportIds },
  })
  while (outbox.waiting > 0) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.equal(edge.uplink.link.s, 'ready')
})

test('an erasure is carried out once, and its answer tells what was found', async (t) => {
  const center = await startTestCenter(t)
  const asked: string[] = []
  const erase = async ({ erasureId }: { erasureId: string }) => {
    asked.push(erasureId)
    if (erasureId === 'era_bad') throw new YizhanError('invalid_argument', 'it makes no sense')
    return '{"turns":3}'
  }
  const edge = await startTestEdge(t, center, { persons: { erase } })
  await edge.reached('ready')
  const send = (commandId: string, erasureId: string) =>
    center.send({
      case: 'command',
      value: {
        $typeName: 'yizhan.v1.Command',
        commandId,
        expiresMs: 0n,
        actor: 'user_1',
        command: eraseOf(erasureId),
      },
    })
  for (const id of ['c1', 'c1']) {
    send(id, 'era_1')
    const { outcome } = await center.commandResults.next()
    assert.equal(outcome.case === 'done' ? outcome.value.detail : undefined, '{"turns":3}')
  }
  send('c2', 'era_bad')
  const { outcome } = await center.commandResults.next()
  assert.equal(outcome.case === 'failed' ? outcome.value.code : undefined, 'invalid_argument')
  assert.deepEqual(asked, ['era_1', 'era_bad'])
})
