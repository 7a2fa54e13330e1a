import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainingProgress } from '@yizhan/intent'
import { type CliIo, storageError, systemClock, writeFileAtomic, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, tenantId } from '../arguments.js'
import type { CenterCall } from '../center-call.js'
import { withExamples } from '../examples.js'
import { type LabelledRow, readLabelledRows, readNegatives } from './labelled-rows.js'
import { oneForm, trainOfTenant } from './tenant-models.js'
import { encodeReport, REPORT_FILE } from './training-report.js'

interface Flags {
  readonly tenant?: string
  readonly data?: string
  readonly out?: string
  readonly seed: number
  readonly profile: 'fast' | 'best'
  readonly negatives?: string
}

type FileFlags = Flags & { readonly data: string; readonly out: string }

/** `intents train`: a model from labelled examples, without a center; or a tenant's candidate at the running one. */
export function addTrain(intents: Command, io: CliIo, call: CenterCall): void {
  const train = intents
    .command('train')
    .description(
      io.say({
        en: 'train a tenant’s candidate; or a model from a file of examples, without a center',
        zh: '训练租户的候选模型；或用问句文件训练模型，无需运行中心',
      }),
    )
    .option(
      '--tenant <tenant>',
      io.say({
        en: 'on its directory and what people taught; other options but --out are for --data',
        zh: '用其目录和已标注的问题训练；除 --out 外其余选项只用于 --data',
      }),
      tenantId(io),
    )
    .option(
      '--data <file.jsonl>',
      io.say({
        en: 'rows {"text","intent","split"?}; intent oos is out of scope, split val is for calibration only',
        zh: '每行 {"text","intent","split"?}；intent 为 oos 表示超出范围，split 为 val 只用于校准',
      }),
      nonEmpty(io),
    )
    .option(
      '--out <dir>',
      io.say({ en: 'where the model, or the tenant’s report, goes', zh: '模型或租户报告的输出目录' }),
      nonEmpty(io),
    )
    .option(
      '--seed <n>',
      io.say({ en: 'the same seed, the same model', zh: '相同种子得到相同模型' }),
      seed(io),
      1,
    )
    .option(
      '--profile <fast|best>',
      io.say({ en: 'a smaller model in seconds, or the best one', zh: '数秒训练较小模型，或训练最好的模型' }),
      profile(io),
      'best',
    )
    .option(
      '--negatives <file.jsonl>',
      io.say({ en: 'more texts out of scope, rows {"text"}', zh: '更多超出范围的文本，每行 {"text"}' }),
      nonEmpty(io),
    )
    .action((flags: Flags, command: Command) => {
      const { tenant, data, out } = flags
      if (tenant !== undefined && data === undefined)
        return trainOfTenant({ io, call }, command, { tenant, ...(out === undefined ? {} : { out }) })
      if (tenant === undefined && data !== undefined && out !== undefined)
        return run(io, { ...flags, data, out })
      throw oneForm(io, '--data and --out', '--data 与 --out')
    })
  withExamples(
    train,
    io,
    'intents train --tenant acme --out ./report',
    'intents train --data examples.jsonl --out ./model',
    'intents train --data examples.jsonl --out ./model --profile fast --json',
  )
}

async function run(io: CliIo, { data, out, seed, profile, negatives }: FileFlags): Promise<void> {
  const rows = await readLabelledRows(io, data)
  const pool = negatives === undefined ? [] : await readNegatives(io, negatives)
  const { encodeModel, trainInWorker } = await import('@yizhan/intent')
  const started = systemClock.monotonic()
  const model = await trainInWorker({
    examples: ofSplit(rows, 'train'),
    validation: ofSplit(rows, 'val'),
    negatives: pool,
    seed,
    profile,
    // Ctrl-C ends the process, and the training with it.
    signal: new AbortController().signal,
    onProgress: (progress) => io.progress(progressLine(io, progress, systemClock.monotonic() - started)),
  })
  io.progress(undefined)
  const trainSeconds = Math.round(systemClock.monotonic() - started) / 1000
  const files = encodeModel(model)
  const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0)
  files.set(REPORT_FILE, encodeReport({ trainSeconds, seed, profile }))
  await save(out, files)
  const skipped = rows.filter((row) => row.split === 'test').length
  if (skipped > 0) {
    io.err(
      io.say({ en: `${skipped} rows of split test were not used`, zh: `未使用 ${skipped} 行 test 数据` }),
    )
  }
  if (!io.wantsJson) for (const warning of model.warnings) io.err(warning)
  io.record({
    out,
    intents: model.labels.length - 1,
    ...model.metrics,
    bytes,
    trainSeconds,
    ...(io.wantsJson ? { warnings: model.warnings } : {}),
  })
}

function ofSplit(rows: readonly LabelledRow[], split: 'train' | 'val'): LabelledRow[] {
  return rows.filter((row) => (row.split ?? 'train') === split)
}

function progressLine(io: CliIo, { phase, done }: TrainingProgress, elapsedMs: number): string {
  const share = `${Math.round(done * 100)} %`
  const left = done > 0.02 ? ((elapsedMs / done) * (1 - done)) / 1000 : undefined
  const eta =
    left === undefined
      ? ''
      : io.say({ en: `, ${left.toFixed(0)} s left`, zh: `，剩余 ${left.toFixed(0)} 秒` })
  const doing =
    phase === 'training'
      ? io.say({ en: 'training', zh: '训练中' })
      : io.say({ en: 'calibrating', zh: '校准中' })
  return `${doing} ${share}${eta}`
}

async function save(dir: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await mkdir(dir, { recursive: true }).catch((thrown: unknown) => {
    throw storageError(thrown, 'make', dir)
  })
  for (const [name, content] of files) await writeFileAtomic(join(dir, name), content)
}

function seed(io: CliIo): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 31) return value
    throw new YizhanError(
      'invalid_argument',
      io.say({ en: `${text} is no seed: 0 to 2147483647`, zh: `${text} 不能用作种子：应为 0 到 2147483647` }),
    )
  }
}

function profile(io: CliIo): (text: string) => Flags['profile'] {
  return (text) => {
    if (text === 'fast' || text === 'best') return text
    throw new YizhanError(
      'invalid_argument',
      io.say({ en: `${text} is no profile: fast or best`, zh: `没有 ${text} 这个档位：应为 fast 或 best` }),
    )
  }
}
