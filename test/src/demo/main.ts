import { writeFileSync } from 'node:fs'
import { parseArgs, stripVTControlCharacters } from 'node:util'
import type { Language } from './questions.js'
import { tellStory } from './story.js'
import { startTimeline } from './timeline.js'
import { judge, type Verdict } from './verdict.js'
import { WORDS, type Words } from './words.js'

const USAGE =
  'npm run demo:wan-cut -- [--lang zh|en] [--json] [--record FILE]\n  exit code 0 if every check holds, 1 if not'
/** It takes less than a minute; a machine that is busy with other things gets more before it counts as stuck. */
const LIMIT_S = 150

function options() {
  const { LANG, LC_ALL, LC_MESSAGES, YIZHAN_LANG } = process.env
  const system = YIZHAN_LANG || LC_ALL || LC_MESSAGES || LANG || ''
  const { values } = parseArgs({
    options: {
      lang: { type: 'string', default: system.toLowerCase().startsWith('zh') ? 'zh' : 'en' },
      json: { type: 'boolean', default: false },
      record: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.lang !== 'zh' && values.lang !== 'en') throw new Error(`--lang ${values.lang}: zh or en`)
  return { ...values, lang: values.lang as Language }
}

/** Runs the demo; the exit code. */
async function main(): Promise<number> {
  let given: ReturnType<typeof options>
  try {
    given = options()
  } catch (thrown) {
    process.stderr.write(`${(thrown as Error).message}\n${USAGE}\n`)
    return 2
  }
  if (given.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const words = WORDS[given.lang]
  const colours = process.stdout.isTTY === true && !process.env.NO_COLOR && !given.json
  const lines: string[] = []
  const print = (line: string) => {
    lines.push(stripVTControlCharacters(line))
    if (!given.json) process.stdout.write(`${line}\n`)
  }
  const timeline = startTimeline(() => performance.now(), words.names, { colours, print })

  const ending: (() => unknown)[] = []
  const end = async () => {
    for (const fn of ending.splice(0).reverse()) await fn()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void end().finally(() => process.exit(1)))
  }
  const limit = setTimeout(() => {
    print(`${words.failed}: ${words.tooLong(LIMIT_S)}`)
    void end().finally(() => process.exit(1))
  }, LIMIT_S * 1000)
  try {
    const transcript = await tellStory(
      { after: (fn) => ending.push(fn) },
      { language: given.lang, words },
      timeline,
    )
    const verdict = judge(transcript)
    const tookMs = timeline.events.at(-1)?.atMs ?? 0
    for (const line of report(verdict, words, tookMs)) print(line)
    if (given.json)
      process.stdout.write(`${JSON.stringify({ ...verdict, tookMs, events: timeline.events })}\n`)
    if (given.record !== undefined) writeFileSync(given.record, `${lines.join('\n')}\n`)
    return verdict.ok ? 0 : 1
  } finally {
    clearTimeout(limit)
    await end()
  }
}

function report(verdict: Verdict, words: Words, tookMs: number): string[] {
  const checks = verdict.checks.map(
    ({ name, ok, seen }) =>
      `  ${ok ? '✓' : '✗'} ${words.checks[name]}${ok ? '' : `: ${JSON.stringify(seen)}`}`,
  )
  return [
    '',
    ...checks,
    '',
    `  ${words.totals(verdict)}`,
    `  ${words.sha(verdict)}`,
    `  ${verdict.ok ? words.passed((tookMs / 1000).toFixed(1)) : words.failed}`,
  ]
}

process.exitCode = await main()
