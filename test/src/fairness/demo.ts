import { parseArgs } from 'node:util'
import { percentile } from '../bench/report.js'
import { TwoTenants, type Waits } from './two-tenants.js'

const USAGE =
  'npm run demo:fair -- [--lang zh|en] [--json] [--flood N]\n  exit code 0 if the fair queue made the second tenant wait less, 1 if not'
const QUESTIONS = 5
const PLACES = 4
/** It takes less than a minute; a machine that is busy with other things gets more before it counts as stuck. */
const LIMIT_S = 180

const WORDS = {
  en: {
    start: (places: number) =>
      `starting two centers before an engine with ${places} places, two branches each`,
    flood: (order: string, requests: number) =>
      `${order}: tenant A asks ${requests} at once, tenant B ${QUESTIONS} in turn`,
    orders: { fair: 'fair queue', fifo: 'first come, first served' },
    head: ['B waits for', 'first word p50', 'first word most', 'whole answer p50', 'whole answer most'],
    times: (factor: string) => `B's answers begin ${factor} times as soon under the fair queue.`,
    stuck: `it did not end within ${LIMIT_S} s`,
  },
  zh: {
    start: (places: number) => `启动两个中心（引擎并发 ${places}），各有两个分支`,
    flood: (order: string, requests: number) =>
      `${order}：租户 A 同时提问 ${requests} 次，租户 B 依次提问 ${QUESTIONS} 次`,
    orders: { fair: '公平队列', fifo: '先来先服务' },
    head: ['租户 B 等待', '首字 p50', '首字最长', '完整回答 p50', '完整回答最长'],
    times: (factor: string) => `公平队列下，B 的回答开始得快 ${factor} 倍。`,
    stuck: `${LIMIT_S} 秒内未结束`,
  },
} as const

type Language = keyof typeof WORDS

function options() {
  const { LANG, LC_ALL, LC_MESSAGES, YIZHAN_LANG } = process.env
  const system = YIZHAN_LANG || LC_ALL || LC_MESSAGES || LANG || ''
  const { values } = parseArgs({
    options: {
      lang: { type: 'string', default: system.toLowerCase().startsWith('zh') ? 'zh' : 'en' },
      flood: { type: 'string', default: '200' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const flood = Number(values.flood)
  if (values.lang !== 'zh' && values.lang !== 'en') throw new Error(`--lang ${values.lang}: zh or en`)
  if (!Number.isInteger(flood) || flood < 1 || flood > 5_000) throw new Error('--flood: 1 to 5000')
  return { ...values, flood, lang: values.lang as Language }
}

interface Row {
  readonly order: 'fair' | 'fifo'
  readonly firstP50Ms: number
  readonly firstMostMs: number
  readonly wholeP50Ms: number
  readonly wholeMostMs: number
}

function rowOf(order: Row['order'], { firstMs, wholeMs }: Waits): Row {
  return {
    order,
    firstP50Ms: Math.round(percentile(firstMs, 0.5)),
    firstMostMs: Math.round(Math.max(...firstMs)),
    wholeP50Ms: Math.round(percentile(wholeMs, 0.5)),
    wholeMostMs: Math.round(Math.max(...wholeMs)),
  }
}

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
  const say = (line: string) => given.json || process.stdout.write(`${line}\n`)
  const ending: (() => unknown)[] = []
  const end = async () => {
    for (const fn of ending.splice(0).reverse()) await fn()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void end().finally(() => process.exit(1)))
  }
  const limit = setTimeout(() => {
    process.stderr.write(`${words.stuck}\n`)
    void end().finally(() => process.exit(1))
  }, LIMIT_S * 1_000)
  try {
    say(words.start(PLACES))
    const scope = { after: (fn: () => unknown) => ending.push(fn) }
    const orders = ['fair', 'fifo'] as const
    const stations = await Promise.all(
      orders.map(async (order) => ({
        order,
        station: await TwoTenants.start(scope, { order, places: PLACES }),
      })),
    )
    const rows: Row[] = []
    for (const { order, station } of stations) {
      say(words.flood(words.orders[order], given.flood))
      const { answered } = await station.flood(given.flood)
      rows.push(rowOf(order, await station.ask(QUESTIONS)))
      await answered
    }
    const [fair, fifo] = rows
    const factor = (fifo?.firstP50Ms ?? 0) / Math.max(1, fair?.firstP50Ms ?? 0)
    if (given.json) process.stdout.write(`${JSON.stringify({ flood: given.flood, rows, factor })}\n`)
    else for (const line of table(rows, words)) say(line)
    say(`\n  ${words.times(factor.toFixed(1))}`)
    return factor > 1 ? 0 : 1
  } finally {
    clearTimeout(limit)
    await end()
  }
}

function table(rows: readonly Row[], { head, orders }: (typeof WORDS)[Language]): string[] {
  const cells = rows.map(({ order, firstP50Ms, firstMostMs, wholeP50Ms, wholeMostMs }) => [
    orders[order],
    ...[firstP50Ms, firstMostMs, wholeP50Ms, wholeMostMs].map((ms) => `${(ms / 1_000).toFixed(2)} s`),
  ])
  // A Chinese character is as wide as two letters.
  const wide = (text: string) => text.length + (text.match(/[\u3000-\u9fff\uff00-\uffef]/g)?.length ?? 0)
  const all = [[...head], ...cells]
  const widths = head.map((_, column) => Math.max(...all.map((row) => wide(row[column] ?? ''))))
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - wide(cell))).join('  ')}`.trimEnd()
  return ['', ...all.map(line)]
}

process.exitCode = await main()
