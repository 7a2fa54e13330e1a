import type { IntentModel } from '@yizhan/intent'
import type { Problem } from './problem.js'
import type { TenantSource, TenantTest } from './source.js'

export interface TestReport {
  readonly passed: number
  readonly failed: readonly Problem[]
}

/**
 * Runs a tenant's `tests/` against a model before it goes live, with the decision that the edge takes when the link
 * is up: an accepted intent with an own answer is answered there, everything else goes to the center.
 */
export async function runTests(
  model: IntentModel,
  source: TenantSource,
  signal: AbortSignal,
): Promise<TestReport> {
  const failed: Problem[] = []
  for (const test of source.tests) {
    const problem = await runTest(model, source, test, signal)
    if (problem) failed.push({ file: test.file, line: test.line, column: 1, path: '', message: problem })
  }
  return { passed: source.tests.length - failed.length, failed }
}

async function runTest(
  model: IntentModel,
  source: TenantSource,
  test: TenantTest,
  signal: AbortSignal,
): Promise<string | undefined> {
  signal.throwIfAborted()
  const { intent, score } = await model.classify(test.say, source.file.operatingPoint)
  const { accept } = model.thresholds(source.file.operatingPoint)
  const accepted = intent !== 'oos' && score >= accept ? intent : 'oos'
  const reply = source.file.intents[accepted]?.reply
  const by = reply !== undefined && reply.kind !== 'forward' ? 'edge' : 'center'
  const got = `“${test.say}” gives ${accepted} (${score.toFixed(2)}, threshold ${accept.toFixed(2)}), answered by the ${by}`
  const { expect } = test
  if (expect.intent !== undefined && expect.intent !== accepted)
    return `${got}; expected intent ${expect.intent}`
  if (expect.by !== undefined && expect.by !== by) return `${got}; expected the ${expect.by}`
  if (
    expect.has !== undefined &&
    !(reply?.kind === 'text' && Object.values(reply.text).some((text) => text.includes(expect.has ?? '')))
  ) {
    return `${got}; the reply has no “${expect.has}”`
  }
  return undefined
}
