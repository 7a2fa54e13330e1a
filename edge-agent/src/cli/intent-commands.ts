import { type CliIo, type CliText, oneLine } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { IntentTrial, Reason } from '../ops/index.js'
import type { EdgeCall } from './turns.js'

/** `intents list` and `intents try`: what this edge knows, and how it reasons about a text. */
export function intentCommands(program: Command, io: CliIo, call: EdgeCall): void {
  const intents = program.command('intents').description('what the local model knows, and how it reasons')
  intents
    .command('list')
    .description('the intents that this edge answers for')
    .option('--tenant <tenant>', 'of one tenant')
    .action(async (options: { tenant?: string }, command: Command) => {
      const query = new URLSearchParams(options.tenant === undefined ? {} : { tenant: options.tenant })
      const rows = await call<Record<string, unknown>[]>(command, 'GET', `/v1/intents?${query}`)
      io.table(rows, ['tenant', 'intent', 'reply', 'slots', 'title'])
    })
  intents
    .command('try <text>')
    .description('the whole reasoning about a text, as if it had been asked; nothing is answered or kept')
    .option('--tenant <tenant>', 'default: the edge’s first')
    .action(async (text: string, { tenant }: { tenant?: string }, command: Command) => {
      printTrial(io, await call<IntentTrial>(command, 'POST', '/v1/intents/try', { text, tenant }))
    })
}

function printTrial(io: CliIo, trial: IntentTrial): void {
  if (io.wantsJson) {
    io.json(trial)
    return
  }
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  const line = (label: CliText, value: string) => io.out(`${io.say(label)}  ${oneLine(value)}`)
  line({ en: 'read as   ', zh: '读作　' }, trial.normalised === '' ? '—' : trial.normalised)
  line({ en: 'tenant    ', zh: '租户　' }, `${trial.tenant} @ ${trial.bundle.slice(0, 12)}`)
  for (const [i, { intent, score }] of trial.top.entries()) {
    line(
      i === 0 ? { en: 'intents   ', zh: '意图　' } : { en: '          ', zh: '　　　' },
      `${percent(score).padStart(7)}  ${intent}`,
    )
  }
  const point = `${trial.operatingPoint}: ${io.say({ en: 'answer', zh: '作答' })} ≥ ${percent(trial.accept)}, ${io.say({ en: 'ask back', zh: '反问' })} ≥ ${percent(trial.askBack)}`
  line({ en: 'thresholds', zh: '阈值　' }, point)
  line({ en: 'because   ', zh: '判断　' }, io.say(REASONS[trial.because]))
  line({ en: 'decision  ', zh: '决定　' }, [io.say(DECISIONS[trial.decision]), ...trial.names].join(' '))
  for (const [name, value] of Object.entries(trial.slots))
    line({ en: 'slot      ', zh: '槽位　' }, `${name} = ${value}`)
  if (trial.missing.length > 0) line({ en: 'asks for  ', zh: '还要问' }, trial.missing.join(', '))
  line(
    { en: 'took      ', zh: '耗时　' },
    `${trial.tookMs.toFixed(2)} ms (${io.say({ en: 'model', zh: '模型' })} ${trial.classifyMs.toFixed(2)} ms)`,
  )
}

const REASONS: Readonly<Record<Reason, CliText>> = {
  example: { en: 'it is one of the examples', zh: '与例句完全一致' },
  sure: { en: 'the best score reaches the threshold for answering', zh: '最高分达到作答阈值' },
  doubtful: { en: 'the best score is between the two thresholds', zh: '最高分介于两个阈值之间' },
  'out-of-scope': { en: 'no score reaches the threshold for asking back', zh: '没有分数达到反问阈值' },
}

const DECISIONS: Readonly<Record<IntentTrial['decision'], CliText>> = {
  answer: { en: 'answer here:', zh: '本地作答：' },
  slots: { en: 'fill in a form', zh: '先补全信息' },
  handoff: { en: 'hand over to', zh: '转人工：' },
  forward: { en: 'ask the center', zh: '转给中心' },
  queue: { en: 'a ticket, until the center is back', zh: '先记单，等中心恢复' },
  'ask-back': { en: 'ask which is meant:', zh: '反问是哪一个：' },
  refuse: { en: 'refuse: too many wait already', zh: '拒绝：排队已满' },
}
