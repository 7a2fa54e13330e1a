import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { restoreCenter } from '@yizhan/center/restore'
import { silentLogger } from '@yizhan/kernel'
import { filesWith } from './byte-scan.js'
import { by, fill, needlesOf } from './erased-person.js'
import { acme, never, openSmallCenter, type SmallCenter } from './small-center.js'

async function place(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'yizhan-erased-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  return root
}

test('after an erasure no byte of the person or of their key is in data, keys, logs or a fresh backup', async (t) => {
  const root = await place(t)
  const dir = join(root, 'center')
  const center = await openSmallCenter(dir)
  const subject = await fill(center)
  const { secret, id } = await center.keys.sealingKey(acme, subject)
  const before = Uint8Array.from(secret)
  await center.backups.create(join(root, 'old-backup'), { full: true }, never)

  // What really lies there of the person: sealed records, and the wrapped key in its slot.
  const sealed = await sealedRecordsOf(center, subject)
  const slots = join(dir, 'keys', 'keys.slots')
  const slotsBefore = await readFile(slots)
  const dataAndKeys = [join(dir, 'data'), join(dir, 'keys')]
  const foundBefore = (await filesWith(dataAndKeys, sealed)).found
  assert.ok(foundBefore.length >= Object.keys(sealed).length, 'before the erasure the scan finds them')

  const outcome = await center.privacy.erase(acme, subject, by)
  assert.equal(outcome.s, 'erasing')
  const wrapped = overwrittenIn(slotsBefore, await readFile(slots))
  assert.ok(wrapped.length >= 48, 'the slot of the key was overwritten')
  assert.deepEqual((await filesWith(dataAndKeys, { ...sealed, 'wrapped key': wrapped })).found, [])
  await center.backups.create(join(root, 'fresh-backup'), { full: true }, never)
  await mkdir(join(root, 'copies'))
  await center.keys.exportTo(join(root, 'copies', 'keys'), never)
  const check = await center.storage.upkeep.check(acme, never)
  assert.deepEqual(check.problems, [], 'the chain and the counts hold')
  assert.ok(check.auditEntries > 200)
  assert.deepEqual((await center.storage.store.places(acme, { subject })).places, [])
  const { entries } = await center.storage.store.audit(acme, { limit: 1_000 })
  const emptied = entries.filter((entry) => entry.subject === subject && entry.object.startsWith('turns/'))
  assert.equal(emptied.length, 100)
  assert.ok(emptied.every((entry) => entry.erased === true && entry.after === undefined))
  assert.equal(entries.filter(({ after }) => after && Buffer.from(after).includes('nothing')).length, 100)
  await center.close()

  // The old backup too: what it holds is sealed, and the key is in none.
  const everywhere = [root]
  const { found, files, bytes } = await filesWith(everywhere, needlesOf(before))
  assert.deepEqual(found, [])
  const control = await filesWith(everywhere, { subject: Buffer.from(subject), 'key id': id })
  assert.ok(control.found.some((where) => where.startsWith('subject in') && where.includes('erasures')))
  t.diagnostic(`looked at ${files} files, ${(bytes / 1e6).toFixed(1)} MB`)
})

/** The stored bytes of some records of the person, without their headers. */
async function sealedRecordsOf(center: SmallCenter, subject: string): Promise<Record<string, Uint8Array>> {
  const sealed: Record<string, Uint8Array> = {}
  for await (const page of center.storage.upkeep.rows(acme, never)) {
    for (const { kind, key, bytes } of page) {
      if (kind !== 'record' || !Buffer.from(bytes).includes(subject)) continue
      // The end of a record is its tag and nothing that repeats.
      if (Object.keys(sealed).length < 5) sealed[`record ${key}`] = bytes.subarray(-48)
    }
  }
  return sealed
}

/** By chance so many bytes of one key are like those of another, side by side. */
const ALIKE_BY_CHANCE = 3

/** The longest run of bytes of `before` that stands in `after` otherwise, but for a few that are alike by chance. */
function overwrittenIn(before: Buffer, after: Buffer): Uint8Array {
  let best = before.subarray(0, 0)
  for (let start = 0; start < before.length; start++) {
    if (before[start] === after[start]) continue
    let last = start
    for (let at = start; at < before.length && at <= last + ALIKE_BY_CHANCE; at++)
      if (before[at] !== after[at]) last = at
    if (last + 1 - start > best.length) best = before.subarray(start, last + 1)
    start = last
  }
  return best
}

test('the scan finds what it looks for while it is there', async (t) => {
  const root = await place(t)
  const center = await openSmallCenter(join(root, 'center'))
  const subject = await fill(center)
  const { secret } = await center.keys.sealingKey(acme, subject)
  const kept = Uint8Array.from(secret)
  await center.close()
  const needles = needlesOf(kept)
  assert.deepEqual((await filesWith([root], needles)).found, [], 'all of it is sealed from the start')
  await mkdir(join(root, 'leak'))
  for (const [name, needle] of Object.entries(needles)) {
    const path = join(root, 'leak', 'log')
    await writeFile(path, Buffer.concat([Buffer.alloc(5_000_000 - 3, 7), needle]))
    assert.ok((await filesWith([join(root, 'leak')], needles)).found.includes(`${name} in log`), name)
  }
})

test('an old backup with an old copy of the keys brings nobody back: the erasure log is carried out again', async (t) => {
  const root = await place(t)
  const dir = join(root, 'center')
  const center = await openSmallCenter(dir)
  const subject = await fill(center)
  const made = await center.backups.create(join(root, 'backup'), { full: true }, never)
  await mkdir(join(root, 'copies'))
  await center.keys.exportTo(join(root, 'copies', 'keys'), never)
  const { secret } = await center.keys.sealingKey(acme, subject)
  const before = Uint8Array.from(secret)
  await center.privacy.erase(acme, subject, by)
  const { kek } = center
  await center.close()

  const stateDir = join(root, 'restored')
  const report = await restoreCenter(
    { kek, log: silentLogger() },
    {
      at: join(root, 'backup'),
      backup: made.id,
      stateDir,
      keys: join(root, 'copies', 'keys'),
      erasureLog: `${dir}.erasures`,
      shards: 2,
    },
    never,
  )
  assert.equal(report.erasures, 1)
  assert.ok(report.erasedRecords > 100, `${report.erasedRecords} records were taken out again`)
  assert.deepEqual((await filesWith([stateDir], needlesOf(before))).found, [])
  await copyFile(`${dir}.kek`, `${stateDir}.kek`)
  const again = await openSmallCenter(stateDir)
  t.after(() => again.close())
  assert.deepEqual((await again.storage.store.places(acme, { subject })).places, [])
  assert.equal(typeof again.keys.erasedAt(acme, subject), 'number')
  assert.equal(await again.storage.store.get(acme, 'turns', 'turn-0'), undefined)
  assert.ok(await again.storage.store.get(acme, 'turns', 'turn-1'))
  assert.deepEqual((await again.storage.upkeep.check(acme, never)).problems, [])
})
