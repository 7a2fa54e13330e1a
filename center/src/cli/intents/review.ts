import { type CliIo, oneLine } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, tenantId } from '../arguments.js'
import { type Answer, type CenterCall, inPath } from '../center-call.js'
import { withExamples } from '../examples.js'

interface ReviewFlags {
  readonly tenant: string
  readonly limit: string
  readonly why?: string
  readonly labelled?: boolean
}

interface Shown {
  readonly id: string
  readonly text: string
  readonly why: readonly string[]
  readonly count: number
  readonly suggested?: string
  readonly proposed?: string
  readonly guess?: { readonly intent: string; readonly score: number }
  readonly label?: string
}

interface Page {
  readonly samples: readonly Shown[]
  readonly cursor?: string
}

const MAX_PAGE = 200
/** A model of language takes its time. */
const TIMEOUT_MS = 10 * 60_000

/** `intents review`: questions that a person should label. */
export function addReview(intents: Command, io: CliIo, call: CenterCall): void {
  const review = intents
    .command('review')
    .description(
      io.say({
        en: 'questions to label, newest first; audited',
        zh: '列出待标注的问题，新的在前（记入审计）',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose questions', zh: '租户 id' }), tenantId(io))
    .option('--limit <n>', io.say({ en: 'at most so many; default 50', zh: '最多条数，默认 50' }), '50')
    .option('--why <reason>', io.say({ en: 'such as rejected or forwarded', zh: '如 rejected 或 forwarded' }))
    .option('--labelled', io.say({ en: 'those that have a label instead', zh: '改为列出已标注的' }))
    .action((flags: ReviewFlags, command: Command) => list(io, call, command, flags))
  withExamples(
    review,
    io,
    'intents review --tenant acme',
    'intents review --tenant acme --why rejected --json',
  )
}

async function list(io: CliIo, call: CenterCall, command: Command, flags: ReviewFlags): Promise<void> {
  const wanted = Math.max(1, Math.trunc(Number(flags.limit)) || 1)
  const path = `/v1/tenants/${inPath(flags.tenant)}/samples`
  const filter = [
    ...(flags.why === undefined ? [] : [`why=${inPath(flags.why)}`]),
    ...(flags.labelled ? ['state=labelled'] : []),
  ]
  let cursor: string | undefined
  let left = wanted
  do {
    const query = [
      ...filter,
      `limit=${Math.min(left, MAX_PAGE)}`,
      ...(cursor === undefined ? [] : [`cursor=${inPath(cursor)}`]),
    ]
    const page = await call<Page>(command, 'GET', `${path}?${query.join('&')}`)
    const columns = [
      'id',
      'text',
      'count',
      'why',
      'guess',
      'suggested',
      flags.labelled ? 'label' : 'proposed',
    ]
    io.table(io.wantsJson ? (page.samples as unknown as Answer[]) : page.samples.map(inColumns), columns)
    left -= page.samples.length
    cursor = page.cursor
  } while (cursor !== undefined && left > 0)
}

function inColumns({ id, text, count, why, guess, suggested, proposed, label }: Shown): Answer {
  return {
    id,
    text,
    count,
    why: why.join(' '),
    guess: guess ? `${guess.intent} ${guess.score.toFixed(2)}` : '',
    suggested: suggested ?? '',
    proposed: proposed ?? '',
    label: label ?? '',
  }
}

/** `intents label`: what a question means, for it and all that are the same. */
export function addLabel(intents: Command, io: CliIo, call: CenterCall): void {
  const label = intents
    .command('label <sample>')
    .description(
      io.say({
        en: 'say what a question means; all that are the same get the label too',
        zh: '标注问题的含义；相同的问题一并标注',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose question', zh: '租户 id' }), tenantId(io))
    .requiredOption(
      '--intent <name|oos|discard>',
      io.say({ en: 'an intent, out of scope, or not to be kept', zh: '意图、超出范围，或不保留' }),
      nonEmpty(io),
    )
    .action(
      async (sample: string, { tenant, intent }: { tenant: string; intent: string }, command: Command) => {
        const path = `/v1/tenants/${inPath(tenant)}/samples/${inPath(sample)}/label`
        io.record(await call(command, 'POST', path, { intent }))
      },
    )
  withExamples(
    label,
    io,
    'intents label t_0… --tenant acme --intent it.vpn',
    'intents label t_0… --tenant acme --intent oos',
  )
}

/** `intents propose` and `paraphrase`: what the language model says, for a person to decide. */
export function addProposals(intents: Command, io: CliIo, call: CenterCall): void {
  const propose = intents
    .command('propose')
    .description(
      io.say({
        en: 'let the language model propose labels; intents review shows them',
        zh: '请大模型建议标注；在 intents review 中查看',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose questions', zh: '租户 id' }), tenantId(io))
    .option('--limit <n>', io.say({ en: 'at most so many; default 100', zh: '最多条数，默认 100' }), '100')
    .action(async ({ tenant, limit }: { tenant: string; limit: string }, command: Command) => {
      const path = `/v1/tenants/${inPath(tenant)}/samples/propose`
      io.record(await call(command, 'POST', path, { limit: Number(limit) }, { timeoutMs: TIMEOUT_MS }))
    })
  withExamples(propose, io, 'intents propose --tenant acme')

  const paraphrase = intents
    .command('paraphrase')
    .description(
      io.say({
        en: 'let the language model write other ways to ask; each waits for a label',
        zh: '请大模型写出其他问法；逐条等待标注',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose intent', zh: '租户 id' }), tenantId(io))
    .requiredOption('--intent <name>', io.say({ en: 'what is asked for', zh: '意图' }), nonEmpty(io))
    .option(
      '--count <n>',
      io.say({ en: 'how many; default 10, at most 50', zh: '条数，默认 10，最多 50' }),
      '10',
    )
    .action(
      async (
        { tenant, intent, count }: { tenant: string; intent: string; count: string },
        command: Command,
      ) => {
        const path = `/v1/tenants/${inPath(tenant)}/samples/paraphrase`
        const body = { intent, count: Number(count) }
        const { texts } = await call<{ texts: readonly string[] }>(command, 'POST', path, body, {
          timeoutMs: TIMEOUT_MS,
        })
        if (io.wantsJson) return io.json({ intent, texts })
        for (const text of texts) io.out(oneLine(text))
      },
    )
  withExamples(paraphrase, io, 'intents paraphrase --tenant acme --intent it.vpn --count 20')
}
