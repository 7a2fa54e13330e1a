import {
  CagedClassifier,
  type Classifier,
  chooseSamples,
  type Decision,
  encodeEncoder,
  encodeModel,
  encodeSamples,
  exactKey,
  type HeldOutJudgement,
  IntentModel,
  normalise,
  OOS,
  parseTenantFile,
  SAMPLES_FILE,
  servableModel,
  TENANT_FILE,
  type Threshold,
  type TrainedModel,
  type TrainingMetrics,
  trainEncoderHead,
} from '@yizhan/intent'
import { type Clock, canonicalJson, YizhanError } from '@yizhan/kernel'
import { type Lessons, NO_LESSONS } from './lessons.js'
import type { Problem } from './problem.js'
import type { TenantSource } from './source.js'
import { runTests } from './test-run.js'

/** A directory with the examples that a model is trained on: its own, and what people taught. */
export interface TrainingSet extends TenantSource {
  /** More texts out of scope. */
  readonly negatives: readonly string[]
  /** Whether any of it was written by persons in a chat, and may have to be forgotten. */
  readonly ofPersons: boolean
}

export type Train = (set: TrainingSet, signal: AbortSignal) => Promise<TrainedModel>

/** A directory as an edge would serve it; nothing of it is in force. Whoever gets it closes it. */
export interface TriedOut {
  /** Content of the bundle by name. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Tests that do not hold; with what came and what was expected. */
  readonly failed: readonly Problem[]
  readonly passed: number
  readonly trainMs: number
  /** What the model made of examples that it had not seen; of each, and in all. */
  readonly judged: readonly HeldOutJudgement[]
  readonly metrics: TrainingMetrics
  readonly threshold: Threshold
  readonly trainedOn: TrainingSet
  /** What the model makes of texts, at the tenant's operating point. */
  decide(texts: readonly string[]): Promise<readonly Decision[]>
  close(): Promise<void>
}

/** Trains on a directory and what people taught, and runs the directory's tests. Throws `tenant_invalid` if it cannot be trained, and the signal's reason. */
export async function tryOut(
  { train, clock }: { readonly train: Train; readonly clock: Clock },
  source: TenantSource,
  signal: AbortSignal,
  lessons: Lessons = NO_LESSONS,
): Promise<TriedOut> {
  const started = clock.monotonic()
  const trainedOn = trainingSet(source, lessons)
  const { files, judged, metrics, thresholds } = await trainedFiles({ train, clock }, trainedOn, signal)
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
      judged,
      metrics,
      threshold: thresholds[source.file.operatingPoint],
      trainedOn,
      decide: (texts) => model.classifyAll([...texts], source.file.operatingPoint),
      close: async () => model.close(),
    }
  } catch (thrown) {
    await model.close()
    throw thrown
  }
}

/** What an author wrote comes first: a lesson that gives one of those questions another intent is left out. */
export function trainingSet(source: TenantSource, { taught, background }: Lessons): TrainingSet {
  const { file, examples } = source
  const written = new Map(examples.map(({ text, intent }) => [keyOf(text), intent]))
  const fitting = taught.filter(({ text, intent }) => {
    const known = intent === OOS || Object.hasOwn(file.intents, intent)
    return known && (written.get(keyOf(text)) ?? intent) === intent
  })
  const labelled = new Set([...written.keys(), ...fitting.map(({ text }) => keyOf(text))])
  return {
    ...source,
    examples: [...examples, ...fitting.map(({ text, intent }) => ({ text, intent }))],
    negatives: background.map(({ text }) => text).filter((text) => !labelled.has(keyOf(text))),
    ofPersons: taught.length + background.length > 0,
  }
}

function keyOf(text: string): string {
  return exactKey(normalise(text)) ?? ''
}

async function trainedFiles(
  { train, clock }: { readonly train: Train; readonly clock: Clock },
  set: TrainingSet,
  signal: AbortSignal,
): Promise<Pick<TrainedModel, 'judged' | 'metrics' | 'thresholds'> & { files: Map<string, Uint8Array> }> {
  const { encoder, file } = set
  if (!encoder) {
    const model = await train(set, signal)
    const { judged, metrics, thresholds } = model
    return { files: encodeModel(model), judged, metrics, thresholds }
  }
  const { languages } = file
  const examples = [...set.examples, ...set.negatives.map((text) => ({ text, intent: OOS }))]
  const model = await trainEncoderHead({ clock }, { encoder, examples, languages, signal })
  const { metrics, thresholds } = model.card
  return { files: encodeEncoder(model), judged: model.judged, metrics, thresholds }
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
