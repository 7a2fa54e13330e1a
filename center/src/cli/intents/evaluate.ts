import { join } from 'node:path'
import type { OperatingPoint } from '@yizhan/intent'
import { type CliIo, readFileIfExists, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, tenantId } from '../arguments.js'
import type { CenterCall } from '../center-call.js'
import { withExamples } from '../examples.js'
import { readLabelledRows } from './labelled-rows.js'
import { evaluateOfTenant, oneForm } from './tenant-models.js'
import { parseReport, REPORT_FILE } from './training-report.js'

interface FileFlags {
  readonly bundle: string
  readonly data: string
  readonly operatingPoint: OperatingPoint
}

interface Flags extends Partial<FileFlags> {
  readonly operatingPoint: OperatingPoint
  readonly tenant?: string
  readonly number?: string
}

const POINTS: readonly string[] = ['keen', 'balanced', 'careful'] satisfies readonly OperatingPoint[]

/** `intents eval`: what a model makes of labelled texts, and how fast; or a tenant's version at the running center. */
export function addEval(intents: Command, io: CliIo, call: CenterCall): void {
  const evaluation = intents
    .command('eval')
    .description(
      io.say({
        en: 'hold a tenant’s version against its tests and held-out questions; or a model against a file, without a center',
        zh: '用测试与留出的问题检验租户的版本；或用文件检验模型，无需运行中心',
      }),
    )
    .option('--tenant <tenant>', io.say({ en: 'whose model', zh: '租户 id' }), tenantId(io))
    .option(
      '--number <n>',
      io.say({
        en: 'of intents list; default: the one in force',
        zh: 'intents list 中的版本；默认为现行版本',
      }),
    )
    .option('--bundle <dir>', io.say({ en: 'what train wrote', zh: 'train 的输出目录' }), nonEmpty(io))
    .option(
      '--data <file.jsonl>',
      io.say({ en: 'rows {"text","intent"}; all of them count', zh: '每行 {"text","intent"}；全部计入' }),
      nonEmpty(io),
    )
    .option(
      '--operating-point <keen|balanced|careful>',
      io.say({ en: 'how sure it must be to answer', zh: '多有把握才回答' }),
      point(io),
      'balanced',
    )
    .action((flags: Flags, command: Command) => {
      const { tenant, number, bundle, data, operatingPoint } = flags
      if (tenant !== undefined && data === undefined && bundle === undefined)
        return evaluateOfTenant({ io, call }, command, {
          tenant,
          ...(number === undefined ? {} : { number }),
        })
      if (tenant === undefined && data !== undefined && bundle !== undefined)
        return run(io, { bundle, data, operatingPoint })
      throw oneForm(io, '--bundle and --data', '--bundle 与 --data')
    })
  withExamples(
    evaluation,
    io,
    'intents eval --tenant acme',
    'intents eval --bundle ./model --data test.jsonl --operating-point careful',
  )
}

async function run(io: CliIo, { bundle, data, operatingPoint }: FileFlags): Promise<void> {
  const { CARD_FILE, featurizerId, IntentModel, measure, MODEL_FILE } = await import('@yizhan/intent')
  const rows = await readLabelledRows(io, data)
  const files = new Map<string, Uint8Array>()
  for (const name of [MODEL_FILE, CARD_FILE]) {
    const content = await readFileIfExists(join(bundle, name))
    if (content) files.set(name, content)
  }
  const report = await readFileIfExists(join(bundle, REPORT_FILE))
  const model = await IntentModel.load(files)
  try {
    const { figures } = await measure(model, rows, operatingPoint, (done) =>
      io.progress(io.say({ en: `${done} of ${rows.length} texts`, zh: `${done} / ${rows.length} 条` })),
    )
    io.progress(undefined)
    io.record({
      ...figures,
      bytes: [...files.values()].reduce((sum, file) => sum + file.length, 0),
      featurizer: featurizerId(model.card.featurizer),
      trainSeconds: report ? parseReport(report).trainSeconds : null,
    })
  } finally {
    await model.close()
  }
}

function point(io: CliIo): (text: string) => string {
  return (text) => {
    if (POINTS.includes(text)) return text
    throw new YizhanError(
      'invalid_argument',
      io.say({
        en: `${text} is no operating point: ${POINTS.join(', ')}`,
        zh: `没有 ${text} 这个工作点：${POINTS.join('、')}`,
      }),
    )
  }
}
