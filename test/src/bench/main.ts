import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { benchEdge } from './edge.js'
import { benchLink } from './link.js'
import { report, table } from './report.js'
import { benchStore } from './store.js'
import { benchTenants } from './tenants.js'

const BENCHMARKS = { edge: benchEdge, link: benchLink, store: benchStore, tenants: benchTenants } as const

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } })
const [name = ''] = positionals
if (!Object.hasOwn(BENCHMARKS, name) || positionals.length !== 1) {
  process.stderr.write(`npm run bench -- NAME [--json FILE]\n  NAME: ${Object.keys(BENCHMARKS).join(', ')}\n`)
  process.exit(2)
}
const result = report(
  name,
  await BENCHMARKS[name as keyof typeof BENCHMARKS]((text) => process.stderr.write(`${text}\n`)),
)
process.stdout.write(`${table(result)}\n`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`)
process.exit(0)
