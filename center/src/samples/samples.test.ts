import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Decision } from '@yizhan/intent'
import type { TenantId } from '@yizhan/kernel'
import { TurnRating, TurnState } from '@yizhan/proto'
import { feedback, first, record, reply, stand, transition, turnId } from '../ledger/testing/stand.js'
import { deleteRecordsOf } from '../privacy/subject-records.js'
import { acme, by, globex, never } from '../privacy/testing/stand.js'
import { DEFAULT_SAMPLING, type Sampling } from '../tenants/index.js'
import { LessonBook } from './lessons.js'
import { SampleDesk } from './sample-desk.js'
import { SampleIntake } from './sample-intake.js'

const OOS = { intent: 'oos', score: 0.8, accept: 0.5 }
const UNSURE = { intent: 'it.vpn', score: 0.55, accept: 0.5, answeredBy: 'edge' }

async function start(t: TestContext) {
  const policy = {
    set: DEFAULT_SAMPLING as Sampling,
    /** Who has agreed. */
    says: (_tenant: TenantId, _subject: string | undefined): boolean => true,
    sampling: async () => policy.set,
    mayLearn: async (tenant: TenantId, subject: string | undefined) => policy.says(tenant, subject),
  }
  const ledger = await stand(t, (deps) => new SampleIntake({ ...deps, policy }))
  const guess = (intent: string): Decision => {
    return { intent, score: 0.7, match: 'model', top: [], accept: 0.5, askBack: 0.3 }
  }
  const tenants = {
    intents: async () => ['it.vpn', 'hr.bus'],
    decide: async (_tenant: TenantId, texts: readonly string[]) => texts.map(() => guess('hr.bus')),
  }
  const { store } = ledger.storage
  const desk = new SampleDesk({ store, policy, tenants, clock: ledger.clock })
  const lessons = new LessonBook({ store, policy, clock: ledger.clock })
  let seq = 0
  await ledger.parts.replica.open(first)
  return {
    ledger,
    policy,
    desk,
    /** A turn of this text, answered so; gives its id. */
    async asked(
      n: number,
      text: string,
      how: Parameters<typeof reply>[3],
      of: TenantId = acme,
      sender = 'li',
    ) {
      const id = turnId(n)
      const changes = [
        transition(id, { text, sender, tenant: of }),
        reply(id, '…', undefined, how),
        transition(id, { version: 2, state: TurnState.DONE }),
      ]
      await ledger.parts.replica.take(
        first,
        changes.map((change) => record(++seq, change, of)),
      )
      return id
    },
    async take(...changes: readonly ReturnType<typeof feedback>[]) {
      await ledger.parts.replica.take(
        first,
        changes.map((change) => record(++seq, change)),
      )
    },
    review: async (query = {}, of = acme) => (await desk.review(of, query, by, never)).samples,
    lessons: (of = acme) => lessons.lessons(of, by, never),
  }
}

test('without consent nothing is kept, and what was kept goes once it is withdrawn', async (t) => {
  const { asked, policy, review, lessons, desk } = await start(t)
  policy.says = () => false
  await asked(1, '班车几点', OOS)
  policy.says = () => true
  assert.deepEqual(await review(), [])
  const id = await asked(2, '食堂菜单', OOS)
  await asked(3, '哪里停车', OOS, acme, 'han')
  await desk.label(acme, id, 'hr.bus', by)
  const [open] = await review()
  assert.equal(open?.sample.text, '哪里停车')
  policy.says = () => false
  const { taught, heldOut, background } = await lessons()
  assert.deepEqual([taught, heldOut, background], [[], [], []])
  policy.says = () => true
  assert.deepEqual([await review(), await review({ state: 'labelled' })], [[], []])
})

test('the same question is listed once, with the guess of the model and what its askers chose', async (t) => {
  const { asked, review, take } = await start(t)
  const one = await asked(1, '班车几点？', UNSURE)
  const two = await asked(2, '班车 几点', OOS, acme, 'han')
  await take(feedback(one, TurnRating.DOWN, 9))
  const other = await asked(3, '食堂菜单', OOS)
  const listed = await review()
  assert.deepEqual(
    listed.map(({ sample, count, why, guess }) => [sample.id, count, [...why].sort(), guess?.intent]),
    [
      [other, 1, ['forwarded'], 'hr.bus'],
      [two, 2, ['forwarded', 'rejected', 'unsure'], 'hr.bus'],
    ],
  )
  assert.deepEqual(
    (await review({ why: 'rejected' })).map(({ sample }) => sample.id),
    [two],
  )
  assert.deepEqual(await review({}, globex), [])
})

