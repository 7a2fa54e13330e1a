import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CommandResultSchema, create, SubjectReportKind, SubjectReportSchema } from '@yizhan/proto'
import { beijing, openCenter } from './testing/center.js'
import { acme, anna, by, DAY, never } from './testing/stand.js'

const SECRET = 'my salary is too low and my back hurts'

async function center(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-privacy-center-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const opened = await openCenter(dir)
  t.after(() => opened.close())
  return opened
}

/** Paths of the files below `dir` that hold the text. */
async function filesWith(dir: string, text: string): Promise<string[]> {
  const found: string[] = []
  for (const file of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue
    const path = join(file.parentPath, file.name)
    if ((await readFile(path)).includes(text)) found.push(path)
  }
  return found
}

/** Lets what was begun go on until `condition` holds; the test's own time limit is the bound. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}

function report(kind: SubjectReportKind, reportId: string) {
  return create(SubjectReportSchema, {
    reportId,
    tenantId: 'acme',
    channelId: anna.channel,
    senderId: anna.sender,
    kind,
    purpose: 'answers',
    noticeVersion: '1',
  })
}

async function annaWithData({ privacy, store, clock }: Awaited<ReturnType<typeof center>>) {
  const subject = await privacy.subjects.resolve(acme, anna, { name: 'Anna Schmidt' }, by)
  await privacy.reports.take(beijing, acme, report(SubjectReportKind.CONSENT_GIVEN, 'rep_1'))
  const value = Buffer.from(JSON.stringify({ text: SECRET }))
  await store.batch(acme, [{ op: 'put', collection: 'turns', key: 't1', value, subject }], {
    time: clock.wall(),
    actor: 'bot_1',
    action: 'CREATE',
    object: 'turns/t1',
    subject,
    after: value,
  })
  return subject
}

test('with the real key store nothing of a person lies in clear, and nothing opens after an erasure', async (t) => {
  const c = await center(t)
  const subject = await annaWithData(c)
  assert.deepEqual(await c.privacy.mayUse(acme, subject, 'answers'), { allowed: true, because: 'given' })
  await c.privacy.reports.take(beijing, acme, report(SubjectReportKind.ERASURE_ASKED, 'rep_2'))
  const [asked] = (await c.privacy.cases.list(acme, { state: 'open' })).cases
  assert.equal(asked?.subject, subject)

  const outcome = await c.privacy.erase(acme, subject, by)
  assert.ok(outcome.s === 'erasing')
  assert.deepEqual(outcome.erasure.records, { 'subject-accounts': 1, subjects: 1, consents: 1, turns: 1 })
  assert.equal(await c.store.get(acme, 'turns', 't1'), undefined)
  assert.deepEqual((await c.privacy.consents.list(acme, subject)).consents, [])
  const { entries } = await c.store.audit(acme, { limit: 1_000 })
  assert.ok(entries.filter((entry) => entry.erased).length >= 3)
  assert.doesNotMatch(
    entries.map((entry) => Buffer.concat([entry.before ?? Buffer.of(), entry.after ?? Buffer.of()])).join(),
    /Anna|anna|salary/,
  )
  const { problems } = await c.storage.upkeep.check(acme, never)
  assert.deepEqual(problems, [], 'the chain and the counts hold')
  for (const text of [SECRET, 'Anna Schmidt', anna.sender]) {
    assert.deepEqual(await filesWith(c.dir, text), [], text)
  }
  assert.notDeepEqual(await filesWith(c.dir, subject), [], 'the random id is in the log and the key store')
})

test('an edge’s answer closes the erasure by itself, and its certificate says so', async (t) => {
  const c = await center(t)
  const upkeep = c.privacy.start()
  t.after(() => upkeep.stop('the test ends'))
  const outcome = await c.privacy.erase(acme, await annaWithData(c), by)
  assert.ok(outcome.s === 'erasing')
  const { id } = outcome.erasure
  const [command] = c.commands.waiting(beijing)
  assert.ok(command)
  const done = { case: 'done', value: { detail: '{"turns":1}' } } as const
  await c.commands.answer(
    beijing,
    create(CommandResultSchema, { commandId: command.commandId, outcome: done }),
  )
  await until(async () => (await c.privacy.erasures.get(acme, id))?.state === 'closed')
  const checked = c.privacy.check(JSON.parse(JSON.stringify(await c.privacy.certificate(acme, id))))
  assert.ok(checked.s === 'valid')
  assert.equal(checked.certificate.state, 'closed')
})

test('a center that was stopped in the middle goes on when it starts', async (t) => {
  const c = await center(t)
  const subject = await annaWithData(c)
  const first = c.privacy.start()
  await first.stop('stopping')
  await assert.rejects(c.privacy.erase(acme, subject, by), { code: 'cancelled' })
  assert.equal((await c.privacy.erasures.list(acme)).erasures[0]?.state, 'prepared')
  const { open } = await c.privacy.erasures.resume(never)
  assert.equal(open, 1)
  assert.equal((await c.privacy.erasures.list(acme)).erasures[0]?.state, 'waiting')
})

test('sweeping runs soon after the start and then every day, until it is stopped', async (t) => {
  const c = await center(t)
  const upkeep = c.privacy.start()
  const put = async (key: string) => {
    const expiresAt = c.clock.wall() + 1
    await c.store.batch(
      acme,
      [{ op: 'put', collection: 'samples', key, value: new Uint8Array(), expiresAt }],
      { time: c.clock.wall(), actor: 'bot_1', action: 'CREATE', object: `samples/${key}` },
    )
  }
  const left = async () =>
    (await c.store.places(acme, { expiredBefore: c.clock.wall() })).places.map(({ key }) => key)
  await put('s1')
  c.clock.advance(600_000)
  await until(async () => (await left()).length === 0)
  await put('s2')
  c.clock.advance(DAY - 1)
  assert.deepEqual(await left(), ['s2'])
  c.clock.advance(1)
  await until(async () => (await left()).length === 0)
  await upkeep.stop('the test ends')
  await upkeep.done
  await put('s3')
  c.clock.advance(2 * DAY)
  assert.deepEqual(await left(), ['s3'])
  assert.equal(c.clock.pending, 0)
})
