import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CASES } from './cases/index.js'
import { runCases } from './runner/run.js'

for (const one of CASES.filter(({ quick }) => quick)) {
  test(`case ${one.number}: ${one.title}`, async (t) => {
    const [result] = await runCases([one], { length: 'quick', say: (text) => t.diagnostic(text) })
    if (result?.status === 'skipped' && process.env.YIZHAN_TEST_REQUIRE !== 'all') {
      t.skip(`SKIPPED: ${result.reason}`)
      return
    }
    assert.equal(result?.status, 'passed', result?.reason)
  })
}
