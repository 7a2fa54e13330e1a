import { StubProcess } from '../simulators/engine/stub-process.js'
import type { Child } from '../support/child.js'
import { ACME, Installation } from '../support/installation.js'
import { ChatLoad, type Outcome } from './chat-load.js'
import { cpuMs } from './cpu-time.js'
import { alone, percentile, type Row } from './report.js'

const TOKENS = 20
const CLIENTS = 100
const CHATS = 16
const PROMISED = { rate: 200, seconds: 60 }
/** What is tried after that: upwards as long as it holds, or downwards until it does. */
const FURTHER = {
  up: [300, 400, 500, 600, 700, 800, 900, 1_000, 1_200, 1_400],
  down: [150, 100, 50],
  seconds: 20,
}
/** After a start Node's own threads take more for some thousand turns, on the same cores. */
const WARM_UP = { rate: 150, seconds: 30 }
/** A token every 5 ms, as an engine writes them. */
const PACE_MS = 5
const HOLDS = { success: 0.9995, p99Ms: 250 }

/**
 * Requests of 20 tokens from MQTT clients through an edge and the center to a stub engine and back, at a fixed rate: what
 * users are promised for a minute, then more until it does not hold, or less until it does. Load, edge, center and engine are a process each on this
 * machine. `profileDir`: edge and center write a CPU profile there.
 */
export async function benchChat(
  say: (text: string) => void,
  { profileDir }: { readonly profileDir?: string | undefined },
): Promise<Row[]> {
  const cleanUps: (() => unknown)[] = []
  const scope = { after: (fn: () => unknown) => cleanUps.push(fn) }
  // Node takes `--cpu-prof` on its command line alone.
  const profiled = (name: string): readonly string[] => {
    if (profileDir === undefined) return []
    const flags = `--cpu-prof --cpu-prof-dir="$0" --cpu-prof-name=${name}.cpuprofile`
    return ['sh', '-c', `node=$1; shift; exec "$node" ${flags} "$@"`, profileDir]
  }
  try {
    const stub = await StubProcess.start(scope)
    const settings = {
      ...stub.settings,
      YIZHAN_GATEWAY__MAX_IN_FLIGHT: '1000',
      YIZHAN_INFERENCE__MAX_RUNNING: '256',
    }
    const all = await Installation.start(scope, settings, profiled('center'))
    await all.apply(ACME)
    const edge = await all.addEdge('bench', ['acme'], {}, { direct: true, wrapper: profiled('edge') })
    const load = await ChatLoad.open(edge.mqtt, { clients: CLIENTS, chats: CHATS, tokens: TOKENS })
    const processes = { edge: edge.child, center: all.center, engine: stub.child }
    await load.run(WARM_UP.rate, WARM_UP.seconds)

    const rows: Row[] = []
    const measure = async (rate: number, seconds: number, name: string, ownMs: number): Promise<boolean> => {
      say(`${name} …`)
      const before = used(processes)
      const outcomes = await load.run(rate, seconds)
      const judged = judge(outcomes, ownMs)
      rows.push(...rowsOf(name, outcomes, judged), ...cpuRows(name, before, used(processes), outcomes.length))
      return judged.holds
    }
    await stub.set({ tokenMs: PACE_MS })
    await measure(
      PROMISED.rate,
      PROMISED.seconds,
      `${PROMISED.rate}/s, a token every ${PACE_MS} ms`,
      PACE_MS * (TOKENS - 1),
    )
    await stub.set({ tokenMs: 0 })
    const kept = await measure(PROMISED.rate, PROMISED.seconds, `${PROMISED.rate}/s`, 0)
    let best = kept ? PROMISED.rate : 0
    for (const rate of kept ? FURTHER.up : FURTHER.down) {
      const holds = await measure(rate, FURTHER.seconds, `${rate}/s`, 0)
      if (holds) best = rate
      if (holds !== kept) break
    }
    rows.push(alone('highest rate that holds', best, '/s'))
    await load.end()
    if (profileDir !== undefined) {
      await edge.child.end('SIGTERM')
      await all.center.end('SIGTERM')
    }
    return rows
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  }
}

interface Judged {
  readonly success: number
  readonly p50: number
  readonly p99: number
  readonly holds: boolean
}

/** `ownMs`: what the engine itself takes for an answer. */
function judge(outcomes: readonly Outcome[], ownMs: number): Judged {
  const answered = outcomes.filter(({ as }) => as === 'answered')
  const ms = answered.map((outcome) => outcome.ms - ownMs)
  const success = answered.length / outcomes.length
  const [p50, p99] = [percentile(ms, 0.5), percentile(ms, 0.99)]
  return { success, p50, p99, holds: success > HOLDS.success && p99 < HOLDS.p99Ms }
}

function rowsOf(name: string, outcomes: readonly Outcome[], { success, p50, p99 }: Judged): Row[] {
  const failed = (['wrong', 'refused', 'lost'] as const).map(
    (as) => [as, outcomes.filter((outcome) => outcome.as === as).length] as const,
  )
  return [
    alone(`${name}: answered`, success * 100, '%'),
    ...failed.filter(([, count]) => count > 0).map(([as, count]) => alone(`${name}: ${as}`, count, 'turns')),
    alone(`${name}: p50`, p50, 'ms'),
    alone(`${name}: p99`, p99, 'ms'),
  ]
}

type Used = ReadonlyMap<string, number>

function used(processes: Readonly<Record<string, Child>>): Used {
  const others = Object.entries(processes).map(
    ([name, child]) => [name, cpuMs(Number(child.process.pid))] as const,
  )
  return new Map([...others, ['load', cpuMs(process.pid)]])
}

function cpuRows(name: string, before: Used, after: Used, turns: number): Row[] {
  return [...after].map(([part, ms]) =>
    alone(`${name}: CPU of the ${part}`, (ms - (before.get(part) ?? 0)) / turns, 'ms/turn'),
  )
}