test('what an asker chose when asked back is suggested, and is no sample by itself', async (t) => {
  const { asked, review, take } = await start(t)
  const chosen = { intent: 'hr.bus', score: 1, question: '班车', answeredBy: 'edge' }
  await asked(1, '1', { ...chosen, question: '从没问过' })
  assert.deepEqual(await review(), [])
  const id = turnId(2)
  await take(
    transition(id, { text: '班车' }),
    transition(id, { version: 2, state: TurnState.ANSWERING, cause: 'ask-back' }),
    reply(id, '您是想问…', undefined, { intent: 'it.vpn', score: 0.4, accept: 0.5, answeredBy: 'edge' }),
  )
  await asked(3, '1', chosen)
  assert.deepEqual(
    (await review()).map(({ sample, why, suggested }) => [sample.text, why, suggested]),
    [['班车', ['asked-back'], 'hr.bus']],
  )
})

test('a label goes to every sample of the question and into the next training, a discarded one nowhere', async (t) => {
  const { asked, desk, review, lessons, ledger } = await start(t)
  await asked(1, '班车几点？', OOS)
  const two = await asked(2, '班车 几点', OOS, acme, 'han')
  const gone = await asked(3, '我是李雷，电话 1380000', OOS)
  const later = await asked(4, '今天股市', OOS)
  await assert.rejects(desk.label(acme, two, 'none', by), { code: 'invalid_argument' })
  await assert.rejects(desk.label(globex, two, 'oos', by), { code: 'not_found' })
  assert.equal(await desk.label(acme, two, 'hr.bus', by), 2)
  assert.equal(await desk.label(acme, gone, 'discard', by), 1)
  assert.deepEqual(
    (await review()).map(({ sample }) => sample.id),
    [later],
  )
  const { taught, heldOut, background, digest } = await lessons()
  const [lesson, ...more] = [...taught, ...heldOut]
  assert.deepEqual([lesson?.intent, lesson?.subjects.length, more], ['hr.bus', 2, []])
  assert.deepEqual(
    background.map(({ text }) => text),
    ['今天股市'],
  )
  const { records } = await ledger.storage.store.scan(acme, 'samples')
  assert.ok(records.every(({ value }) => !Buffer.from(value).includes('1380000')))
  const { entries } = await ledger.storage.store.audit(acme, { reverse: true, limit: 5 })
  assert.ok(entries.some(({ object, action }) => action === 'UPDATE' && object === `samples/${two}`))

  // Asked once more, it is known already.
  await asked(5, '班车几点', OOS)
  assert.equal((await review()).length, 1)
  await desk.label(acme, later, 'oos', by)
  assert.notEqual((await lessons()).digest, digest)
})

test('an erased person leaves no sample and no label behind', async (t) => {
  const { asked, desk, review, lessons, ledger } = await start(t)
  const mine = await asked(1, '班车几点', OOS)
  await asked(2, '食堂菜单', OOS, acme, 'han')
  await desk.label(acme, mine, 'hr.bus', by)
  const subject = (await ledger.turn(mine))?.subject
  assert.ok(subject)
  const { store, keys } = ledger.storage
  await keys.destroySubject(acme, subject)
  await deleteRecordsOf({ store, clock: ledger.clock }, acme, subject, by, never)
  assert.deepEqual(await review({ state: 'labelled' }), [])
  const { taught, heldOut, background } = await lessons()
  assert.deepEqual([taught, heldOut, background.map(({ text }) => text)], [[], [], ['食堂菜单']])
})

test('a share and a bound hold for what nobody complained about and for all', async (t) => {
  const { asked, policy, review, take } = await start(t)
  policy.set = { share: 0, max: 2 }
  await asked(1, 'one', OOS)
  assert.deepEqual(await review(), [])
  const wrong = await asked(2, 'two', { intent: 'it.vpn', score: 0.9, accept: 0.5, answeredBy: 'edge' })
  await take(feedback(wrong, TurnRating.DOWN, 9))
  policy.set = { share: 100, max: 2 }
  await asked(3, 'three', OOS)
  await asked(4, 'four', OOS)
  assert.deepEqual(
    (await review()).map(({ sample }) => sample.text),
    ['three', 'two'],
  )
})
