import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { type ErasureLogFiles, openErasureLog, readErasureLog } from './erasure-log.js'
import { acme, refused, testSigner } from './testing/stand.js'

async function place(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-erasure-log-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const signer = testSigner()
  const opened: ErasureLogFiles[] = []
  t.after(async () => {
    for (const log of opened) await log.close()
  })
  const open = async (...paths: readonly string[]) => {
    const log = await openErasureLog({ signer, log: silentLogger() }, { paths })
    opened.push(log)
    return log
  }
  return { a: join(dir, 'a', 'log.jsonl'), b: join(dir, 'b', 'log.jsonl'), signer, open }
}

const entry = (n: number) => ({ tenant: acme, subject: `sub_${n}`, erasureId: `era_${n}`, at: 1_000 + n })

async function written(t: TestContext, count: number) {
  const p = await place(t)
  const log = await p.open(p.a)
  for (let n = 1; n <= count; n++) await log.append(entry(n))
  await log.close()
  return { ...p, lines: (await readFile(p.a, 'utf8')).split('\n').slice(0, -1) }
}

test('a log without a place is refused', async (t) => {
  const { open } = await place(t)
  await assert.rejects(open(), refused('config_invalid'))
})

for (const [what, change, problem] of [
  [
    'a changed name',
    (lines: string[]) => lines.map((l, i) => (i === 1 ? l.replace('sub_2', 'sub_9') : l)),
    { line: 2, what: 'signature' },
  ],
  [
    'a line that was taken out',
    (lines: string[]) => lines.filter((_, i) => i !== 1),
    { line: 2, what: 'chain' },
  ],
  ['a first line that was taken out', (lines: string[]) => lines.slice(1), { line: 1, what: 'chain' }],
  [
    'two lines in the wrong order',
    (lines: string[]) => [lines[1], lines[0], lines[2]],
    { line: 1, what: 'chain' },
  ],
  [
    'a line that is no JSON',
    (lines: string[]) => [lines[0], '{"format":1', lines[2]],
    { line: 2, what: 'malformed' },
  ],
] as const) {
  test(`${what} is found, and the log is not opened over it`, async (t) => {
    const { a, lines, signer, open } = await written(t, 3)
    await writeFile(a, `${change(lines).join('\n')}\n`)
    assert.deepEqual((await readErasureLog(a, signer.publicKeys)).problem, problem)
    await assert.rejects(open(a), refused('data_corrupt'))
  })
}

test('a line of another log of the same center does not fit in', async (t) => {
  const { a, b, lines, signer, open } = await written(t, 3)
  const other = await open(b)
  for (const n of [7, 8]) await other.append(entry(n))
  const [, foreign] = (await readFile(b, 'utf8')).split('\n')
  await writeFile(a, `${[lines[0], foreign].join('\n')}\n`)
  assert.deepEqual((await readErasureLog(a, signer.publicKeys)).problem, { line: 2, what: 'chain' })
})

test('a log that was signed by somebody else is no log of ours', async (t) => {
  const { a } = await written(t, 1)
  const { problem, entries } = await readErasureLog(a, testSigner().publicKeys)
  assert.deepEqual([problem?.what, entries], ['key', []])
})

test('what is appended is there in order, also by many at once and after a restart', async (t) => {
  const { a, open, signer } = await place(t)
  const log = await open(a)
  await Promise.all([1, 2, 3, 4, 5].map((n) => log.append(entry(n))))
  await log.close()
  const again = await open(a)
  await again.append(entry(6))
  await again.append(entry(2))
  const { entries, problem } = await readErasureLog(a, signer.publicKeys)
  assert.equal(problem, undefined)
  assert.deepEqual(entries, [1, 2, 3, 4, 5, 6].map(entry))
  assert.deepEqual(await again.read(), entries)
})

test('a line that was cut short by a crash is taken off, and the next goes in its place', async (t) => {
  const { a, open, signer } = await written(t, 2)
  await appendFile(a, '{"at":1003,"erasureId":"er')
  assert.equal((await readErasureLog(a, signer.publicKeys)).torn, true)
  const log = await open(a)
  await log.append(entry(3))
  const { entries, torn } = await readErasureLog(a, signer.publicKeys)
  assert.deepEqual([entries, torn], [[1, 2, 3].map(entry), false])
})

test('a second path gets all of it, and one that was behind is brought up to date', async (t) => {
  const { a, b, open } = await written(t, 2)
  const both = await open(a, b)
  await both.append(entry(3))
  await both.close()
  assert.equal(await readFile(b, 'utf8'), await readFile(a, 'utf8'))
  const one = await open(a)
  await one.append(entry(4))
  await one.close()
  await (await open(b, a)).close()
  assert.equal(await readFile(b, 'utf8'), await readFile(a, 'utf8'))
})

test('two logs that say different things are not mixed', async (t) => {
  const { a, b, open } = await written(t, 2)
  const other = await open(b)
  await other.append(entry(7))
  await other.close()
  await assert.rejects(open(a, b), refused('data_corrupt'))
  await copyFile(a, b)
  await (await open(a, b)).close()
})

test('a file that is not there has no entries', async (t) => {
  const { a, signer } = await place(t)
  assert.deepEqual(await readErasureLog(a, signer.publicKeys), { entries: [], torn: false })
})
