import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Case, type Figures, Skipped } from './runner/case.js'
import type { Need } from './runner/needs.js'

/** A test file of this folder as a case; with more kills than `npm test` has time for. Its figures are its diagnostics. */
export function suiteCase(
  number: number | string,
  title: string,
  file: string,
  {
    needs = [],
    kills = [25, 25],
  }: { needs?: readonly Need[]; kills?: readonly [scaled: number, full: number] } = {},
): Case {
  return {
    number,
    title,
    needs,
    timeoutMs: [240_000, 600_000],
    async run({ after, pick }) {
      const path = fileURLToPath(new URL(`./${file}.test.js`, import.meta.url))
      // Otherwise node takes itself for a part of another run of tests.
      const { NODE_TEST_CONTEXT: _of, ...env } = process.env
      const child = spawn(process.execPath, ['--test', '--test-reporter=tap', path], {
        env: { ...env, YIZHAN_TEST_KILLS: String(pick(...kills)) },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      after(() => child.kill('SIGTERM'))
      let tap = ''
      child.stdout.on('data', (data: Buffer) => {
        tap += data.toString()
      })
      const [code] = await once(child, 'close')
      const skipped = /# SKIP(.*)$/m.exec(tap)
      if (code === 0 && skipped) throw new Skipped(skipped[1]?.trim() ?? '')
      if (code !== 0) throw Object.assign(new Error(tap.slice(-6_000)), { figures: figuresIn(tap) })
      return figuresIn(tap)
    },
  }
}

/** What a suite says of itself: numbers of the JSON in its diagnostics, or its words. */
function figuresIn(tap: string): Figures {
  const figures: Record<string, number | string> = {}
  for (const [, line = ''] of tap.matchAll(/^# (.+)$/gm)) {
    const [, json] = /: (\{[^}]*\})/.exec(line) ?? []
    if (json !== undefined) Object.assign(figures, JSON.parse(json))
    else if (!/^(Subtest|tests|suites|pass|fail|cancelled|skipped|todo|duration_ms)\b/.test(line))
      figures.said = line
  }
  return figures
}
