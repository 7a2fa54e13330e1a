import {
  type Classifier,
  type Decision,
  exactKey,
  type HeldOutJudgement,
  normalise,
  OOS,
} from '@yizhan/intent'
import { type Lesson, type Lessons, problemLine, type TenantSource, type TriedOut } from '../tenants/index.js'
import { calibrationOf } from './calibration.js'
import type { ModelReport, Ways } from './report.js'

/** A version's model, at the operating point of its directory unless said otherwise. */
export interface LiveModel extends Classifier {
  readonly intents: readonly string[]
}

export interface ReportInput {
  readonly source: TenantSource
  readonly lessons: Lessons
  readonly tried: TriedOut
  /** The version in force; undefined if it cannot be read. */
  readonly before: LiveModel | undefined
  readonly about: Pick<ModelReport, 'number' | 'digest' | 'madeAt' | 'against'>
}

const MAX_LISTED = 50
const MAX_SUCH = 3

/** Counts what a training showed and holds it against the version in force. */
export async function makeReport(input: ReportInput): Promise<ModelReport> {
  const { source, lessons, tried, before, about } = input
  const { examples } = source
  const { judged, trainedOn, metrics, threshold } = tried
  const { closedAccuracy: right, answered, oosRecall } = metrics
  return {
    format: 1,
    tenant: source.tenant,
    ...about,
    trainMs: tried.trainMs,
    operatingPoint: source.file.operatingPoint,
    ...threshold,
    examples: {
      written: examples.length,
      taught: trainedOn.examples.length - examples.length,
      background: trainedOn.negatives.length,
      intents: Object.keys(source.file.intents).length,
    },
    unseen: {
      n: metrics.heldOut,
      ...(right === undefined ? {} : { right }),
      ...(answered === undefined ? {} : { answered }),
      ...(oosRecall === undefined ? {} : { oosRecall }),
    },
    intents: perIntent(source, judged, threshold.accept),
    confusions: confusionsOf(judged, new Set(examples.map(({ text }) => normalise(text)))),
    calibration: calibrationOf(judged),
    ...repeated(examples),
    leftOut: leftOut(lessons.taught, trainedOn.examples),
    waiting: await waitingWays(lessons, tried, before),
    tests: {
      passed: tried.passed,
      failed: tried.failed.slice(0, MAX_LISTED).map((problem) => problemLine(problem, 'en')),
    },
    heldOut: await heldOutOf(lessons.heldOut, tried, before),
    changes: await changesOf(input),
  }
}

function perIntent(
  { file, examples, tests }: TenantSource,
  judged: readonly HeldOutJudgement[],
  accept: number,
): ModelReport['intents'] {
  return Object.keys(file.intents)
    .sort()
    .map((intent) => {
      const own = judged.filter((one) => one.intent === intent)
      const right = own.filter(({ best }) => best === intent)
      const [worst] = counted(own.filter(({ best }) => best !== intent).map(({ best }) => best))
      return {
        intent,
        examples: examples.filter((one) => one.intent === intent).length,
        tests: tests.filter(({ expect }) => expect.intent === intent).length,
        n: own.length,
        right: right.length,
        answered: right.filter(({ score }) => score >= accept).length,
        ...(worst ? { takenFor: worst[0] } : {}),
      }
    })
}

/** Only the author's own texts are shown: a text that people taught may be anybody's. */
function confusionsOf(
  judged: readonly HeldOutJudgement[],
  written: ReadonlySet<string>,
): ModelReport['confusions'] {
  const wrong = judged.filter(({ intent, best }) => intent !== best)
  return counted(wrong.map(({ intent, best }) => `${intent}\n${best}`))
    .slice(0, MAX_LISTED)
    .map(([pair, n]) => {
      const [intent = '', takenFor = ''] = pair.split('\n')
      const such = wrong.filter((one) => one.intent === intent && one.best === takenFor)
      const texts = such.map(({ text }) => text).filter((text) => written.has(text))
      return { intent, takenFor, n, such: texts.slice(0, MAX_SUCH) }
    })
}

