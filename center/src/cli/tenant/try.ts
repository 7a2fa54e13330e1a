import type { Decision } from '@yizhan/intent'
import { type CliIo, oneLine, systemClock } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { Problem, TenantSource, TriedOut } from '../../tenants/index.js'
import { requireDirectory } from '../arguments.js'
import { withExamples } from '../examples.js'
import { answerLines } from './answer-lines.js'
import { checkedDirectory } from './check.js'

interface Flags {
  readonly file: string
  readonly say?: readonly string[]
}

/** `tenant test -f DIR`: trains and runs `tests/` on this machine; exit 1 if one does not hold. */
export function addTest(tenant: Command, io: CliIo): void {
  const test = requireDirectory(tenant.command('test'), io)
    .description(
      io.say({
        en: 'train a directory and run its tests/, or try a sentence; needs no running center',
        zh: '训练目录并运行 tests/，或试一句话；无需运行中心',
      }),
    )
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
      train: ({ examples, negatives, file }, signal) =>
        trainInWorker({ examples, negatives, languages: file.languages, signal }),
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
  for (const problem of failed) io.out(oneLine(problemLine(problem, io.lang)))
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
  source: TenantSource,
  tried: TriedOut,
  said: readonly string[],
): Promise<void> {
  const { wayOf } = await import('../../tenants/index.js')
  const decisions = await tried.decide(said)
  for (const [i, decision] of decisions.entries()) {
    const say = said[i] ?? ''
    const { by, known } = wayOf(decision, source.file)
    if (io.wantsJson) io.json({ say, ...decision, by, ...(known ? { reply: known.reply } : {}) })
    else {
      showDecision(io, say, decision)
      for (const line of answerLines(io, say, by, known, source.file.languages)) io.out(`  ${line}`)
    }
  }
}

function showDecision(io: CliIo, say: string, { intent, score, match, top, accept }: Decision): void {
  const known = match === 'exact' ? io.say({ en: ', word for word', zh: '，一字不差' }) : ''
  const text = oneLine(say)
  io.out(
    io.say({
      en: `“${text}”: ${intent} ${score.toFixed(2)} (threshold ${accept.toFixed(2)}${known})`,
      zh: `“${text}”：${intent} ${score.toFixed(2)}（阈值 ${accept.toFixed(2)}${known}）`,
    }),
  )
  for (const one of top) io.out(`  ${one.score.toFixed(2)}  ${one.intent}`)
}
