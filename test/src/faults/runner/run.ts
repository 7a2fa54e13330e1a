import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Case, Length, Result } from './case.js'
import { unmet } from './needs.js'

const CHILD = fileURLToPath(new URL('./run-case.js', import.meta.url))
const DEFAULT_MS = [300_000, 1_800_000] as const
const CLEAN_UP_MS = 30_000

export interface RunOptions {
  readonly length: Length
  /** Of the random numbers; default of the clock. */
  readonly seed?: number
  /** How many cases run side by side; default 1. Most of them wait most of the time. */
  readonly atOnce?: number
  /** Told before and after each case. */
  readonly say: (text: string) => void
}

const limitOf = ({ timeoutMs = DEFAULT_MS }: Case) => timeoutMs[0]

/** Runs the cases, each in a process of its own, and gives their results in the order of the cases. */
export async function runCases(cases: readonly Case[], options: RunOptions): Promise<Result[]> {
  const { atOnce = 1 } = options
  const results: Result[] = []
  // The longest first: they end last in whatever order.
  const inOrder = [...cases.entries()].sort(([, a], [, b]) => limitOf(b) - limitOf(a))
  await runSome(
    inOrder.filter(([, { measures }]) => !measures),
    { ...options, atOnce },
    results,
  )
  const few = Math.min(atOnce, 2)
  await runSome(
    inOrder.filter(([, { measures }]) => measures),
    { ...options, atOnce: few },
    results,
  )
  return results
}

async function runSome(
  cases: readonly (readonly [number, Case])[],
  options: RunOptions,
  results: Result[],
): Promise<void> {
  const waiting = cases.values()
  const runOneByOne = async () => {
    for (const [at, one] of waiting) {
      options.say(`case ${one.number}: ${one.title}`)
      const result = await runCase(one, options)
      const { status, seconds, figures, reason } = result
      options.say(`case ${one.number} ${status.toUpperCase()} in ${seconds} s ${JSON.stringify(figures)}`)
      if (reason !== undefined) options.say(`  ${reason}`)
      results[at] = result
    }
  }
  await Promise.all(Array.from({ length: options.atOnce ?? 1 }, runOneByOne))
}

type Outcome = Pick<Result, 'status' | 'figures' | 'reason'>

async function runCase(one: Case, options: RunOptions): Promise<Result> {
  const started = performance.now()
  const missing = unmet(one.needs)
  const outcome: Outcome =
    missing.length > 0
      ? { status: 'skipped', figures: {}, reason: `not here, or not allowed: ${missing.join(', ')}` }
      : await inProcess(one, options)
  const seconds = Math.round((performance.now() - started) / 100) / 10
  return { case: one.number, title: one.title, seconds, ...outcome }
}

async function inProcess(one: Case, { length, seed, say }: RunOptions): Promise<Outcome> {
  const [scaledMs, fullMs] = one.timeoutMs ?? DEFAULT_MS
  const limitMs = length === 'full' ? fullMs : scaledMs
  const theSeed = seed ?? Date.now() % 1_000_000
  const args = [String(one.number), String(theSeed), length]
  const child = fork(CHILD, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], ...networkOf(one) })
  let outcome: Outcome | undefined
  child.on('message', (message) => {
    outcome = message as Outcome
  })
  const timeUp = setTimeout(() => child.kill('SIGTERM'), limitMs)
  const stuck = setTimeout(() => child.kill('SIGKILL'), limitMs + CLEAN_UP_MS)
  const [code, signal] = await once(child, 'exit')
  clearTimeout(timeUp)
  clearTimeout(stuck)
  if (outcome?.status === 'failed') say(`  again with: --only ${one.number} --seed ${theSeed}`)
  return outcome ?? { status: 'failed', figures: {}, reason: `the case ended with ${signal ?? code}` }
}

/** What it does to a network of its own is gone with its process. */
function networkOf({ needs }: Case): { readonly execPath?: string; readonly execArgv?: string[] } {
  return needs.includes('netns') ? { execPath: 'unshare', execArgv: ['--net', process.execPath] } : {}
}
