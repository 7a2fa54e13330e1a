import { appendFile, cp } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { check, type Verdict } from '../faults/checker.js'
import { Load } from '../faults/load.js'
import { StubEngine } from '../faults/stub-engine.js'
import { ACME, type EdgeNode, Installation } from '../support/installation.js'
import type { Chart } from './line-chart.js'
import { alone, type Row } from './report.js'
import { chartsOf, NAMES, QUANTITIES, type Sample, trends, type Watched, watch } from './soak-samples.js'

const HEAVY = 0.5
const SAMPLE_MS = 5_000
/** In each minute. */
const CUT_AT_MS = 20_000
const CUT_MS = 5_000
/** How long what was asked may take after its minute. */
const SETTLE_MS = 90_000
/** For how long its people stay after that: an answer that is late is not one that is lost. */
const LATE_MS = 600_000
/** A shorter run says nothing about where things level off: it is for wrong results alone. */
const LEAST_MINUTES = 8
/** What an edge keeps for days, and a center for half a year. */
const KEPT_MS = '60000'
const KEPT_AT_CENTER = '\nprivacy:\n  retention: {turns: 1m}\n'
/** How many an edge remembers: those of two minutes, in place of 5,000, which come in 78. */
const CONVERSATIONS = '128'

/**
 * What the center's directory may grow by for each turn. Its audit is kept for 180 days at least, whatever a tenant says: 80 bytes a turn
 * (an entry for each upload, and the keys of all that is swept). The system's store, where each upload leaves its position, grows by 35
 * until LevelDB has four tables of it to merge (one comes in nine minutes). 118 to 187 in all were
 * measured over the last halves of four runs of thirty minutes.
 */
const MOST_BYTES_A_TURN = 256

const COUNTS = [
  'acked',
  'answered',
  'late',
  'refused',
  'tickets',
  'lost',
  'doubled',
  'reordered',
  'garbled',
] as const

export interface Soak {
  readonly rows: readonly Row[]
  /** What is wrong, in words; empty if nothing is. */
  readonly wrong: readonly string[]
  readonly samples: readonly Sample[]
  readonly charts: readonly Chart[]
}

type Minute = Verdict & {
  readonly tickets: number
  /** Acknowledged, and without a final when the time for it was over. */
  readonly late: number
  /** Refusals by code. */
  readonly refusals: ReadonlyMap<string, number>
}

/**
 * An edge, a center and a stub engine under `rate` turns a second for so many minutes, half of them answered at the edge; the link
 * is cut for 5 s in each minute, and what is kept is kept for a minute. People come and go: each minute has its own, and
 * all that they saw is held against the model of the fault cases.
 */
