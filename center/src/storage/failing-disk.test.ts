import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

// A mount namespace of its own gives a small disk that vanishes with the process.
const NAMESPACE = ['--map-root-user', '--mount', 'sh', '-c']

const OPEN_AND_WRITE = `
import { randomBytes } from 'node:crypto'
import { appendFile, cp, unlink, writeFile } from 'node:fs/promises'
import { openStorage } from ${JSON.stringify(new URL('./storage.js', import.meta.url).href)}
import { ManualClock, plainSealer, silentLogger } from ${JSON.stringify(import.meta.resolve('@yizhan/kernel'))}
const [disk, copy] = process.argv.slice(1)
const clock = new ManualClock()
const open = (dir) => openStorage({ log: silentLogger(), sealer: plainSealer, clock }, { dir, shards: 1 })
const audit = { time: 1, actor: 'user_1', action: 'UPDATE', object: 'things' }
const codeOf = (work) => work.then(() => 'ok', (thrown) => thrown.code)
const acked = []
let tried = 0
const write = async (storage) => {
  const key = 'k' + tried++
  await storage.store.batch('acme', [{ op: 'put', collection: 'things', key, value: randomBytes(64 * 1024) }], audit)
  acked.push(key)
}
const writeUntilItFails = async (storage) => {
  for (;;) {
    const code = await codeOf(write(storage))
    if (code !== 'ok' || tried > 2_000) return code
  }
}
const found = async (storage) => {
  let count = 0
  for (const key of acked) if (await storage.store.get('acme', 'things', key)) count += 1
  return count
}
`

const FULL = `${OPEN_AND_WRITE}
await writeFile(disk + '/ballast', new Uint8Array(20 * 1024 * 1024))
const storage = await open(disk + '/db')
const full = await writeUntilItFails(storage)
const before = acked.length
const readWhileFull = await found(storage)
const atOnce = await codeOf(write(storage))
clock.advance(2_000)
const stillFull = await codeOf(write(storage))
await unlink(disk + '/ballast')
clock.advance(2_000)
const recovered = []
for (let i = 0; i < 40; i++) recovered.push(await codeOf(write(storage)))
const { problemCount } = await storage.upkeep.check('acme', new AbortController().signal)
// What a crash would leave: everything that was synced, and no close.
await cp(disk + '/db', copy, { recursive: true })
const crashed = await open(copy)
const afterCrash = await found(crashed)
await crashed.close()
await storage.close()
const reopened = await open(disk + '/db')
const afterRestart = await found(reopened)
await reopened.close()
console.log(JSON.stringify({ full, before, readWhileFull, atOnce, stillFull, recovered: [...new Set(recovered)],
  problemCount, acked: acked.length, afterCrash, afterRestart }))
`

const RESTART = `${OPEN_AND_WRITE}
const check = async (storage) => (await storage.upkeep.check('acme', new AbortController().signal)).problemCount
const fill = async () => {
  for (let size = 1 << 20; size >= 4096; size /= 2) {
    while ((await codeOf(appendFile(disk + '/filling', new Uint8Array(size)))) === 'ok');
  }
}
await appendFile(disk + '/filling', new Uint8Array(16 << 20))
let storage = await open(disk + '/db')
const full = await writeUntilItFails(storage)
const damaged = [await check(storage)]
const opened = []
for (let i = 0; i < 3; i++) {
  await storage.close()
  await fill()
  storage = await open(disk + '/db')
  opened.push(await found(storage))
  damaged.push(await check(storage))
  await fill()
  await writeUntilItFails(storage)
}
await unlink(disk + '/filling')
clock.advance(2_000)
const recovered = await codeOf(write(storage))
damaged.push(await check(storage))
await storage.close()
const lost = opened.filter((count, i) => count < opened[0])
console.log(JSON.stringify({ full, opened: opened.length, lost, damaged, recovered, sane: opened[0] > 0 }))
`

const BROKEN = `${OPEN_AND_WRITE}
const storage = await open(disk)
const failed = await writeUntilItFails(storage)
const done = await codeOf(storage.done)
clock.advance(60_000)
const later = await codeOf(write(storage))
const readable = await found(storage)
await storage.close()
console.log(JSON.stringify({ failed, done, later, acked: acked.length, readable }))
`

async function scratch(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-disk-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

function run(t: TestContext, command: string, args: string[], cwd: string): Record<string, unknown> {
  const ran = spawnSync(command, args, { cwd, encoding: 'utf8' })
  assert.equal(ran.status, 0, ran.stderr)
  t.diagnostic(ran.stdout.trim())
  return JSON.parse(ran.stdout)
}

test('a full disk refuses writes, serves reads, and loses nothing acked once there is space again', async (t) => {
  const dir = await scratch(t)
  const probe = spawnSync('unshare', [...NAMESPACE, `mount -t tmpfs -o size=4m none '${dir}'`])
  if (probe.status !== 0) {
    assert.notEqual(process.env.YIZHAN_TEST_REQUIRE, 'all', 'no right to mount a tmpfs in a namespace')
    return t.skip('SKIPPED: no right to mount a tmpfs in a namespace')
  }
  const shell =
    'mkdir disk copy && mount -t tmpfs -o size=40m none disk && exec "$0" --input-type=module -e "$1" disk copy'
  const seen = run(t, 'unshare', [...NAMESPACE, shell, process.execPath, FULL], dir)
  const { before, acked } = seen
  assert.ok(typeof before === 'number' && before > 0)
  assert.equal(acked, before + 40)
  assert.deepEqual(seen, {
    full: 'disk_full',
    before,
    readWhileFull: before,
    atOnce: 'disk_full',
    stillFull: 'disk_full',
    recovered: ['ok'],
    problemCount: 0,
    acked,
    afterCrash: acked,
    afterRestart: acked,
  })
})

test('a full disk is opened again and again, with everything acknowledged and nothing half-written', async (t) => {
  const dir = await scratch(t)
  const probe = spawnSync('unshare', [...NAMESPACE, `mount -t tmpfs -o size=4m none '${dir}'`])
  if (probe.status !== 0) {
    assert.notEqual(process.env.YIZHAN_TEST_REQUIRE, 'all', 'no right to mount a tmpfs in a namespace')
    return t.skip('SKIPPED: no right to mount a tmpfs in a namespace')
  }
  const shell =
    'mkdir disk && mount -t tmpfs -o size=40m none disk && exec "$0" --input-type=module -e "$1" disk'
  assert.deepEqual(run(t, 'unshare', [...NAMESPACE, shell, process.execPath, RESTART], dir), {
    full: 'disk_full',
    opened: 3,
    lost: [],
    damaged: [0, 0, 0, 0, 0],
    recovered: 'ok',
    sane: true,
  })
})

test('a disk that fails a write ends all writes, says so through done, and still serves reads', async (t) => {
  const dir = await scratch(t)
  // A file size limit is the one write error that needs no rights: EFBIG, with the signal ignored.
  const shell = 'trap "" XFSZ; ulimit -f 2048; exec "$0" --input-type=module -e "$1" db'
  const seen = run(t, 'sh', ['-c', shell, process.execPath, BROKEN], dir)
  const { acked } = seen
  assert.ok(typeof acked === 'number' && acked > 0)
  assert.deepEqual(seen, {
    failed: 'storage_failed',
    done: 'storage_failed',
    later: 'storage_failed',
    acked,
    readable: acked,
  })
})
