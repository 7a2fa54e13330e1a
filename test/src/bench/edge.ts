import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Child } from '../support/child.js'
import { ACME, Installation } from '../support/installation.js'
import { metricAt } from '../support/metric.js'
import { EXAMPLES, flood, type LoadClient, openLoad, paced } from './load.js'
import { alone, beside, percentile, type Row } from './report.js'
import { mainThreadMicros } from './thread-cpu.js'

const CLIENTS = 20
const WARM_UP = 2_000
const TURNS = 10_000
const RATE = 500
const RATE_SECONDS = 20
const SEQUENTIAL = 500
/** Journal records of turns under way, which the center cannot have yet. */
const TOLD = 200

/**
 * Local turns end to end (MQTT client → journal with fsync → model → reply → client) beside a raw aedes that echoes
 * with QoS 1, each in a process of its own, with the same client code. At a fixed rate three times: with the center on the same
 * cores, which is told of each turn; the same with a question that is an example of the tenant and needs no model; and with
 * the center away, as on a branch's server whose line is down.
 */
export async function benchEdge(say: (text: string) => void): Promise<Row[]> {
  const cleanUps: (() => unknown)[] = []
  const scope = { after: (fn: () => unknown) => cleanUps.push(fn) }
  const echo = new Child(fileURLToPath(new URL('./raw-echo.js', import.meta.url)), [])
  cleanUps.push(() => echo.end('SIGKILL'))
  try {
    const all = await Installation.start(scope)
    await all.apply(ACME)
    const edge = await all.addEdge('bench', ['acme'], {}, { direct: true })
    const rawUrl = String((await echo.ready).mqtt)
    const rows: Row[] = []
    const measure = async (url: string, { process: { pid } }: Child, told: () => Promise<void>) => {
      const load = await openLoad(url, 'acme', CLIENTS)
      await flood(load, WARM_UP)
      await told()
      const sequential = await flood(load.slice(0, 1), SEQUENTIAL, 1)
      const steady = await paced(load, RATE, RATE_SECONDS)
      const before = mainThreadMicros(pid)
      const full = await flood(load, TURNS)
      const micros = (mainThreadMicros(pid) - before) / TURNS
      return { load, sequential, steady, full, micros }
    }
    // Behind a flood the center is told of twice as many turns as come.
    const told = async () => {
      while ((await metricAt(edge.chat, 'yizhan_upload_lag_records')) > TOLD) await setTimeout(200)
    }
    say('raw aedes echo …')
    const raw = await measure(rawUrl, echo, async () => undefined)
    say('edge …')
    const own = await measure(edge.mqtt, edge.child, told)
    say('edge, an example of the tenant …')
    const examples = await openLoad(edge.mqtt, 'acme', CLIENTS, EXAMPLES)
    await told()
    const known = await paced(examples, RATE, RATE_SECONDS)
    const knownFull = await flood(examples, TURNS)
    say('edge, center away …')
    await told()
    await all.center.end('SIGKILL')
    const away = await paced(own.load, RATE, RATE_SECONDS)
    await Promise.all([...raw.load, ...own.load, ...examples].map((client: LoadClient) => client.end()))
    const peer = 'raw aedes QoS 1 echo'
    rows.push(
      beside(
        `local turns, ${CLIENTS} clients, throughput`,
        own.full.perSecond,
        '/s',
        peer,
        raw.full.perSecond,
      ),
      beside('the same, CPU of the main thread a turn', own.micros, 'µs', peer, raw.micros),
      beside(
        'local turn, one at a time, p50',
        percentile(own.sequential.ms, 0.5),
        'ms',
        peer,
        percentile(raw.sequential.ms, 0.5),
      ),
      beside(
        `local turn at ${RATE}/s, p50`,
        percentile(own.steady.ms, 0.5),
        'ms',
        peer,
        percentile(raw.steady.ms, 0.5),
      ),
      beside(
        `local turn at ${RATE}/s, p99`,
        percentile(own.steady.ms, 0.99),
        'ms',
        peer,
        percentile(raw.steady.ms, 0.99),
      ),
      alone('the same with the center away, p50', percentile(away.ms, 0.5), 'ms'),
      alone('the same with the center away, p99', percentile(away.ms, 0.99), 'ms'),
      alone(`an example of the tenant at ${RATE}/s, p50`, percentile(known.ms, 0.5), 'ms'),
      alone(`an example of the tenant at ${RATE}/s, p99`, percentile(known.ms, 0.99), 'ms'),
      alone('examples of the tenant, throughput', knownFull.perSecond, '/s'),
      alone(
        'turns answered',
        [own.full, own.steady, known, knownFull, away].reduce((sum, { ms }) => sum + ms.length, 0),
        'turns',
      ),
    )
    return rows
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  }
}