export async function benchSoak(
  say: (text: string) => void,
  { minutes, rate }: { readonly minutes: number; readonly rate: number },
): Promise<Soak> {
  const ends: (() => unknown)[] = []
  const scope = { after: (fn: () => unknown) => void ends.push(fn) }
  try {
    const engine = await StubEngine.start(scope, { pieces: 6 })
    const all = await Installation.start(scope, {
      ...engine.settings,
      YIZHAN_PRIVACY__SWEEP_EVERY_MS: KEPT_MS,
    })
    const tenant = join(all.dir, 'tenant')
    await cp(ACME, tenant, { recursive: true })
    await appendFile(join(tenant, 'tenant.yaml'), KEPT_AT_CENTER)
    await all.apply(tenant)
    const edge = await all.addEdge('soak', ['acme'], {
      YIZHAN_TURNS__KEEP_MS: KEPT_MS,
      YIZHAN_TURNS__DEDUPE_MS: KEPT_MS,
      YIZHAN_REPLIES__KEEP_MS: KEPT_MS,
      YIZHAN_TURNS__MAX_CONVERSATIONS: CONVERSATIONS,
    })
    const over = new AbortController()
    const samples = watch(watched(all, edge), SAMPLE_MS, over.signal)
    samples.catch(() => undefined)
    const began = performance.now()
    const judging: Promise<Minute>[] = []
    for (let minute = 1; minute <= minutes; minute++) {
      judging.push(oneMinute(edge, engine, rate))
      await pause(CUT_AT_MS)
      edge.proxy.cut()
      await pause(CUT_MS)
      edge.proxy.restore()
      await pause(minute * 60_000 - (performance.now() - began))
      say(`minute ${minute} of ${minutes}`)
    }
    const verdicts = await Promise.all(judging)
    over.abort()
    return verdictOf(minutes, verdicts, await samples)
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** The people of one minute, until all that they asked is answered. */
async function oneMinute(edge: EdgeNode, engine: StubEngine, rate: number): Promise<Minute> {
  const ends: (() => unknown)[] = []
  const scope = { after: (fn: () => unknown) => void ends.push(fn) }
  try {
    const people = { persons: 8, chats: 8, heavy: HEAVY, random: Math.random }
    const load = await Load.connect(scope, { url: edge.mqtt, engine, ...people })
    load.beginAt(rate)
    await pause(60_000)
    load.pause()
    const never = new AbortController().signal
    const late = (await load.settledWithin(SETTLE_MS, never)) ? 0 : load.open
    if (late > 0) await load.settledWithin(LATE_MS, never)
    const tickets = load.log.filter((seen) => seen.k === 'shown' && seen.type === 'notice').length
    return { ...check(load.log), tickets, late, refusals: load.refusals }
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

function watched(all: Installation, edge: EdgeNode): Watched[] {
  const pidOf = (of: { readonly pid?: number | undefined }) => Number(of.pid)
  return [
    {
      name: 'edge',
      pid: () => pidOf(edge.child.process),
      metricsUrl: () => new URL('/metrics', edge.chat).href,
      directory: edge.state,
    },
    {
      name: 'center',
      pid: () => pidOf(all.center.process),
      metricsUrl: () => new URL('/metrics', all.api).href,
      directory: all.centerState,
    },
  ]
}

function verdictOf(minutes: number, verdicts: readonly Minute[], samples: readonly Sample[]): Soak {
  const sum = (name: keyof Omit<Minute, 'wrong' | 'refusals'>) =>
    verdicts.reduce((total, verdict) => total + verdict[name], 0)
  const wrong = verdicts.flatMap((verdict) => verdict.wrong)
  const rows = [
    alone('turns acknowledged a second', sum('acked') / minutes / 60, '/s'),
    ...COUNTS.map((name) => alone(name, sum(name), 'turns')),
  ]
  const late = sum('late')
  if (late > 0) wrong.push(`${late} were without an answer ${SETTLE_MS / 1_000} s after their minute`)
  const refused = new Map<string, number>()
  for (const { refusals } of verdicts) {
    for (const [code, count] of refusals) refused.set(code, (refused.get(code) ?? 0) + count)
  }
  for (const [code, count] of refused) rows.push(alone(`refused: ${code}`, count, 'turns'))
  // To be refused by name is no broken promise, but it is another load than the one that is to be carried for long.
  if (refused.size > 0 && minutes >= LEAST_MINUTES)
    wrong.push(
      `questions were refused: this machine does not carry so many a second (${[...refused.keys()].join(', ')})`,
    )
  // What is looked at while the last answers are waited for is no load.
  const underLoad = samples.filter(({ minute }) => minute < minutes)
  for (const name of ['edge', 'center']) {
    const found = trends(underLoad, name)
    for (const quantity of NAMES) {
      const { level, perMinute, levelsOff } = found[quantity]
      const { title, unit, least } = QUANTITIES[quantity]
      const what = `${name}: ${title.toLowerCase()}${least ? ', least of a minute' : ''}`
      rows.push(alone(`${what}, last half`, level, unit))
      rows.push(alone(`${what}, growth`, perMinute, `${unit}/min`))
      const isStore = name === 'center' && quantity === 'directory'
      const aTurn = (perMinute * 1e6 * minutes) / sum('acked')
      if (isStore) rows.push(alone('center: state directory, growth a turn', aTurn, 'bytes'))
      if (minutes >= LEAST_MINUTES && !levelsOff && !(isStore && aTurn < MOST_BYTES_A_TURN))
        wrong.push(
          `${name}: ${title.toLowerCase()} does not level off: ${perMinute.toFixed(2)} ${unit} a minute`,
        )
    }
  }
  return { rows, wrong, samples, charts: chartsOf(samples) }
}
