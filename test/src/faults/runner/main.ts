import { writeFile } from 'node:fs/promises'
import { readCommandLine } from '../../support/command-line.js'
import { CASES } from '../cases/index.js'
import { faultTable, minutes, writePage } from './page.js'
import { runCases } from './run.js'

const USAGE = `npm run test:faults -- [--only 9,13] [--json FILE] [--full] [--seed N] [--at-once N] [--list]
  --only     these cases; without it all of them, and docs/faults.md gets the table
  --full     real durations instead of scaled ones
  --at-once  how many cases run side by side; default 3, and of those that measure times at most 2
`

const { values } = readCommandLine(
  {
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      full: { type: 'boolean', default: false },
      seed: { type: 'string' },
      'at-once': { type: 'string', default: '3' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  },
  USAGE,
)

const say = (text: string) => void process.stderr.write(`${text}\n`)
const fail = (text: string): never => {
  say(text)
  process.exit(2)
}

if (values.list) {
  for (const { number, title, needs, quick } of CASES) {
    const marks = [...(quick ? ['quick'] : []), ...needs.map((need) => `needs ${need}`)]
    process.stdout.write(
      `${String(number).padEnd(22)} ${title}${marks.length > 0 ? ` [${marks.join(', ')}]` : ''}\n`,
    )
  }
  process.exit(0)
}
const wanted = values.only?.split(',').map((word) => word.trim())
const unknown = wanted?.filter((word) => !CASES.some(({ number }) => String(number) === word)) ?? []
if (unknown.length > 0) fail(`there is no case ${unknown.join(', ')}; see --list`)
const seed = values.seed === undefined ? undefined : Number(values.seed)
if (seed !== undefined && !Number.isSafeInteger(seed)) fail(`--seed takes a whole number, not ${values.seed}`)

const atOnce = Number(values['at-once'])
if (!Number.isSafeInteger(atOnce) || atOnce < 1)
  fail(`--at-once takes a number from 1, not ${values['at-once']}`)

const length = values.full ? 'full' : 'scaled'
const chosen = wanted ? CASES.filter(({ number }) => wanted.includes(String(number))) : CASES
const began = performance.now()
const results = await runCases(chosen, {
  length,
  atOnce,
  ...(seed === undefined ? {} : { seed }),
  say,
})
const seconds = (performance.now() - began) / 1_000
process.stdout.write(`${faultTable(results)}\n`)
say(`${results.length} cases in ${minutes(seconds)}`)
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
}
if (wanted === undefined) await writePage(results, { length, seconds })

const failed = results.filter(({ status }) => status === 'failed')
const skipped = results.filter(({ status }) => status === 'skipped')
for (const { case: number, reason } of skipped) say(`SKIPPED ${number}: ${reason}`)
const strict = process.env.YIZHAN_TEST_REQUIRE === 'all'
process.exit(failed.length > 0 || (strict && skipped.length > 0) ? 1 : 0)
