import { join } from 'node:path'
import type { OperatingPoint } from '@yizhan/intent'
import { type CliIo, readFileIfExists, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty } from '../arguments.js'
import { withExamples } from '../examples.js'
import { readLabelledRows } from './labelled-rows.js'
import { parseReport, REPORT_FILE } from './training-report.js'

interface Flags {
  readonly bundle: string
  readonly data: string
  readonly operatingPoint: OperatingPoint
}

const POINTS: readonly string[] = ['keen', 'balanced', 'careful'] satisfies readonly OperatingPoint[]

/** `intents eval`: what a model makes of labelled texts, and how fast. */
export function addEval(intents: Command, io: CliIo): void {
  const evaluation = intents
    .command('eval')
    .description(
      io.say({
        en: 'hold a model against labelled texts; needs no running center',
        zh: '用标注好的文本检验模型；无需运行中心',
      }),
    )
    .requiredOption(
      '--bundle <dir>',
      io.say({ en: 'what train wrote', zh: 'train 的输出目录' }),
      nonEmpty(io),
    )
    .requiredOption(
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
    .action((flags: Flags) => run(io, flags))
  withExamples(evaluation, io, 'intents eval --bundle ./model --data test.jsonl --operating-point careful')
}

async function run(io: CliIo, { bundle, data, operatingPoint }: Flags): Promise<void> {
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
