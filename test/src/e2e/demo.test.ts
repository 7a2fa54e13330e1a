import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Verdict } from '../demo/verdict.js'
import { root } from '../support/installation.js'

const execute = promisify(execFile)
const run = (name: string, ...args: string[]) =>
  execute('npm', ['run', '-s', name, '--', ...args], { cwd: root, env: { ...process.env, LANG: 'C' } })
const demo = (...args: string[]) => run('demo:wan-cut', ...args)

test('npm run demo:wan-cut loses, doubles and reorders nothing, and the cut text is the uncut one', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yz-demo-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const record = join(dir, 'transcript.txt')
  const { stdout } = await demo('--json', '--record', record)
  const verdict = JSON.parse(stdout) as Verdict & { readonly tookMs: number }
  assert.deepEqual(
    verdict.checks.filter(({ ok }) => !ok),
    [],
  )
  const { asked, answered, lost, doubled, reordered } = verdict
  assert.deepEqual([answered, lost, doubled, reordered], [asked, 0, 0, 0])
  assert.equal(verdict.sha256.cut, verdict.sha256.uncut)
  assert.deepEqual(verdict.pieces.attempts, [1])
  assert.ok(verdict.pieces.beforeCut < verdict.pieces.all)
  const transcript = await readFile(record, 'utf8')
  assert.match(transcript, /CUT in the middle[\s\S]*RESTORED[\s\S]*goes on where it stopped/)
  assert.match(transcript, /lost 0 · doubled 0 · reordered 0/)
  assert.ok(!transcript.includes('\u001b'))
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const [, shown = ''] = /^```text demo\n([\s\S]*?)^```$/m.exec(readme) ?? []
  assert.deepEqual(wordsOf(shown), wordsOf(transcript), 'README shows the output of now')
})

/** The lines without what differs from run to run: times, tickets, digests, and what comes just before what. */
function wordsOf(transcript: string): string[] {
  const lines = transcript.split('\n').filter((line) => line.trim() !== '')
  return lines
    .map((line) =>
      line
        .replace(/[0-9a-f]{8,}…/g, '#')
        .replace(/\d+/g, '#')
        .replace(/\s+/g, ' '),
    )
    .sort()
}

test('the demos refuse an option that they do not know', async () => {
  await assert.rejects(demo('--langue', 'zh'), { code: 2 })
  await assert.rejects(run('demo:fair', '--flood', 'much'), { code: 2 })
})
