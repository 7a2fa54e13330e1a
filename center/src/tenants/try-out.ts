import {
  chooseSamples,
  type Decision,
  encodeModel,
  encodeSamples,
  IntentModel,
  parseTenantFile,
  SAMPLES_FILE,
  TENANT_FILE,
  type TrainedModel,
} from '@yizhan/intent'
import { type Clock, canonicalJson, YizhanError } from '@yizhan/kernel'
import type { Problem } from './problem.js'
import type { TenantSource } from './source.js'
import { runTests } from './test-run.js'

export type Train = (source: TenantSource, signal: AbortSignal) => Promise<TrainedModel>

/** A directory as an edge would serve it; nothing of it is in force. Whoever gets it closes it. */
export interface TriedOut {
  /** Content of the bundle by name. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Tests that do not hold; with what came and what was expected. */
  readonly failed: readonly Problem[]
  readonly passed: number
  readonly trainMs: number
  /** What the model makes of texts, at the tenant's operating point. */
  decide(texts: readonly string[]): Promise<readonly Decision[]>
  close(): Promise<void>
}

/** Trains and runs the tests of a directory. Throws `tenant_invalid` if it cannot be trained, and the signal's reason. */
export async function tryOut(
  { train, clock }: { readonly train: Train; readonly clock: Clock },
  source: TenantSource,
  signal: AbortSignal,
): Promise<TriedOut> {
  const started = clock.monotonic()
  const trained = await train(source, signal)
  const trainMs = Math.round(clock.monotonic() - started)
  const files = encodeModel(trained)
  files.set(TENANT_FILE, Buffer.from(canonicalJson(source.file)))
  const model = await openAsEdge(files)
  try {
    files.set(SAMPLES_FILE, encodeSamples(await chooseSamples(source.examples, model.networkAlone())))
    const failed = await runTests(model, source, signal)
    return {
      files,
      failed,
      passed: source.tests.length - failed.length,
      trainMs,
      decide: (texts) => model.classifyAll([...texts], source.file.operatingPoint),
      close: async () => model.close(),
    }
  } catch (thrown) {
    await model.close()
    throw thrown
  }
}

/** From the bytes that edges will get, with what they read them with: a bundle that none of them takes stays here. */
async function openAsEdge(files: ReadonlyMap<string, Uint8Array>): Promise<IntentModel> {
  try {
    parseTenantFile(files.get(TENANT_FILE) ?? new Uint8Array())
    return await IntentModel.load(files)
  } catch (cause) {
    throw new YizhanError('internal', 'no edge could read what was made of the tenant', { cause })
  }
}
