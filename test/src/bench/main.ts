import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { benchEdge } from './edge.js'
import { benchIntents, INTENT_SETS } from './intents.js'
import { benchLink } from './link.js'
import { report, table } from './report.js'
import { benchStore } from './store.js'
import { benchTenants } from './tenants.js'

const BENCHMARKS = {
  edge: benchEdge,
  intents: benchIntents,
  link: benchLink,
  store: benchStore,
  tenants: benchTenants,
} as const

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    data: { type: 'string' },
    sets: { type: 'string' },
    seeds: { type: 'string' },
    profile: { type: 'string' },
  },
})
const [name = ''] = positionals
if (!Object.hasOwn(BENCHMARKS, name) || positionals.length !== 1) {
  process.stderr.write(`npm run bench -- NAME [--json FILE]
  NAME: ${Object.keys(BENCHMARKS).join(', ')}
  intents [--data DIR] [--sets ${Object.keys(INTENT_SETS).join(',')}] [--seeds N] [--profile fast|best]
    DIR holds the sets as JSONL; default YIZHAN_DATA
`)
  process.exit(2)
}
const result = report(
  name,
  await BENCHMARKS[name as keyof typeof BENCHMARKS]((text) => process.stderr.write(`${text}\n`), {
    data: process.env.YIZHAN_DATA,
    ...values,
  }),
)
process.stdout.write(`${table(result)}\n`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`)
process.exit(0)
