import { writeFile } from 'node:fs/promises'
import { readCommandLine } from '../support/command-line.js'
import { benchChat } from './chat.js'
import { benchEdge } from './edge.js'
import { benchGateway } from './gateway.js'
import { benchIntents, INTENT_SETS } from './intents.js'
import { lineCharts } from './line-chart.js'
import { benchLink } from './link.js'
import { type Row, report, table } from './report.js'
import { benchRetrieval } from './retrieval.js'
import { benchSoak, type Soak } from './soak.js'
import { benchStore } from './store.js'
import { benchTenants } from './tenants.js'

const say = (text: string) => void process.stderr.write(`${text}\n`)
const isCount = (value: number) => Number.isInteger(value) && value > 0
const rowsOnly = (rows: Row[]): Soak => ({ rows, wrong: [], samples: [], charts: [] })
const BENCHMARKS: Readonly<Record<string, () => Promise<Soak>>> = {
  chat: async () => rowsOnly(await benchChat(say, { profileDir: values['cpu-profile'] })),
  edge: async () => rowsOnly(await benchEdge(say)),
  gateway: async () => rowsOnly(await benchGateway(say)),
  intents: async () =>
    rowsOnly(await benchIntents(say, { ...values, data: values.data[0] ?? process.env.YIZHAN_DATA })),
  link: async () => rowsOnly(await benchLink(say)),
  retrieval: async () => rowsOnly(await benchRetrieval(say, values.data)),
  store: async () => rowsOnly(await benchStore(say)),
  tenants: async () => rowsOnly(await benchTenants(say)),
  soak: () => benchSoak(say, { minutes, rate }),
}

const USAGE = `npm run bench -- NAME [--json FILE]
npm run bench -- chat [--cpu-profile DIR] [--json FILE]
npm run bench -- intents [--data DIR] [--sets ${Object.keys(INTENT_SETS).join(',')}] [--seeds 3] [--profile best|fast]
  DIR holds the sets as JSONL; default YIZHAN_DATA
npm run bench -- retrieval [--data FILE.jsonl]… [--json FILE]
npm run bench -- soak [--minutes 30] [--rate 200] [--json FILE] [--plot FILE.svg]
  NAME: ${Object.keys(BENCHMARKS).join(', ')}
`
const { values, positionals } = readCommandLine(
  {
    allowPositionals: true,
    options: {
      'cpu-profile': { type: 'string' },
      data: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
      json: { type: 'string' },
      minutes: { type: 'string', default: '30' },
      plot: { type: 'string' },
      profile: { type: 'string' },
      rate: { type: 'string', default: '200' },
      seeds: { type: 'string' },
      sets: { type: 'string' },
    },
  },
  USAGE,
)
const [minutes, rate] = [Number(values.minutes), Number(values.rate)]
const [name = ''] = positionals
const run = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined
if (run === undefined || positionals.length !== 1 || !isCount(minutes) || !isCount(rate)) {
  process.stderr.write(USAGE)
  process.exit(2)
}
const { rows, wrong, samples, charts } = await run()
const result = { ...report(name, rows), ...(samples.length > 0 ? { wrong, samples } : {}) }
process.stdout.write(`${table(result)}\n`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`)
if (values.plot !== undefined) await writeFile(values.plot, lineCharts(charts, { unit: 'min' }))
for (const line of wrong.slice(0, 50)) say(`WRONG: ${line}`)
process.exit(wrong.length > 0 ? 1 : 0)
