import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { accountKey, identityDigest } from './blind-index.js'
import { SubjectDirectory } from './subject-directory.js'
import { acme, anna, by, DAY, globex, refused, stand } from './testing/stand.js'

for (const [what, account] of [
  ['an empty channel', { channel: '', sender: 'a' }],
  ['an empty sender', { channel: 'web', sender: '' }],
  ['a sender of a kilobyte', { channel: 'web', sender: 'x'.repeat(1_024) }],
] as const) {
  test(`${what} is refused`, async (t) => {
    const { subjects } = (await stand(t)).parts
    await assert.rejects(subjects.resolve(acme, account, {}, by), refused('invalid_argument'))
    await assert.rejects(subjects.find(acme, account), refused('invalid_argument'))
  })
}

test('the parts of an account cannot run into each other', () => {
  const key = new Uint8Array(32)
  const one = { channel: 'ab', sender: 'c' }
  const other = { channel: 'a', sender: 'bc' }
  assert.notEqual(accountKey(key, one), accountKey(key, other))
  assert.notDeepEqual(identityDigest(key, acme, one), identityDigest(key, acme, other))
})

test('a digest of an account is SM3 over salt, tenant, channel and sender behind their lengths', () => {
  // Computed with `openssl dgst -sm3` over the bytes written out by hand.
  const salt = Uint8Array.from([1, 2, 3, 4])
  const digest = Buffer.from(identityDigest(salt, acme, { channel: 'web', sender: '安娜' })).toString('hex')
  assert.equal(digest, 'cd997978c5f0cc05bda9063e35b4b4aa5bdc104e2bfb3da32220b191cffff928')
})

test('a hundred messages of a new person at once make one person', async (t) => {
  const { subjects } = (await stand(t)).parts
  const ids = await Promise.all(
    Array.from({ length: 100 }, () => subjects.resolve(acme, anna, { name: 'Anna' }, by)),
  )
  assert.equal(new Set(ids).size, 1)
  assert.match(ids[0] ?? '', /^sub_[0-9a-z]{26}$/)
  assert.equal(await subjects.find(acme, anna), ids[0])
})

test('a person of one tenant is nobody in another, and somebody else there', async (t) => {
  const { subjects } = (await stand(t)).parts
  const here = await subjects.resolve(acme, anna, {}, by)
  assert.equal(await subjects.find(globex, anna), undefined)
  assert.notEqual(await subjects.resolve(globex, anna, {}, by), here)
  assert.equal(await subjects.get(globex, here), undefined)
})

test('a name that changed is kept, and how a person was last seen once a day', async (t) => {
  const s = await stand(t)
  const { subjects } = s.parts
  const id = await subjects.resolve(acme, anna, { name: 'Anna', department: 'IT' }, by)
  const firstSeen = s.clock.wall()
  for (let i = 0; i < 5; i++) {
    s.clock.advance(1_000)
    await subjects.resolve(acme, anna, { name: 'Anna' }, by)
  }
  assert.equal((await subjects.get(acme, id))?.version, 1, 'a message writes nothing as a rule')
  s.clock.advance(DAY)
  await subjects.resolve(acme, anna, { name: 'Anna Meier' }, by)
  const { name, department, lastSeen, firstSeen: first } = (await subjects.get(acme, id)) ?? {}
  assert.deepEqual([name, department, first, lastSeen], ['Anna Meier', 'IT', firstSeen, s.clock.wall()])
  for (const told of ['Anna Meier', 'Anna M.', 'Anna Meier']) {
    await subjects.resolve(acme, anna, { name: told }, by)
    assert.equal((await subjects.get(acme, id))?.name, told)
  }
  s.clock.advance(DAY)
  await subjects.resolve(acme, anna, { name: 'Anna Meier' }, by)
  assert.equal((await subjects.get(acme, id))?.lastSeen, s.clock.wall())
})

test('a correction is audited with what stood there before', async (t) => {
  const s = await stand(t)
  const { subjects } = s.parts
  const id = await subjects.resolve(acme, anna, { name: 'Ana', department: 'IT' }, by)
  await assert.rejects(subjects.correct(acme, 'sub_0', { name: 'x' }, by), refused('not_found'))
  await assert.rejects(subjects.correct(acme, id, { name: '' }, by), refused('invalid_argument'))
  const corrected = await subjects.correct(acme, id, { name: 'Anna', department: null }, by)
  assert.deepEqual([corrected.name, corrected.department], ['Anna', undefined])
  const entry = (await s.audit()).at(-1)
  assert.deepEqual([entry?.action, entry?.object, entry?.actor], ['UPDATE', `subjects/${id}`, 'user_1'])
  assert.match(Buffer.from(entry?.before ?? []).toString(), /"department":"IT".*"name":"Ana"/)
  assert.match(Buffer.from(entry?.after ?? []).toString(), /"name":"Anna"/)
})

