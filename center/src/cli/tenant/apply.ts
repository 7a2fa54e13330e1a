import { type CliIo, type ProgramHost, systemClock, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { requireDirectory } from '../arguments.js'
import type { CenterCall } from '../center-call.js'
import { withExamples } from '../examples.js'
import {
  type Applied,
  type ApplyDeps,
  type ApplyOptions,
  applyOnce,
  failedValue,
  showApplied,
} from './apply-once.js'
import { isEverywhere, waitMs } from './edges-wait.js'
import { watchDirectory } from './watch.js'

interface Flags {
  readonly file: string
  readonly prune?: boolean
  readonly dryRun?: boolean
  readonly exitCode?: boolean
  readonly watch?: boolean
  readonly wait?: string | true
}

/** `tenant apply -f DIR`. */
export function addApply(tenant: Command, io: CliIo, host: ProgramHost, call: CenterCall): void {
  const apply = requireDirectory(tenant.command('apply'), io)
    .description(
      io.say({
        en: 'check, train, test, and put a tenant directory in force; a problem or a failing test changes nothing',
        zh: '检查、训练、测试并使租户目录生效；有问题或测试未通过时不作任何改动',
      }),
    )
    .option(
      '--prune',
      io.say({
        en: 'delete what is in force and not in the directory; without it that is kept',
        zh: '删除已生效而目录中没有的内容；不加则保留',
      }),
    )
    .option('--dry-run', io.say({ en: 'all but putting it in force', zh: '试运行：除生效外全部执行' }))
    .option(
      '--exit-code',
      io.say({ en: 'with --dry-run: end with 3 if it differs', zh: '与 --dry-run 同用：有差异时以 3 退出' }),
    )
    .option('--wait [seconds]', io.say({ en: 'until linked edges run it', zh: '等待在线的边缘节点生效' }))
    .option(
      '--watch',
      io.say({ en: 'again on each save, until Ctrl-C', zh: '每次保存后再次执行，直到 Ctrl-C' }),
    )
    .action(async (flags: Flags, command: Command) => {
      const ask: ApplyDeps['ask'] = (method, path, body, asked) => call(command, method, path, body, asked)
      try {
        const options = optionsOf(io, flags)
        const run = async (signal: AbortSignal): Promise<Applied> => {
          const applied = await applyOnce({ io, clock: systemClock, ask }, options, signal)
          if (io.wantsJson) io.json(applied)
          else showApplied(io, applied)
          return applied
        }
        if (flags.watch) await watchDirectory({ io, host, clock: systemClock, run }, flags.file)
        else endWith(io, flags, await run(new AbortController().signal))
      } catch (thrown) {
        if (io.wantsJson) io.json(failedValue(thrown))
        throw thrown
      }
    })
  withExamples(
    apply,
    io,
    'tenant apply -f ./acme --wait',
    'tenant apply -f ./acme --dry-run --exit-code --json',
    'tenant apply -f ./acme --watch',
  )
}

function endWith(io: CliIo, { exitCode }: Flags, { changed, edges }: Applied): void {
  if (exitCode && changed) io.setExitCode(3)
  if (edges && !isEverywhere(edges)) io.setExitCode(1)
}

function optionsOf(io: CliIo, flags: Flags): ApplyOptions {
  refuseMixes(io, flags)
  return {
    dir: flags.file,
    prune: flags.prune === true,
    dryRun: flags.dryRun === true,
    waitMs: waitMs(io, flags.wait),
  }
}

function refuseMixes(io: CliIo, { dryRun, exitCode, watch, wait }: Flags): void {
  const refuse = (en: string, zh: string) => {
    throw new YizhanError('invalid_argument', io.say({ en, zh }))
  }
  if (exitCode && !dryRun) refuse('--exit-code goes with --dry-run', '--exit-code 须与 --dry-run 同用')
  if (dryRun && watch)
    refuse('--watch puts in force: not with --dry-run', '--watch 会使其生效，不能与 --dry-run 同用')
  if (dryRun && wait)
    refuse('--wait has nothing to wait for with --dry-run', '--dry-run 时没有可等待的内容，不能用 --wait')
}
