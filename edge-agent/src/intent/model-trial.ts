import { type CageConfig, type ModelSample, openCage, type ServableModel } from '@yizhan/intent'
import { type Clock, YizhanError } from '@yizhan/kernel'

/** A model of a bundle, inspected and not run yet. */
export interface UntriedModel {
  readonly model: ServableModel
  /** Texts with the intent that the network must give the highest score; may be empty. */
  readonly samples: readonly ModelSample[]
}

export interface TrialConfig extends CageConfig {
  /** Processor milliseconds that a text may take, by the median over the samples. */
  readonly maxCpuMsPerText: number
}

/** Texts that every model has to stand: the longest, of many different words, and next to nothing. */
const STRESS = [
  Array.from({ length: 400 }, (_, i) => `w${i * 7919}`).join(' '),
  Array.from({ length: 2000 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join(''),
  '?!',
  '😀',
]
const SUM_TOLERANCE = 1e-3

/**
 * Runs a model in a cage on the bundle's own samples and on texts that would hurt. Rejects with `model_refused` and
 * `details.why`: those of `Cage.run`, or `wrong-output`, `wrong-intent`, `slow`; with `unsupported`, `unavailable`.
 */
export async function tryModel(
  { clock }: { readonly clock: Clock },
  { model, samples }: UntriedModel,
  config: TrialConfig,
  signal: AbortSignal,
): Promise<void> {
  const { alone: codec, labels } = model
  const cage = await openCage({ clock }, model, config, signal)
  const times: number[] = []
  const run = async (text: string) => {
    const encoded = codec.encode(text)
    if (encoded.s === 'decided') return undefined
    const { rows, cpuMs } = await cage.run([encoded.features], signal)
    times.push(cpuMs)
    return checkedRow(rows[0], labels.length)
  }
  try {
    for (const { text, intent } of samples) {
      const row = await run(text)
      const best = row && codec.decode(row).top[0]?.intent
      if (best === intent) continue
      throw refused('wrong-intent', `it takes a sample of ${intent} for ${best ?? 'nothing'}`)
    }
    for (const text of STRESS) await run(text)
  } finally {
    await cage.stop()
  }
  const median = [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0
  if (median > config.maxCpuMsPerText) {
    throw refused('slow', `it takes ${Math.round(median)} ms of the processor for a text`)
  }
}

function checkedRow(row: Float32Array | undefined, width: number): Float32Array {
  if (row?.length !== width) throw refused('wrong-output', 'it does not give one number per label')
  let sum = 0
  for (const value of row) sum += value >= 0 && value <= 1 ? value : Number.NaN
  if (!(Math.abs(sum - 1) <= SUM_TOLERANCE)) throw refused('wrong-output', 'it does not give probabilities')
  return row
}

function refused(why: string, message: string): YizhanError {
  return new YizhanError('model_refused', `the model is refused: ${message}`, { details: { why } })
}
