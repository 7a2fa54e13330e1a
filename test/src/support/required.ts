import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'

/**
 * Whether a program is here. If not: with YIZHAN_TEST_REQUIRE=all the test fails, else it is skipped and says so.
 * Use: `if (!available(t, 'mosquitto_pub')) return`.
 */
export function available(t: TestContext, program: string): boolean {
  return found(t, program, spawnSync('sh', ['-c', `command -v ${program}`]).status === 0)
}

/** The same for a module of python3. */
export function availableInPython(t: TestContext, module: string): boolean {
  return found(t, `python3 with ${module}`, spawnSync('python3', ['-c', `import ${module}`]).status === 0)
}

function found(t: TestContext, what: string, isHere: boolean): boolean {
  if (isHere) return true
  if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw new Error(`${what} is required and not here`)
  t.skip(`SKIPPED: ${what} is not here`)
  return false
}
