import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { WrittenTrace } from './written-trace.js'

async function cut(t: TestContext, content: Buffer | string, trace: (path: string) => string[], before = 0) {
  const dir = await mkdtemp(join(tmpdir(), 'yz-trace-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'log')
  await writeFile(path, content)
  const sizes = new Map(before > 0 ? [[path, before]] : [])
  const found = await new WrittenTrace(trace(path).join('\n'), sizes).cutPower((one) => one === path)
  return { ...found, content: await readFile(path) }
}

test('what was appended after the last sync goes, what a sync covers stays', async (t) => {
  const { content, bytesCut } = await cut(t, 'aaaabbbb', (path) => [
    `7 openat(AT_FDCWD</x>, "${path}", O_WRONLY|O_CREAT|O_TRUNC, 0600) = 3<${path}>`,
    `7 write(3<${path}>, "aaaa", 4) = 4`,
    `7 fdatasync(3<${path}>) = 0`,
    `8 write(3<${path}>, "bbbb", 4) = 4`,
  ])
  assert.deepEqual([content.toString(), bytesCut], ['aaaa', 4])
})

test('a sync that fails, or has not ended, or began before the write covers nothing', async (t) => {
  const lines = (sync: (path: string) => string[]) => (path: string) => [
    `7 write(3<${path}>, "aaaa", 4) = 4`,
    ...sync(path),
  ]
  const failed = await cut(
    t,
    'aaaa',
    lines((path) => [`7 fdatasync(3<${path}>) = -1 EIO (Input/output error)`]),
  )
  assert.equal(failed.content.length, 0)
  const open = await cut(
    t,
    'aaaa',
    lines((path) => [`7 fdatasync(3<${path}> <unfinished ...>`]),
  )
  assert.equal(open.content.length, 0)
  const early = await cut(t, 'aaaabbbb', (path) => [
    `7 write(3<${path}>, "aaaa", 4) = 4`,
    `7 fdatasync(3<${path}> <unfinished ...>`,
    `8 write(3<${path}>, "bbbb", 4) = 4`,
    '7 <... fdatasync resumed>) = 0',
  ])
  assert.equal(early.content.toString(), 'aaaa')
})

test('in a file that was made in advance, what was not synced is zeroes again', async (t) => {
  const { content } = await cut(t, Buffer.from('aaaabbbb\0\0\0\0'), (path) => [
    `7 write(3<${path}>, "\\x00\\x00\\x00\\x00"..., 12) = 12`,
    `7 pwrite64(3<${path}>, "aaaa", 4, 0) = 4`,
    `7 fdatasync(3<${path}>) = 0`,
    `7 pwrite64(3<${path}>, "bbbb", 4, 4) = 4`,
  ])
  assert.equal(content.toString(), 'aaaa\0\0\0\0\0\0\0\0')
})

test('a file from before is appended to at its end; a rename takes what is known along', async (t) => {
  const appended = await cut(t, 'oldnew', (path) => [`7 write(3<${path}>, "new", 3) = 3`], 3)
  assert.equal(appended.content.toString(), 'old')
  const renamed = await cut(t, 'aaaa', (path) => [
    `7 write(3<${path}.tmp>, "aaaa", 4) = 4`,
    `7 rename("${path}.tmp", "${path}") = 0`,
  ])
  assert.equal(renamed.content.length, 0)
})