test('two accounts of one person lead to one id, also when both were two already', async (t) => {
  const { subjects } = (await stand(t)).parts
  const accounts = ['a', 'b', 'c', 'd'].map((sender) => ({ channel: 'web', sender }))
  const ids: string[] = []
  for (const account of accounts) ids.push(await subjects.resolve(acme, account, {}, by))
  const [a = '', b = '', c = '', d = ''] = ids
  await subjects.link(acme, a, b, by)
  await subjects.link(acme, c, d, by)
  await subjects.link(acme, a, d, by)
  for (const account of accounts) assert.equal(await subjects.find(acme, account), a)
  for (const id of ids) assert.equal((await subjects.get(acme, id))?.id, a)
  assert.deepEqual((await subjects.get(acme, a))?.also, [b, c, d])
  assert.equal((await subjects.link(acme, a, b, by)).id, a, 'again is fine')
})

test('an account that was just looked up leads to whom it is linked, also when it is linked during the look', async (t) => {
  const { subjects } = (await stand(t)).parts
  const accounts = ['a', 'b'].map((sender) => ({ channel: 'web', sender }))
  const [one = anna, other = anna] = accounts
  const id = await subjects.resolve(acme, one, {}, by)
  const otherId = await subjects.resolve(acme, other, {}, by)
  assert.equal(await subjects.resolve(acme, other, {}, by), otherId)
  await Promise.all([subjects.link(acme, id, otherId, by), subjects.resolve(acme, other, {}, by)])
  assert.equal(await subjects.resolve(acme, other, {}, by), id)
})

test('the person of an account is read once, and again when that person was erased', async (t) => {
  const { parts, clock } = await stand(t)
  const { store, keys } = parts
  let reads = 0
  const counted: typeof store = {
    get: (tenant, collection, key) => {
      if (collection === 'subject-accounts') reads += 1
      return store.get(tenant, collection, key)
    },
    getMany: (...asked) => store.getMany(...asked),
    batch: (...asked) => store.batch(...asked),
    scan: (...asked) => store.scan(...asked),
    places: (...asked) => store.places(...asked),
    audit: (...asked) => store.audit(...asked),
    head: (...asked) => store.head(...asked),
    close: () => store.close(),
  }
  const subjects = new SubjectDirectory({ store: counted, keys, clock })
  const id = await subjects.resolve(acme, anna, {}, by)
  for (let i = 0; i < 3; i++) assert.equal(await subjects.resolve(acme, anna, {}, by), id)
  assert.equal(reads, 2, 'before it was made, and once after that')
  assert.equal(await subjects.find(globex, anna), undefined)

  await keys.destroySubject(acme, id)
  await assert.rejects(subjects.resolve(acme, anna, {}, by), refused('unavailable'))
})

test('what is linked is bounded', async (t) => {
  const { subjects } = (await stand(t)).parts
  const first = await subjects.resolve(acme, anna, {}, by)
  for (let i = 0; i < 12; i++) {
    const more = await subjects.resolve(acme, { channel: 'web', sender: `u${i}` }, {}, by)
    await subjects.link(acme, first, more, by)
  }
  const last = await subjects.resolve(acme, { channel: 'web', sender: 'last' }, {}, by)
  await assert.rejects(subjects.link(acme, first, last, by), refused('failed_precondition'))
})

test('no byte on disk shows who a person is', async (t) => {
  const s = await stand(t)
  await s.parts.subjects.resolve(acme, anna, { name: 'Anna Schmidt', department: 'Lohnbuchhaltung' }, by)
  await s.restart()
  const files = await readdir(s.storage.dir, { recursive: true, withFileTypes: true })
  let bytes = 0
  for (const file of files.filter((entry) => entry.isFile())) {
    const content = await readFile(join(file.parentPath, file.name))
    bytes += content.length
    for (const word of ['anna.schmidt', 'Anna Schmidt', 'Lohnbuchhaltung']) {
      assert.equal(content.includes(word), false, `${word} in ${file.name}`)
    }
  }
  assert.ok(bytes > 500)
})
