import { evaluate } from '@yizhan/intent'
import { type Lesson, runTests, type TenantSource } from '../tenants/index.js'
import { answerOf, type LiveModel } from './make-report.js'

/** Shares in 0..1, null where nothing was counted. */
export interface ModelFigures {
  readonly number?: number
  readonly digest: string
  /** Tests that name an intent, and labelled questions. */
  readonly n: number
  readonly closedAccuracy: number | null
  readonly inScopeAccuracy: number | null
  readonly oosRecall: number | null
  readonly tests: { readonly passed: number; readonly failed: number }
  readonly heldOut: { readonly n: number; readonly right: number }
}

/** Undefined without a model. */
export async function figuresOf(
  model: LiveModel | undefined,
  source: TenantSource,
  heldOut: readonly Lesson[],
  signal: AbortSignal,
): Promise<Omit<ModelFigures, 'number' | 'digest'> | undefined> {
  if (!model) return undefined
  const { tests, file } = source
  const named = tests.flatMap(({ say, expect }) =>
    expect.intent === undefined ? [] : [{ text: say, intent: expect.intent }],
  )
  const figures = await evaluate(model, [...named, ...heldOut], file.operatingPoint)
  const failed = (await runTests(model, source, signal)).length
  const answers = (await model.classifyAll(heldOut.map(({ text }) => text))).map(answerOf)
  return {
    n: figures.n,
    closedAccuracy: numberOrNull(figures.closedAccuracy),
    inScopeAccuracy: numberOrNull(figures.accuracy),
    oosRecall: numberOrNull(figures.oosRecall),
    tests: { passed: tests.length - failed, failed },
    heldOut: { n: heldOut.length, right: heldOut.filter(({ intent }, i) => answers[i] === intent).length },
  }
}

function numberOrNull(share: number): number | null {
  return Number.isNaN(share) ? null : share
}
