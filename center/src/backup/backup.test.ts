import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { asTenantId, ManualClock, plainSealer, type TenantId, YizhanError } from '@yizhan/kernel'
import type { Row, Scope } from '../storage/engine.js'
import {
  type BackupSource,
  createBackup,
  type Erasure,
  pruneBackups,
  Repository,
  type RestoreSite,
  restoreBackup,
} from './index.js'
import { lockRepository } from './repository-lock.js'

const never = new AbortController().signal
const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === expected
async function* none(): AsyncGenerator<Erasure> {}
const random = (length: number) => new Uint8Array(randomBytes(length))
const acme = tenant('acme')
const other = tenant('other')

/** Rows by scope; what a store would hold. */
type Held = Map<Scope, Row[]>

const rowsFor = (count: number, prefix = 'k'): Row[] => [
  { kind: 'head', collection: '', key: '', bytes: random(100) },
  ...Array.from({ length: count }, (_, i) => ({
    kind: 'record' as const,
    collection: 'things',
    key: `${prefix}${String(i).padStart(6, '0')}`,
    bytes: random(1_024),
  })),
  { kind: 'audit', collection: '', key: '00000000000001', bytes: random(50) },
]

function sourceOf(held: Held): BackupSource {
  return {
    tenants: async () => [...held.keys()].filter((scope) => scope !== null),
    async *rows(scope) {
      const rows = held.get(scope) ?? []
      for (let at = 0; at < rows.length; at += 100) yield rows.slice(at, at + 100)
    },
  }
}

async function place(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-backup-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const clock = new ManualClock()
  const repository = new Repository(join(dir, 'backups'), plainSealer)
  const folders = [{ name: 'ca', path: join(dir, 'ca') }]
  await mkdir(join(dir, 'ca', 'keys'), { recursive: true })
  await writeFile(join(dir, 'ca', 'root.pem'), 'certificate')
  await writeFile(join(dir, 'ca', 'keys', 'root.key'), 'secret', { mode: 0o600 })
  const held: Held = new Map<Scope, Row[]>([
    [null, rowsFor(3)],
    [acme, rowsFor(3_000)],
    [other, rowsFor(10)],
  ])
  return {
    dir,
    repository,
    held,
    async backUp(full = false) {
      clock.advance(60_000)
      return createBackup(
        { repository, source: sourceOf(held), clock },
        { folders, version: '1.0.0', full },
        never,
      )
    },
    async restore(backup: string, stateDir: string, signal = never, erasures = none()) {
      const into: Held = new Map()
      const erased: string[] = []
      const open = async (directory: string): Promise<RestoreSite> => {
        await mkdir(directory, { recursive: true })
        return {
          target: {
            async load(scope, pages) {
              const rows: Row[] = []
              for await (const page of pages) rows.push(...page)
              into.set(scope, rows)
            },
            check: async () => ({ records: 0, auditEntries: 0, problems: [], problemCount: 0 }),
          },
          folderPath: (name) => join(directory, name),
          async erase({ subject }) {
            erased.push(subject)
            return 1
          },
          close: async () => undefined,
        }
      }
      const report = await restoreBackup(repository, { backup, stateDir, erasures, open }, signal)
      return { report, into, erased }
    },
  }
}

test('a backup restores every row and file, with its mode, and says what it did', async (t) => {
  const at = await place(t)
  const { snapshot } = await at.backUp()
  const stateDir = join(at.dir, 'restored')
  const { report, into } = await at.restore(snapshot.id, stateDir)
  assert.deepEqual(into, at.held)
  assert.equal(await readFile(join(stateDir, 'ca', 'root.pem'), 'utf8'), 'certificate')
  assert.equal(await readFile(join(stateDir, 'ca', 'keys', 'root.key'), 'utf8'), 'secret')
  assert.deepEqual(
    { tenants: report.tenants, rows: report.rows, files: report.files },
    { tenants: 2, rows: 3_005 + 12 + 2, files: 2 },
  )
  assert.deepEqual(await readdir(at.dir), ['backups', 'ca', 'restored'])
})

test('an incremental backup writes what changed and little more, and each one is whole', async (t) => {
  const at = await place(t)
  const first = await at.backUp()
  assert.equal(first.snapshot.kind, 'full')
  const rows = at.held.get(acme) ?? []
  rows[1_500] = { ...(rows[1_500] as Row), bytes: random(1_024) }
  rows.splice(2_000, 1)
  rows.splice(700, 0, { kind: 'record', collection: 'things', key: 'k000698x', bytes: random(1_024) })
  const second = await at.backUp()
  assert.equal(second.snapshot.kind, 'incremental')
  assert.ok(second.newBytes > 0)
  assert.ok(
    second.newBytes < first.newBytes / 5,
    `${second.newBytes} of ${first.newBytes} bytes were written anew`,
  )
  const before = await at.restore(first.snapshot.id, join(at.dir, 'before'))
  const after = await at.restore('latest', join(at.dir, 'after'))
  assert.equal(after.report.backup, second.snapshot.id)
  assert.equal(before.into.get(acme)?.length, after.into.get(acme)?.length)
  assert.deepEqual(after.into, at.held)
  assert.notDeepEqual(before.into.get(acme), after.into.get(acme))
  assert.equal((await at.backUp()).newBytes, 0)
  assert.ok((await at.backUp(true)).newBytes >= first.newBytes * 0.9)
})

