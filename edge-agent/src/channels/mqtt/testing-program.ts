import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'

/** Whether a program is here; if not, the test is skipped by name, or fails with YIZHAN_TEST_REQUIRE=all. */
export function hasProgram(t: TestContext, program: string): boolean {
  const found = spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', program]).status === 0
  if (found) return true
  if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw new Error(`${program} is required and not here`)
  t.skip(`SKIPPED: ${program} is not here`)
  return false
}

export interface Program {
  /** The next line on stdout. */
  line(): Promise<string>
  /** Exit code and all of stderr. */
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>
}

export function run(t: TestContext, program: string, args: readonly string[]): Program {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill())
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  let rest = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) {
      const waiter = waiting.shift()
      if (waiter) waiter(line)
      else lines.push(line)
    }
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return {
    line: () => {
      const ready = lines.shift()
      return ready === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ready)
    },
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr }))),
  }
}
