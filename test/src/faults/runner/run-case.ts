// One case in this process: `run-case.js NUMBER SEED LENGTH`. The result is the one message to the parent.
import { CASES } from '../cases/index.js'
import { type Figures, type Length, Skipped } from './case.js'
import { openContext } from './context.js'

const [number = '', seed = '1', length = 'scaled'] = process.argv.slice(2)
const chosen = CASES.find((one) => String(one.number) === number)
if (chosen === undefined) throw new Error(`there is no case ${number}`)

const timeUp = new AbortController()
process.on('SIGTERM', () => timeUp.abort(new Error('the time of the case is over')))
const over = new Promise<never>((_resolve, reject) => {
  timeUp.signal.addEventListener('abort', () => reject(timeUp.signal.reason))
})
over.catch(() => undefined)

interface Outcome {
  readonly status: 'passed' | 'failed' | 'skipped'
  readonly figures: Figures
  readonly reason?: string
}

const reasonOf = (thrown: unknown) =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)

async function outcomeOf(work: () => Promise<Figures>): Promise<Outcome> {
  try {
    return { status: 'passed', figures: await work() }
  } catch (thrown) {
    if (thrown instanceof Skipped) return { status: 'skipped', figures: {}, reason: thrown.message }
    const { figures = {} } = thrown as { figures?: Figures }
    return { status: 'failed', figures, reason: reasonOf(thrown) }
  }
}

const { context, end } = await openContext({
  length: length as Length,
  seed: Number(seed),
  signal: timeUp.signal,
  say: (text) => process.stderr.write(`    ${number}: ${text}\n`),
})
let outcome = await outcomeOf(() => Promise.race([chosen.run(context), over]))
try {
  await end()
} catch (thrown) {
  outcome = { status: 'failed', figures: outcome.figures, reason: reasonOf(thrown) }
}
process.send?.(outcome, undefined, undefined, () => process.exit(0))
