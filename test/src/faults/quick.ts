import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CASES } from './cases/index.js'
import type { Case } from './runner/case.js'
import { runCases } from './runner/run.js'

/** The quick cases that fit, as tests; a file of tests has 180 s, and so they are in several. */
export function quickCases(fits: (one: Case) => boolean): void {
  for (const one of CASES.filter((each) => each.quick && fits(each))) {
    test(`case ${one.number}: ${one.title}`, async (t) => {
      const [result] = await runCases([one], { length: 'quick', say: (text) => t.diagnostic(text) })
      if (result?.status === 'skipped' && process.env.YIZHAN_TEST_REQUIRE !== 'all') {
        t.skip(`SKIPPED: ${result.reason}`)
        return
      }
      assert.equal(result?.status, 'passed', result?.reason)
    })
  }
}

const KILLS: readonly Case['number'][] = [9, 11]

/** Whether a case kills again and again: those take longest. */
export const killsOften = ({ number }: Case): boolean => KILLS.includes(number)
