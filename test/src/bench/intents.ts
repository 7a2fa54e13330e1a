import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { encodeModel, IntentModel, type LabelledText, measure, trainInWorker } from '@yizhan/intent'
import { YizhanError } from '@yizhan/kernel'
import { type PeerFigures, runNlpJs } from './intents-peer.js'
import { alone, beside, percentile, type Row } from './report.js'

/** Data sets by short name: the file's name without `.jsonl`, and its language. */
export const INTENT_SETS = {
  clinc: ['clinc150_full', 'en'],
  banking: ['banking77', 'en'],
  hwu: ['hwu64', 'en'],
  snips: ['snips', 'en'],
  smp2017: ['smp2017_domain_zh', 'zh'],
  smp2019: ['smp2019_intent_zh', 'zh'],
  smp2020: ['smp2020_intent_zh', 'zh'],
  cais: ['cais_zh', 'zh'],
  clinc10: ['clinc150_10shot', 'en'],
  banking10: ['banking77_10shot', 'en'],
  hwu10: ['hwu64_10shot', 'en'],
} as const
type SetName = keyof typeof INTENT_SETS

export interface IntentBenchOptions {
  /** Directory of the sets. */
  readonly data?: string | undefined
  /** Short names, with commas between; default all. */
  readonly sets?: string
  /** How many seeds; default 3. */
  readonly seeds?: string
  /** Default best. */
  readonly profile?: string
}

interface Split {
  readonly train: readonly LabelledText[]
  readonly val: readonly LabelledText[]
}

interface Run {
  readonly trainSeconds: number
  readonly bytes: number
  readonly closed: number
  /** In-scope accuracy and recall out of scope by operating point. */
  readonly points: Readonly<Record<(typeof POINTS)[number], readonly [number, number | undefined]>>
  readonly auroc: number | undefined
  readonly times: Float64Array
  readonly perSecond: number
}

const POINTS = ['keen', 'balanced', 'careful'] as const
const EDGES_US = [100, 200, 300, 500, 1000, 10_000]

/**
 * Trains on the train rows of each set and measures on its val rows, which calibrate the model too, beside nlp.js on the
 * same rows. Figures are means over seeds; a spread is the distance between the best and the worst seed.
 */
export async function benchIntents(say: (text: string) => void, options: IntentBenchOptions): Promise<Row[]> {
  const { data, sets, seeds = '3', profile = 'best' } = options
  if (data === undefined) throw refuse('say where the sets are: --data DIR or YIZHAN_DATA')
  if (profile !== 'fast' && profile !== 'best') throw refuse('--profile is fast or best')
  const names = (sets ?? Object.keys(INTENT_SETS).join(',')).split(',')
  const rows: Row[] = []
  for (const name of names) {
    if (!isSet(name)) throw refuse(`there is no set ${name}`)
    const [file, language] = INTENT_SETS[name]
    const path = join(data, `${file}.jsonl`)
    const split = await readSplit(path)
    say(`${name}: nlp.js …`)
    const peer = await runNlpJs(path, language)
    const runs: Run[] = []
    for (let seed = 1; seed <= Number(seeds); seed++) {
      say(`${name}: seed ${seed} …`)
      runs.push(await run(split, seed, profile))
    }
    rows.push(...rowsOf(name, runs, peer))
  }
  return rows
}

async function run({ train, val }: Split, seed: number, profile: 'fast' | 'best'): Promise<Run> {
  const started = performance.now()
  const trained = await trainInWorker({
    ...{ examples: train, validation: val, seed, profile },
    signal: new AbortController().signal,
  })
  const trainSeconds = (performance.now() - started) / 1000
  const files = encodeModel(trained)
  const model = await IntentModel.load(files)
  try {
    const texts = val.map(({ text }) => text)
    const from = performance.now()
    await model.classifyAll(texts)
    const perSecond = (texts.length / (performance.now() - from)) * 1000
    const at = async (point: (typeof POINTS)[number]) => measure(model, val, point, () => {})
    const [keen, balanced, careful] = [await at('keen'), await at('balanced'), await at('careful')]
    const pair = ({ figures }: typeof keen) =>
      [figures.inScopeAccuracy ?? 0, figures.oosRecall ?? undefined] as const
    return {
      trainSeconds,
      perSecond,
      bytes: [...files.values()].reduce((sum, content) => sum + content.length, 0),
      closed: balanced.figures.accuracyClosed ?? 0,
      auroc: balanced.figures.auroc ?? undefined,
      points: { keen: pair(keen), balanced: pair(balanced), careful: pair(careful) },
      times: balanced.times,
    }
  } finally {
    await model.close()
  }
}

function rowsOf(name: string, runs: readonly Run[], peer: PeerFigures): Row[] {
  const closed = runs.map((one) => 100 * one.closed)
  const times = runs.flatMap((one) => [...one.times])
  const beside_ = (what: string, value: number, unit: string, theirs: number) =>
    beside(`${name}: ${what}`, value, unit, 'nlp.js', theirs)
  const out = [
    beside_('accuracy, closed', mean(closed), '%', 100 * peer.accuracyClosed),
    alone(`${name}: accuracy, closed, spread`, Math.max(...closed) - Math.min(...closed), 'points'),
  ]
  for (const point of POINTS) {
    const inside = runs.map((one) => 100 * one.points[point][0])
    out.push(alone(`${name}: ${point}, in scope`, mean(inside), '%'))
    const outside = runs.flatMap((one) => one.points[point][1] ?? [])
    if (outside.length === 0) continue
    const recall = 100 * mean(outside)
    const what = `${point}, recall out of scope`
    out.push(
      peer.oosRecall === null
        ? alone(`${name}: ${what}`, recall, '%')
        : beside_(what, recall, '%', 100 * peer.oosRecall),
    )
  }
  const auroc = runs.flatMap((one) => one.auroc ?? [])
  if (auroc.length > 0) out.push(alone(`${name}: AUROC`, mean(auroc), ''))
  out.push(
    beside_('latency p50', percentile(times, 0.5), 'µs', percentile(peer.times, 0.5)),
    beside_('latency p99', percentile(times, 0.99), 'µs', percentile(peer.times, 0.99)),
    ...EDGES_US.map((edge) =>
      beside_(`texts within ${edge} µs`, within(times, edge), '%', within(peer.times, edge)),
    ),
    alone(`${name}: texts in batches`, mean(runs.map((one) => one.perSecond)), '/s'),
    beside_('training', mean(runs.map((one) => one.trainSeconds)), 's', peer.trainSeconds),
    beside_('model', mean(runs.map((one) => one.bytes / 1e6)), 'MB', peer.bytes / 1e6),
  )
  return out
}

function within(times: readonly number[], edge: number): number {
  return (100 * times.filter((time) => time <= edge).length) / times.length
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

async function readSplit(path: string): Promise<Split> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  const rows = lines.map((line) => JSON.parse(line) as LabelledText & { split?: string })
  const val = rows.filter(({ split }) => split === 'val')
  return { train: rows.filter(({ split }) => split !== 'val'), val }
}

function isSet(name: string): name is SetName {
  return Object.hasOwn(INTENT_SETS, name)
}

function refuse(why: string): YizhanError {
  return new YizhanError('invalid_argument', why)
}
