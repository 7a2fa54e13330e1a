import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readFileIfExists, writeFileAtomic } from './atomic-file.js'
import { YizhanError } from './errors.js'

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'yizhan-test-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const failed = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'storage_failed'

test('a write that cannot be completed leaves the old file and nothing else', async (t) => {
  const directory = temporary(t)
  // A directory in the place of the file makes the last step, the rename, fail.
  const target = join(directory, 'taken')
  mkdirSync(target)
  writeFileSync(join(target, 'inside'), 'old')
  await assert.rejects(writeFileAtomic(target, 'new'), failed)
  assert.deepEqual(readdirSync(directory), ['taken'])
  assert.equal(readFileSync(join(target, 'inside'), 'utf8'), 'old')
})

test('a missing directory is reported with the path and the system’s code', async (t) => {
  const target = join(temporary(t), 'absent', 'file')
  await assert.rejects(writeFileAtomic(target, 'x'), (thrown) => {
    assert.ok(failed(thrown) && thrown instanceof YizhanError)
    assert.deepEqual(thrown.details, { path: target, system: 'ENOENT' })
    return true
  })
})

test('the new content replaces the old, with the mode asked for', async (t) => {
  const target = join(temporary(t), 'file')
  writeFileSync(target, 'old and longer')
  chmodSync(target, 0o666)
  await writeFileAtomic(target, 'new')
  assert.equal(readFileSync(target, 'utf8'), 'new')
  assert.equal(statSync(target).mode & 0o777, 0o600)
  await writeFileAtomic(target, Uint8Array.of(1, 2), { mode: 0o644 })
  assert.equal(statSync(target).mode & 0o777, 0o644)
  assert.deepEqual(await readFileIfExists(target), Buffer.of(1, 2))
})

test('a hundred writers at once leave one whole version and no temporary files', async (t) => {
  const directory = temporary(t)
  const target = join(directory, 'file')
  const versions = Array.from({ length: 100 }, (_, i) => String(i).repeat(1_000))
  await Promise.all(versions.map((version) => writeFileAtomic(target, version)))
  assert.ok(versions.includes(readFileSync(target, 'utf8')))
  assert.deepEqual(readdirSync(directory), ['file'])
})

test('an absent file reads as undefined, an unreadable one as an error', async (t) => {
  const directory = temporary(t)
  assert.equal(await readFileIfExists(join(directory, 'none')), undefined)
  await assert.rejects(readFileIfExists(directory), failed)
})
