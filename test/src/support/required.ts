import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'

/**
 * Whether a program is here. If not: with YIZHAN_TEST_REQUIRE=all the test fails, else it is skipped and says so.
 * Use: `if (!available(t, 'mosquitto_pub')) return`.
 */
export function available(t: TestContext, program: string): boolean {
  const found = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  if (found) return true
  if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw new Error(`${program} is required and not here`)
  t.skip(`SKIPPED: ${program} is not here`)
  return false
}
