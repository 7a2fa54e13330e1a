import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { BundleStore } from '../tenants/bundle-store.js'
import { type Lessons, NO_LESSONS } from '../tenants/index.js'
import {
  acme,
  applied,
  directory,
  FILES,
  log,
  never,
  place,
  signer,
  start,
  train,
} from '../tenants/testing/catalog.js'
import { ModelDesk } from './model-desk.js'
import { modelsSource } from './models-source.js'

const by = { actor: 'user_1', requestId: 'req-1' }
const INTENTS = `it.vpn:
  ask: |
    怎么连 VPN
    VPN 连不上怎么办
    connect to the VPN
  reply: {zh: 安全接入}
`
const lesson = (id: string, text: string, intent: string, subjects: string[] = []) => {
  return { id, text, intent, subjects }
}

async function desk(t: TestContext, files = directory({ 'intents/it.yaml': INTENTS })) {
  const at = await place(t)
  const taught: { now: Lessons } = { now: NO_LESSONS }
  const lessons = async () => taught.now
  const center = await start(t, at, () => ({ lessons }))
  const bundles = new BundleStore(join(at.dir, 'bundles'), signer)
  const { catalog, storage } = center
  const { clock } = at
  const made = () => new ModelDesk({ store: storage.store, catalog, bundles, train, lessons, clock, log })
  const first = await applied(catalog, files)
  return { at, catalog, store: storage.store, taught, models: made(), first, center }
}

test('a tenant that was never applied, and one without a candidate, are told so', async (t) => {
  const { models, catalog } = await desk(t)
  const other = 'globex' as typeof acme
  await assert.rejects(models.train(other, by, never), { code: 'not_found' })
  await assert.rejects(models.publish(acme, {}, by, never), { code: 'failed_precondition' })
  await assert.rejects(models.publish(acme, { number: 1 }, by, never), { code: 'failed_precondition' })
  await assert.rejects(models.rollBack(acme, {}, by, never), { code: 'failed_precondition' })
  await assert.rejects(models.evaluate(acme, { number: 9 }, by, never), { code: 'not_found' })
  assert.equal(catalog.list()[0]?.version, 1)
})

test('a candidate learns what people taught, tells what is different, is published and rolled back', async (t) => {
  const { models, taught, catalog, first, store } = await desk(t)
  const question = '远程办公进不去内网'
  taught.now = {
    ...NO_LESSONS,
    taught: [lesson('t_1', question, 'it.vpn', ['sub_1']), lesson('t_2', '怎么请假', 'it.vpn')],
    heldOut: [lesson('t_3', '今天股市怎么样', 'oos')],
    background: [{ id: 't_4', text: '明天会下雨吗', subjects: ['sub_2'] }],
    waiting: [{ id: 't_5', text: question, subjects: [] }],
    digest: 'd',
  }
  const candidate = await models.train(acme, by, never)
  const { report } = candidate
  assert.ok(report)
  assert.equal(candidate.number, 2)
  assert.deepEqual(candidate.lessons, { digest: 'd', taught: 2, heldOut: 1, background: 1 })
  assert.deepEqual(report.examples, { written: 4, taught: 1, background: 1, intents: 2 })
  // The author wrote it under another intent.
  assert.deepEqual(report.leftOut, [{ sample: 't_2', intent: 'it.vpn' }])
  assert.equal(report.waiting.n, 2)
  assert.equal(report.waiting.now.answered, 1)
  assert.equal(report.against, first.digest)
  assert.deepEqual(
    report.intents.map(({ intent, examples, tests }) => [intent, examples, tests]),
    [
      ['hr.leave', 1, 0],
      ['it.vpn', 3, 1],
    ],
  )
  assert.equal(JSON.stringify(report).includes(question), false)
  assert.equal(catalog.current(acme)?.digest, first.digest)

  const published = await models.publish(acme, {}, by, never)
  assert.equal(catalog.current(acme)?.digest, candidate.digest)
  assert.equal(published.version, 3)
  const figures = await models.evaluate(acme, {}, by, never)
  assert.deepEqual([figures.tests, figures.heldOut.n, figures.n], [{ passed: 1, failed: 0 }, 1, 2])
  // The same directory is in force: nothing to apply.
  assert.equal((await applied(catalog, directory({ 'intents/it.yaml': INTENTS }))).changed, false)

  const back = await models.rollBack(acme, {}, by, never)
  assert.equal(catalog.current(acme)?.digest, first.digest)
  assert.equal(back.version, 4)
  assert.deepEqual(
    (await models.list(acme, never)).map(({ number, state }) => [number, state]),
    [
      [2, 'former'],
      [1, 'in-force'],
    ],
  )
  await models.rollBack(acme, { number: 2 }, by, never)
  assert.equal(catalog.current(acme)?.digest, candidate.digest)
  const { entries } = await store.audit(acme, { reverse: true, limit: 4 })
  assert.deepEqual(
    entries.map(({ action, object, actor }) => [action, object, actor]),
    [
      ['UPDATE', 'tenants/current', 'user_1'],
      ['UPDATE', 'tenants/current', 'user_1'],
      ['UPDATE', 'tenants/current', 'user_1'],
      ['CREATE', 'model-versions/2', 'user_1'],
    ],
  )
})

