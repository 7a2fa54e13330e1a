import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../../support/installation.js'
import { CASES } from '../cases/index.js'
import type { Result } from './case.js'
import { block, withBlock } from './page.js'

const passed: Result = {
  case: 9,
  title: 'kill a|b',
  status: 'passed',
  figures: { lost: 0, startMs: 12 },
  seconds: 1.5,
}
const skipped: Result = { ...passed, case: 20, status: 'skipped', figures: {}, reason: 'not here: prlimit' }

test('the block has the counts, one row for each case, and why one was skipped', () => {
  const text = block([passed, skipped], {
    length: 'scaled',
    at: new Date(0),
    cores: 2,
    seconds: 905.4,
  })
  assert.equal(
    text,
    `1970-01-01, 2 cores, scaled durations: 1 passed, 0 failed, 1 skipped, in 15 min 5 s.

| case | fault | status | figures | seconds |
|---|---|---|---|---|
| 9 | kill a\\|b | passed | lost 0, startMs 12 | 1.5 |
| 20 | kill a\\|b | skipped | not here: prlimit | 1.5 |`,
  )
})

test('only what stands between the markers is replaced; a page without them is refused', async () => {
  const page = await readFile(join(root, 'docs', 'faults.md'), 'utf8')
  const once = withBlock(page, 'one')
  assert.equal(withBlock(once, 'two'), withBlock(page, 'two'))
  assert.ok(once.includes('\none\n'))
  assert.throws(() => withBlock('no markers', 'x'), /markers/)
})

test('every case has a number of its own', () => {
  assert.equal(new Set(CASES.map(({ number }) => number)).size, CASES.length)
})
