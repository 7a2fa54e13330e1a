import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { readTenantDirectory } from './directory.js'

async function directory(t: TestContext, files: readonly string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-tenant-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  for (const file of files) {
    await mkdir(join(dir, file, '..'), { recursive: true })
    await writeFile(join(dir, file), file)
  }
  return dir
}

const failsWith = (code: string, about: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof YizhanError, String(thrown))
  assert.equal(thrown.code, code)
  assert.match(thrown.message, about)
  return true
}

test('what is no directory is named', async (t) => {
  const dir = await directory(t, ['file'])
  for (const path of [join(dir, 'none'), join(dir, 'file')]) {
    await assert.rejects(readTenantDirectory(path), failsWith('invalid_argument', /is not a directory/))
  }
})

test('a link is refused by name, wherever it leads, and so is a special file', async (t) => {
  for (const target of ['/etc/passwd', 'tenant.yaml', 'nowhere']) {
    const dir = await directory(t, ['tenant.yaml', 'knowledge/a.md'])
    await symlink(target, join(dir, 'knowledge', 'b.md'))
    await assert.rejects(
      readTenantDirectory(dir),
      failsWith('invalid_argument', /knowledge\/b\.md is a link/),
    )
  }
  const dir = await directory(t, ['tenant.yaml'])
  execFileSync('mkfifo', [join(dir, 'pipe')])
  await assert.rejects(
    readTenantDirectory(dir),
    failsWith('invalid_argument', /pipe is a link or another special/),
  )
})

test('a huge file is refused before it is read', async (t) => {
  const dir = await directory(t, ['knowledge/a.md'])
  await truncate(join(dir, 'knowledge', 'a.md'), 2 ** 40)
  await assert.rejects(readTenantDirectory(dir), failsWith('too_large', /more than 2000 files or 24 MiB/))
})

test('too many files are refused', async (t) => {
  const dir = await directory(
    t,
    Array.from({ length: 2_001 }, (_, i) => `knowledge/${i}.md`),
  )
  await assert.rejects(readTenantDirectory(dir), failsWith('too_large', /more than 2000 files/))
})

test('files are given by their path below the directory, without hidden ones', async (t) => {
  const dir = await directory(t, ['tenant.yaml', 'knowledge/deep/a.md', '.git/HEAD', 'knowledge/.draft.md'])
  const files = await readTenantDirectory(dir)
  assert.deepEqual(
    [...files].map(([path, content]) => [path, Buffer.from(content).toString('utf8')]).sort(),
    [
      ['knowledge/deep/a.md', 'knowledge/deep/a.md'],
      ['tenant.yaml', 'tenant.yaml'],
    ],
  )
})
