import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from '../support/installation.js'

type OpenLogFile = (
  path: string,
  onError: (error: NodeJS.ErrnoException) => void,
  maxBytes?: number,
) => { write(data: Buffer): void }

async function openLogFile(): Promise<OpenLogFile> {
  const url = pathToFileURL(join(root, 'scripts', 'start', 'log-file.mjs')).href
  return ((await import(url)) as { openLogFile: OpenLogFile }).openLogFile
}

test('a log of the launcher stays below twice its size, whole lines and the newest are kept', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yz-log-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'log', 'edge.log')
  const log = (await openLogFile())(path, (error) => assert.fail(error), 100)
  for (let i = 10; i < 30; i++) log.write(Buffer.from(`line ${i} ${'x'.repeat(31)}\n`))
  assert.deepEqual((await readdir(join(dir, 'log'))).sort(), ['edge.log', 'edge.log.1'])
  const kept = `${await readFile(`${path}.1`, 'utf8')}${await readFile(path, 'utf8')}`
  assert.deepEqual(kept.match(/line \d+/g), ['line 26', 'line 27', 'line 28', 'line 29'])
})

test('a log that cannot be written is told once and ends nothing', async () => {
  const told: (string | undefined)[] = []
  const log = (await openLogFile())('/dev/full', ({ code }) => told.push(code))
  log.write(Buffer.from('one\n'))
  log.write(Buffer.from('two\n'))
  assert.deepEqual(told, ['ENOSPC'])
})
