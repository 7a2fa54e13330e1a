import {
  CagedClassifier,
  type Classifier,
  chooseSamples,
  type Decision,
  encodeEncoder,
  encodeModel,
  encodeSamples,
  IntentModel,
  parseTenantFile,
  SAMPLES_FILE,
  servableModel,
  TENANT_FILE,
  type TrainedModel,
  trainEncoderHead,
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
  const files = await trainedFiles({ train, clock }, source, signal)
  const trainMs = Math.round(clock.monotonic() - started)
  files.set(TENANT_FILE, Buffer.from(canonicalJson(source.file)))
  const model = await openAsEdge({ clock }, files, signal)
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

async function trainedFiles(
  { train, clock }: { readonly train: Train; readonly clock: Clock },
  source: TenantSource,
  signal: AbortSignal,
): Promise<Map<string, Uint8Array>> {
  const { encoder, examples, file } = source
  if (!encoder) return encodeModel(await train(source, signal))
  const { languages } = file
  return encodeEncoder(await trainEncoderHead({ clock }, { encoder, examples, languages, signal }))
}

/** Closed by whoever opens it. */
export interface OpenModel extends Classifier {
  /** The same without its exact-match table. */
  networkAlone(): Classifier
  close(): Promise<void>
}

/**
 * From the bytes that edges get, with what they read them with: a bundle that none of them takes stays here. Throws
 * `internal` for such a one, and the signal's reason.
 */
export async function openAsEdge(
  deps: { readonly clock: Clock },
  files: ReadonlyMap<string, Uint8Array>,
  signal: AbortSignal,
): Promise<OpenModel> {
  try {
    parseTenantFile(files.get(TENANT_FILE) ?? new Uint8Array())
    const model = servableModel(files)
    if (model.network.kind === 'hashed') return await IntentModel.load(files)
    return await CagedClassifier.open(deps, model, signal)
  } catch (cause) {
    signal.throwIfAborted()
    throw new YizhanError('internal', 'no edge could read what was made of the tenant', { cause })
  }
}