function repeated(examples: TenantSource['examples']): Pick<ModelReport, 'conflicts' | 'duplicates'> {
  const byKey = new Map<string, { text: string; intents: string[] }>()
  for (const { text, intent } of examples) {
    const key = exactKey(normalise(text)) ?? ''
    const known = byKey.get(key) ?? { text, intents: [] }
    known.intents.push(intent)
    byKey.set(key, known)
  }
  const several = [...byKey.values()].filter(({ intents }) => intents.length > 1)
  return {
    conflicts: several
      .map(({ text, intents }) => ({ text, intents: [...new Set(intents)] }))
      .filter(({ intents }) => intents.length > 1)
      .slice(0, MAX_LISTED),
    duplicates: several
      .flatMap(({ text, intents }) => counted(intents).map(([intent, times]) => ({ text, intent, times })))
      .filter(({ times }) => times > 1)
      .slice(0, MAX_LISTED),
  }
}

function leftOut(taught: readonly Lesson[], used: TenantSource['examples']): ModelReport['leftOut'] {
  const kept = new Set(used.map(({ text, intent }) => `${intent}\n${text}`))
  return taught
    .filter(({ text, intent }) => !kept.has(`${intent}\n${text}`))
    .slice(0, MAX_LISTED)
    .map(({ id, intent }) => ({ sample: id, intent }))
}

async function waitingWays(
  { waiting, background }: Lessons,
  tried: TriedOut,
  before: LiveModel | undefined,
): Promise<ModelReport['waiting']> {
  const texts = [...waiting, ...background].map(({ text }) => text)
  const old = await before?.classifyAll(texts)
  return {
    n: texts.length,
    now: waysOf(await tried.decide(texts)),
    ...(old ? { before: waysOf(old) } : {}),
  }
}

function waysOf(decisions: readonly Decision[]): Ways {
  const answers = decisions.map(answerOf)
  return {
    answered: answers.filter((answer) => answer !== OOS).length,
    askedBack: decisions.filter((one, i) => answers[i] === OOS && one.intent !== OOS).length,
    forwarded: decisions.filter(({ intent }) => intent === OOS).length,
  }
}

async function heldOutOf(
  heldOut: readonly Lesson[],
  tried: TriedOut,
  before: LiveModel | undefined,
): Promise<ModelReport['heldOut']> {
  const texts = heldOut.map(({ text }) => text)
  const now = (await tried.decide(texts)).map(answerOf)
  const old = (await before?.classifyAll(texts))?.map(answerOf)
  const isRight = (answers: readonly string[], i: number) => answers[i] === heldOut[i]?.intent
  const ids = (wanted: (i: number) => boolean) =>
    heldOut.flatMap(({ id }, i) => (old && wanted(i) ? [id] : [])).slice(0, MAX_LISTED)
  return {
    n: heldOut.length,
    right: heldOut.filter((_, i) => isRight(now, i)).length,
    ...(old ? { before: heldOut.filter((_, i) => isRight(old, i)).length } : {}),
    lost: ids((i) => isRight(old ?? [], i) && !isRight(now, i)),
    won: ids((i) => !isRight(old ?? [], i) && isRight(now, i)),
  }
}

/** Decisions are those about what an author wrote: the tests, and the first question of each intent. */
async function changesOf({ source, tried, before }: ReportInput): Promise<ModelReport['changes']> {
  const first = new Map(source.examples.map(({ text, intent }) => [intent, text] as const).reverse())
  const texts = [...new Set([...source.tests.map(({ say }) => say), ...first.values()])]
  const now = (await tried.decide(texts)).map(answerOf)
  const old = (await before?.classifyAll(texts))?.map(answerOf)
  const decisions = texts.flatMap((text, i) => {
    const [from, to] = [old?.[i], now[i]]
    return from !== undefined && to !== undefined && from !== to ? [{ text, from, to }] : []
  })
  const intents = Object.keys(source.file.intents)
  return {
    added: before ? intents.filter((intent) => !before.intents.includes(intent)) : [],
    removed: (before?.intents ?? []).filter((intent) => !intents.includes(intent)),
    decisions: decisions.slice(0, MAX_LISTED),
  }
}

/** The intent that is answered, or `oos`. */
export function answerOf({ intent, score, accept, match }: Decision): string {
  return match === 'exact' || score >= accept ? intent : OOS
}

/** Words with how often each comes, most often first. */
function counted(words: readonly string[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
}
