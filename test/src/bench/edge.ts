import { fileURLToPath } from 'node:url'
import { Child } from '../support/child.js'
import { ACME, Installation } from '../support/installation.js'
import { flood, type LoadClient, openLoad, paced } from './load.js'
import { alone, beside, percentile, type Row } from './report.js'
import { mainThreadMicros } from './thread-cpu.js'

const CLIENTS = 20
const WARM_UP = 2_000
const TURNS = 10_000
const RATE = 500
const RATE_SECONDS = 10
const SEQUENTIAL = 500

/**
 * Local turns end to end (MQTT client → journal with fsync → model → reply → client) beside a raw aedes that echoes
 * with QoS 1, each in a process of its own, with the same client code.
 */
export async function benchEdge(say: (text: string) => void): Promise<Row[]> {
  const cleanUps: (() => unknown)[] = []
  const scope = { after: (fn: () => unknown) => cleanUps.push(fn) }
  const echo = new Child(fileURLToPath(new URL('./raw-echo.js', import.meta.url)), [])
  cleanUps.push(() => echo.end('SIGKILL'))
  try {
    const all = await Installation.start(scope)
    await all.apply(ACME)
    const edge = await all.addEdge('bench', ['acme'])
    const rawUrl = String((await echo.ready).mqtt)
    const rows: Row[] = []
    const measure = async (url: string, { process: { pid } }: Child) => {
      const load = await openLoad(url, 'acme', CLIENTS)
      await flood(load, WARM_UP)
      const sequential = await flood(load.slice(0, 1), SEQUENTIAL, 1)
      const steady = await paced(load, RATE, RATE_SECONDS)
      const before = mainThreadMicros(pid)
      const full = await flood(load, TURNS)
      const micros = (mainThreadMicros(pid) - before) / TURNS
      await Promise.all(load.map((client: LoadClient) => client.end()))
      return { sequential, steady, full, micros }
    }
    say('raw aedes echo …')
    const raw = await measure(rawUrl, echo)
    say('edge …')
    const own = await measure(edge.mqtt, edge.child)
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
      alone('turns answered', own.full.ms.length + own.steady.ms.length, 'turns'),
    )
    return rows
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  }
}
