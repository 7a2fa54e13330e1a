import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TenantFile } from '@yizhan/intent'
import { createMetrics, silentLogger } from '@yizhan/kernel'
import {
  CardActionSchema,
  create,
  MessageKind,
  toBinary,
  type UploadRecord,
  UploadRecordSchema,
} from '@yizhan/proto'
import { createUploadFeed, UploadMark } from '../ledger/index.js'
import { temporaryDir } from '../ledger/testing.js'
import { acme, type EdgeOptions, startTestEdge, sure, type TestEdge } from './testing.js'

const asking: TenantFile = {
  ...acme,
  privacy: {
    contact: 'privacy@acme.example',
    purposes: [
      {
        id: 'answers',
        title: { zh: '回答问题', en: 'Answering questions' },
        basis: 'consent',
        notice: { zh: '您的问题会被保存。', en: 'Your questions are kept.' },
        version: '1',
        required: true,
        crossBorder: false,
      },
    ],
    retentionMs: {},
    pendingConsentMs: 3_600_000,
    offlineLeaseMs: 0,
  },
}

const press = (action: string) => ({
  kind: MessageKind.CARD,
  cardAction: create(CardActionSchema, { cardId: 'privacy.consent', action }),
})

async function startAsking(
  t: TestContext,
  tenant: TenantFile = asking,
  options: EdgeOptions = {},
): Promise<TestEdge & { told(): Promise<UploadRecord[]> }> {
  const dir = await temporaryDir(t)
  const edge = await startTestEdge(t, dir, { ...options, tenants: [tenant] })
  edge.classifier.known.set('my secret', sure('it.vpn'))
  const { journal, ledger } = edge
  const log = silentLogger()
  const mark = await UploadMark.open({ journal, log }, join(dir, 'upload.json'))
  const feed = createUploadFeed({ journal, ledger, mark, log, metrics: createMetrics() })
  return {
    ...edge,
    async told() {
      // Whatever was written so far is safe with this.
      await ledger.close()
      await journal.append([])
      return (await feed.read(1, 1_000)).flatMap(({ record }) => (record ? [record] : []))
    },
  }
}

const bytesOf = (records: readonly UploadRecord[]) =>
  Buffer.concat(records.map((record) => toBinary(UploadRecordSchema, record))).toString()
const turnsIn = (records: readonly UploadRecord[]) =>
  records.flatMap(({ record }) => (record.case === 'turn' ? [record.value] : []))

test('what was said before a consent that was declined is in no upload', async (t) => {
  const edge = await startAsking(t)
  const id = await edge.say('my secret')
  await edge.until(() => edge.channel.shown.length === 1)
  assert.deepEqual(await edge.told(), [])
  const declined = await edge.say('', press('/privacy decline'))
  await edge.final(declined)
  await edge.final(id)
  await edge.until(() => edge.ledger.open().length === 0)
  const told = await edge.told()
  assert.doesNotMatch(bytesOf(told), /secret|u1|Li Lei/)
  assert.ok(turnsIn(told).some(({ turnId, cause }) => turnId === id && cause === 'consent-refused'))
})

test('after a consent the held question is told, from where it goes on', async (t) => {
  const edge = await startAsking(t)
  const id = await edge.say('my secret')
  await edge.until(() => edge.channel.shown.length === 1)
  const agreed = await edge.say('', press('/privacy agree'))
  await edge.final(agreed)
  await edge.final(id)
  await edge.until(() => edge.ledger.open().length === 0)
  const told = await edge.told()
  const own = turnsIn(told).filter(({ turnId }) => turnId === id)
  assert.deepEqual(
    own.map(({ message }) => message?.text),
    ['my secret'],
  )
  const causes = own.flatMap(({ earlier, cause }) => [...earlier.map((step) => step.cause), cause])
  assert.deepEqual([causes.length, causes[0], causes.at(-1)], [4, 'router', 'delivered'])
})

test('a command that needs no consent tells nothing of who gave it; with nothing to consent to it does', async (t) => {
  for (const [tenant, known] of [
    [asking, false],
    [acme, true],
  ] as const) {
    const edge = await startAsking(t, tenant)
    await edge.final(await edge.say('/help'))
    await edge.until(() => edge.ledger.open().length === 0)
    assert.equal(/u1/.test(bytesOf(await edge.told())), known)
  }
})

test('a question that is refused before anybody asks whether it may be used is told without its text', async (t) => {
  const edge = await startAsking(t, acme, { policy: () => ({ maintenance: true, maxTextChars: 0 }) })
  const id = await edge.say('my secret')
  await edge.final(id)
  await edge.until(() => edge.ledger.open().length === 0)
  const told = await edge.told()
  assert.deepEqual(
    turnsIn(told).map(({ turnId, cause }) => [turnId, cause]),
    [[id, 'maintenance']],
  )
  assert.doesNotMatch(bytesOf(told), /secret|u1/)
})