test('one that gets fewer labelled questions right is refused, unless forced, and so is one after another apply', async (t) => {
  const { models, taught, catalog, center } = await desk(t)
  taught.now = { ...NO_LESSONS, taught: [lesson('t_1', '打印机坏了', 'oos')], digest: 'd' }
  await models.train(acme, by, never)
  await applied(catalog, directory())
  await assert.rejects(models.publish(acme, {}, by, never), { code: 'failed_precondition' })

  // What is in force knows the question word for word; nothing of the directory does.
  taught.now = { ...NO_LESSONS, taught: [lesson('t_2', 'zzz qqq', 'it.vpn')], digest: 'e' }
  await models.train(acme, by, never)
  await models.publish(acme, {}, by, never)
  taught.now = { ...NO_LESSONS, heldOut: [lesson('t_2', 'zzz qqq', 'it.vpn')], digest: 'f' }
  const worse = await models.train(acme, by, never)
  assert.deepEqual(worse.report?.heldOut, { n: 1, right: 0, before: 1, lost: ['t_2'], won: [] })
  await assert.rejects(models.publish(acme, {}, by, never), (thrown: unknown) => {
    const { code, details } = thrown as { code: string; details: { lost: string[] } }
    assert.deepEqual([code, details.lost], ['model_refused', ['t_2']])
    return true
  })
  await models.publish(acme, { force: true }, by, never)
  assert.equal(catalog.current(acme)?.digest, worse.digest)

  const again = await center.restart()
  assert.equal(again.catalog.current(acme)?.digest, worse.digest)
})

test('a failing test refuses a candidate, and the report names it with what is written twice', async (t) => {
  const twice = `${INTENTS.replace('    connect', '    怎么连VPN？\n    connect')}`
  const { models, taught, catalog, first } = await desk(
    t,
    directory({
      'intents/it.yaml': twice,
      'tests/smoke.yaml': `${FILES['tests/smoke.yaml']}- {say: qqq zzz, expect: {intent: oos}}\n`,
    }),
  )
  taught.now = { ...NO_LESSONS, taught: [lesson('t_1', 'qqq zzz', 'it.vpn')], digest: 'd' }
  const { report } = await models.train(acme, by, never)
  assert.deepEqual(report?.duplicates, [{ text: '怎么连 VPN', intent: 'it.vpn', times: 2 }])
  assert.equal(report?.tests.passed, 1)
  assert.match(report?.tests.failed[0] ?? '', /^tests\/smoke\.yaml:2:.*qqq zzz/)
  assert.deepEqual(report?.changes.decisions, [{ text: 'qqq zzz', from: 'oos', to: 'it.vpn' }])
  await assert.rejects(models.publish(acme, {}, by, never), { code: 'model_refused' })
  assert.equal(catalog.current(acme)?.digest, first.digest)
})

test('what learnt from an erased person goes, and the model in force is trained anew without them', async (t) => {
  const { models, taught, catalog, first, at } = await desk(t)
  const question = '远程办公进不去内网'
  taught.now = { ...NO_LESSONS, taught: [lesson('t_1', question, 'it.vpn', ['sub_1'])], digest: 'd' }
  const { digest } = await models.train(acme, by, never)
  await models.publish(acme, {}, by, never)
  // Their samples are gone before.
  taught.now = NO_LESSONS
  const source = modelsSource({ models, log })
  assert.deepEqual(await source.erase(acme, 'sub_2', never), { erased: 0 })
  assert.equal(catalog.current(acme)?.digest, digest)
  assert.deepEqual(await source.erase(acme, 'sub_1', never), { erased: 1 })
  assert.notEqual(catalog.current(acme)?.digest, digest)
  assert.equal((await readdir(join(at.dir, 'bundles'))).includes(digest), false)
  const left = await models.list(acme, never)
  assert.ok(left.every((version) => version.digest !== digest))
  assert.ok(left.some((version) => version.digest === first.digest))
  assert.deepEqual(await source.erase(acme, 'sub_1', never), { erased: 0 })

  const broken = modelsSource({ models: { forget: () => Promise.reject(new Error('no')) }, log })
  assert.ok((await broken.erase(acme, 'sub_1', never)).pending)
})
