import type { Decision, IntentReply, LanguageMap } from '@yizhan/intent'
import { type CliIo, type CliText, systemClock } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { Problem, TenantSource, TriedOut, Way } from '../../tenants/index.js'
import { withExamples } from '../examples.js'
import { checkedDirectory } from './check.js'

interface Flags {
  readonly file: string
  readonly say?: readonly string[]
}

/** `tenant test -f DIR`: trains and runs `tests/` on this machine; exit 1 if one does not hold. */
export function addTest(tenant: Command, io: CliIo): void {
  const test = tenant
    .command('test')
    .description(
      io.say({
        en: 'train a directory and run its tests/, or try a sentence; needs no running center',
        zh: '训练目录并运行 tests/，或试一句话；无需运行中心',
      }),
    )
    .requiredOption('-f, --file <dir>', io.say({ en: 'the tenant directory', zh: '租户目录' }))
    .option(
      '--say <text>',
      io.say({ en: 'what becomes of this sentence; may be given again', zh: '试一句话；可多次给出' }),
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .action(async (flags: Flags) => {
      const { source, warnings } = await checkedDirectory(io, flags.file)
      const tried = await trained(io, source)
      try {
        if (flags.say) await showSaid(io, source, tried, flags.say)
        else await showTests(io, tried, warnings)
      } finally {
        await tried.close()
      }
    })
  withExamples(test, io, 'tenant test -f ./acme', 'tenant test -f ./acme --say "where can I park"')
}

async function trained(io: CliIo, source: TenantSource): Promise<TriedOut> {
  const { tryOut } = await import('../../tenants/index.js')
  const { trainInWorker } = await import('@yizhan/intent')
  const { length } = source.tests
  io.progress(
    io.say({
      en: `training with ${source.examples.length} examples, then ${length} tests …`,
      zh: `正在用 ${source.examples.length} 个问句训练，然后运行 ${length} 条测试 …`,
    }),
  )
  const tried = await tryOut(
    {
      train: ({ examples, file }, signal) => trainInWorker({ examples, languages: file.languages, signal }),
      clock: systemClock,
    },
    source,
    // Ctrl-C ends the process, and the training with it.
    new AbortController().signal,
  )
  io.progress(undefined)
  return tried
}

async function showTests(
  io: CliIo,
  { failed, passed, trainMs }: TriedOut,
  warnings: readonly Problem[],
): Promise<void> {
  const { problemDetail, problemLine } = await import('../../tenants/index.js')
  if (failed.length > 0) io.setExitCode(1)
  if (io.wantsJson) {
    const told = (problems: readonly Problem[]) => problems.map((one) => problemDetail(one, io.lang))
    return io.json({ passed, failed: told(failed), warnings: told(warnings), trainMs })
  }
  for (const problem of failed) io.out(problemLine(problem, io.lang))
  const count = io.say({
    en: `${passed} passed, ${failed.length} failed`,
    zh: `${passed} 条通过，${failed.length} 条未通过`,
  })
  const colour = failed.length > 0 ? 31 : 32
  io.out(io.colourOut ? `\u001b[${colour}m${count}\u001b[0m` : count)
  if (passed + failed.length === 0) {
    io.err(io.say({ en: 'there is nothing in tests/ yet', zh: 'tests/ 中还没有测试' }))
  }
}

async function showSaid(
  io: CliIo,
  { file }: TenantSource,
  tried: TriedOut,
  said: readonly string[],
): Promise<void> {
  const { wayOf } = await import('../../tenants/index.js')
  const decisions = await tried.decide(said)
  for (const [i, decision] of decisions.entries()) {
    const say = said[i] ?? ''
    const { by, known } = wayOf(decision, file)
    if (io.wantsJson) io.json({ say, ...decision, by, ...(known ? { reply: known.reply } : {}) })
    else showDecision(io, say, decision, { by, reply: known?.reply, languages: file.languages })
  }
}

interface Answered {
  readonly by: Way
  readonly reply: IntentReply | undefined
  readonly languages: readonly string[]
}

function showDecision(io: CliIo, say: string, decision: Decision, { by, reply, languages }: Answered): void {
  const { intent, score, match, top, accept } = decision
  const known = match === 'exact' ? io.say({ en: ', word for word', zh: '，一字不差' }) : ''
  io.out(
    io.say({
      en: `“${say}”: ${intent} ${score.toFixed(2)} (threshold ${accept.toFixed(2)}${known})`,
      zh: `“${say}”：${intent} ${score.toFixed(2)}（阈值 ${accept.toFixed(2)}${known}）`,
    }),
  )
  for (const one of top) io.out(`  ${one.score.toFixed(2)}  ${one.intent}`)
  const what = reply && by === 'edge' ? replyText(reply, [io.lang, ...languages]) : undefined
  io.out(`  ${io.say(WAYS[by])}${what === undefined ? '' : io.say({ en: `: ${what}`, zh: `：${what}` })}`)
}

function replyText(reply: IntentReply, languages: readonly string[]): string {
  switch (reply.kind) {
    case 'text':
      return firstOf(reply.text, languages)
    case 'card':
      return `card ${reply.card}`
    case 'skill':
      return `skill ${reply.skill}`
    case 'handoff':
      return `handoff ${reply.handoff}`
    case 'forward':
      return `forward ${reply.knowledge.join(', ')}`.trim()
    default:
      return reply satisfies never
  }
}

function firstOf(text: LanguageMap, languages: readonly string[]): string {
  const found = languages.find((tag) => Object.hasOwn(text, tag))
  return (found === undefined ? undefined : text[found]) ?? Object.values(text)[0] ?? ''
}

const WAYS: Readonly<Record<Way, CliText>> = {
  edge: { en: 'the edge answers', zh: '由边缘节点回答' },
  center: { en: 'the center answers', zh: '转到中心回答' },
  'ask-back': { en: 'the edge asks which one is meant', zh: '边缘节点反问是哪一个' },
}
