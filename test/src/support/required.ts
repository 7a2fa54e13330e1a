import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'

/**
 * Whether a program is here. If not: with YIZHAN_TEST_REQUIRE=all the test fails, else it is skipped and says so.
 * Use: `if (!available(t, 'mosquitto_pub')) return`.
 */
export function available(t: TestContext, program: string): boolean {
  return found(t, program, spawnSync('sh', ['-c', `command -v ${program}`]).status === 0)
}

/** A Python that has the module: the first on the PATH, or the system's own. Otherwise as above. */
export function pythonWith(t: TestContext, module: string): string | undefined {
  const pythons = ['python3', '/usr/bin/python3']
  const python = pythons.find((one) => spawnSync(one, ['-c', `import ${module}`]).status === 0)
  found(t, `python3 with ${module}`, python !== undefined)
  return python
}

/** Whether it is here, as the caller has found out; otherwise as above. */
export function found(t: TestContext, what: string, isHere: boolean): boolean {
  if (isHere) return true
  if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw new Error(`${what} is required and not here`)
  t.skip(`SKIPPED: ${what} is not here`)
  return false
}
