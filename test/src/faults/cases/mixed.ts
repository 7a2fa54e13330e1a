import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { BRANCH, edgeCommand } from '../../support/installation.js'
import type { Case, CaseContext } from '../runner/case.js'
import { figuresOf, QUICK_LINK, type Station } from '../station.js'

/** What is broken at one time: each thing by one fault only. */
type Thing = 'edge' | 'center' | 'link'

interface Fault {
  readonly name: string
  readonly of: Thing
  run(): Promise<void>
}

/** Longer than a link lives. */
const LONGEST_PAUSE_MS = 5_000
/** Acknowledged after one round and before the next. */
const BETWEEN = 20

/**
 * What other cases break one at a time, at random and two at once: the seed gives the same faults again. Found that way: an edge that
 * hung after it had stood still.
 */
export const mixed: Case = {
  number: 'mixed',
  title:
    'faults at random, two at once: pauses, kills, ends, cuts, flaps, a link cut inside a frame, a new answer',
  needs: [],
  timeoutMs: [300_000, 3_600_000],
  async run(context) {
    const rounds = context.pick(8, 300)
    const station = await context.station({ engine: { paceMs: 4 }, centerEnv: QUICK_LINK })
    const { edge, load: people, judge, status } = station
    const faults = faultsOf(station, context)
    const load = await people({ heavy: 0.5 })
    load.begin()
    const met = new Map<string, number>()
    for (let round = 1; round <= rounds; round++) {
      const { acked } = load
      await load.until(() => load.acked >= acked + BETWEEN, context.signal)
      const chosen = choose(faults, context.random)
      const names = chosen.map(({ name }) => name)
      context.say(`round ${round} of ${rounds}: ${names.join(', ')}`)
      for (const name of names) met.set(name, (met.get(name) ?? 0) + 1)
      await Promise.all(chosen.map((fault) => fault.run()))
    }
    await edgeCommand(edge, 'status', '--wait-link', 'ready')
    const verdict = await judge(load)
    const { generation = 0 } = (await status()).link
    return { rounds, ...Object.fromEntries(met), links: generation, ...figuresOf(verdict) }
  },
}

/** One, or two of different things. */
function choose(faults: readonly Fault[], random: () => number): Fault[] {
  const one = (from: readonly Fault[]) => from[Math.floor(random() * from.length)]
  const first = one(faults)
  const second = random() < 0.5 ? one(faults.filter((fault) => fault.of !== first?.of)) : undefined
  return [first, second].filter((fault) => fault !== undefined)
}

function faultsOf({ all, edge }: Station, context: CaseContext): Fault[] {
  const { random } = context
  const upTo = (ms: number) => pause(random() * ms)
  const { proxy } = edge
  const stopped = async (program: { kill(signal: NodeJS.Signals): boolean }) => {
    program.kill('SIGSTOP')
    // A process that is not continued could not be ended.
    context.after(() => program.kill('SIGCONT'))
    await upTo(LONGEST_PAUSE_MS)
    program.kill('SIGCONT')
  }
  const backEdge = async (how: NodeJS.Signals) => {
    await edge.child.end(how)
    await upTo(500)
    await edge.start()
  }
  const backCenter = async (how: NodeJS.Signals) => {
    await all.center.end(how)
    await upTo(2_000)
    await all.startCenter()
  }
  return [
    { name: 'pausedEdge', of: 'edge', run: () => stopped(edge.child.process) },
    { name: 'killedEdge', of: 'edge', run: () => backEdge('SIGKILL') },
    { name: 'endedEdge', of: 'edge', run: () => backEdge('SIGTERM') },
    { name: 'pausedCenter', of: 'center', run: () => stopped(all.center.process) },
    { name: 'killedCenter', of: 'center', run: () => backCenter('SIGKILL') },
    { name: 'endedCenter', of: 'center', run: () => backCenter('SIGTERM') },
    {
      name: 'cut',
      of: 'link',
      async run() {
        proxy.cut()
        await upTo(3_000)
        proxy.restore()
      },
    },
    {
      name: 'flapping',
      of: 'link',
      async run() {
        for (let i = 0; i < 5; i++) {
          proxy.cut()
          await upTo(300)
          proxy.restore()
          await upTo(700)
        }
      },
    },
    {
      name: 'cutInsideFrame',
      of: 'link',
      async run() {
        // A link on which nothing comes is not cut.
        await Promise.race([proxy.cutAfter(Math.floor(random() * 20_000)), pause(3_000)])
        await upTo(300)
        proxy.restore()
      },
    },
    { name: 'applied', of: 'center', run: applier(all, join(context.dir, 'tenant')) },
  ]
}

/** Applies the tenant each time with another answer, which is another bundle: the edge fetches it and changes over. */
function applier(all: Station['all'], tenant: string): () => Promise<void> {
  let times = 0
  return async () => {
    times += 1
    await cp(BRANCH, tenant, { recursive: true })
    const file = join(tenant, 'intents', 'desk.yaml')
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('nine to six.', `nine to six (${times}).`))
    await all.apply(tenant)
  }
}