test('a directory of backups is one process’s at a time, and a killed one leaves nothing in the way', async (t) => {
  const { dir } = await place(t)
  const unlock = await lockRepository(dir)
  const other = spawnSync(process.execPath, ['-e', 'console.log(process.pid)']).stdout.toString().trim()
  await writeFile(join(dir, 'lock'), `${hostname()} ${process.ppid}\n`)
  await assert.rejects(lockRepository(dir), code('failed_precondition'))
  await writeFile(join(dir, 'lock'), 'another-machine 1\n')
  await assert.rejects(lockRepository(dir), code('failed_precondition'))
  await writeFile(join(dir, 'lock'), `${hostname()} ${other}\n`)
  await (await lockRepository(dir))()
  await unlock()
  assert.ok(!(await readdir(dir)).includes('lock'))
})

test('pruning keeps what the kept ones need and nothing else', async (t) => {
  const at = await place(t)
  await at.backUp()
  at.held.set(acme, rowsFor(3_000, 'n'))
  const { snapshot } = await at.backUp()
  const pruned = await pruneBackups(at.repository, 1)
  assert.equal(pruned.deleted.length, 1)
  assert.ok(pruned.bytes > 3_000_000)
  assert.deepEqual(await at.repository.snapshotIds(), [snapshot.id])
  assert.deepEqual((await at.restore(snapshot.id, join(at.dir, 'r'))).into, at.held)
  assert.equal((await pruneBackups(at.repository, 1)).bytes, 0)
  for (const keep of [0, -1, 1.5])
    await assert.rejects(pruneBackups(at.repository, keep), code('invalid_argument'))
})

test('a missing, damaged or exchanged chunk ends a restore with nothing in its place', async (t) => {
  const at = await place(t)
  const { snapshot } = await at.backUp()
  const [one = '', two = ''] = snapshot.scopes[1]?.chunks ?? []
  const path = (digest: string) => join(at.dir, 'backups', 'chunks', digest.slice(0, 2), digest)
  const good = await readFile(path(one))
  const flipped = Buffer.from(good)
  flipped[500] = (flipped[500] ?? 0) ^ 4
  for (const bad of [undefined, flipped, good.subarray(0, 100), Buffer.alloc(0), await readFile(path(two))]) {
    if (bad) await writeFile(path(one), bad)
    else await rm(path(one))
    await assert.rejects(at.restore(snapshot.id, join(at.dir, 'restored')), code('data_corrupt'))
    assert.deepEqual((await readdir(at.dir)).sort(), ['backups', 'ca'])
  }
})

test('a restore refuses a directory that holds something, an unknown backup, and a path that leads out', async (t) => {
  const at = await place(t)
  const { snapshot } = await at.backUp()
  await assert.rejects(at.restore(snapshot.id, join(at.dir, 'ca')), code('already_exists'))
  assert.equal(await readFile(join(at.dir, 'ca', 'root.pem'), 'utf8'), 'certificate')
  for (const id of ['bak_none', '', 'last', '../ca/root.pem', `bak_${'0'.repeat(26)}`]) {
    await assert.rejects(at.restore(id, join(at.dir, 'restored')), code('not_found'))
  }
  for (const path of ['../outside', '/etc/passwd', 'a/../../b', 'a//b', '.']) {
    const id = `bak_${'1'.repeat(26)}`
    await at.repository.putSnapshot({
      ...snapshot,
      id,
      files: [{ folder: 'ca', path, mode: 0o600, bytes: 0, chunks: [] }],
    })
    await assert.rejects(at.restore(id, join(at.dir, 'restored')), code('data_corrupt'))
  }
  assert.deepEqual((await readdir(at.dir)).sort(), ['backups', 'ca'])
})

test('every erasure of the log is carried out again, and a restore that is called off leaves nothing', async (t) => {
  const at = await place(t)
  const { snapshot } = await at.backUp()
  const log = async function* () {
    for (const subject of ['sub_1', 'sub_2'])
      yield { tenant: acme, subject, erasureId: `ers_${subject}`, at: 1 }
  }
  const { erased, report } = await at.restore(snapshot.id, join(at.dir, 'one'), never, log())
  assert.deepEqual(erased, ['sub_1', 'sub_2'])
  assert.equal(report.erasures, 2)
  assert.equal(report.erasedRecords, 2)
  const stop = new AbortController()
  const stopping = async function* () {
    stop.abort(new YizhanError('cancelled', 'enough'))
    yield { tenant: acme, subject: 'sub_1', erasureId: 'ers_1', at: 1 }
  }
  await assert.rejects(
    at.restore(snapshot.id, join(at.dir, 'two'), stop.signal, stopping()),
    code('cancelled'),
  )
  assert.deepEqual((await readdir(at.dir)).sort(), ['backups', 'ca', 'one'])
})

function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}
