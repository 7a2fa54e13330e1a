import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { requireDirectory } from '../arguments.js'
import type { CenterCall } from '../center-call.js'
import { withExamples } from '../examples.js'
import { type Difference, differenceValues, showDifference } from './difference-lines.js'
import { sentFiles } from './sent-files.js'
import { showWarnings } from './warnings.js'

interface DiffAnswer extends Difference {
  readonly tenant: string
  readonly warnings: readonly string[]
}

/** `tenant diff -f DIR`: a directory against what is in force. */
export function addDiff(tenant: Command, io: CliIo, call: CenterCall): void {
  const diff = requireDirectory(tenant.command('diff'), io)
    .description(
      io.say({
        en: 'what a directory would change in what is in force, object by object',
        zh: '逐项列出目录与生效内容的差异',
      }),
    )
    .option('--prune', io.say({ en: 'as an apply with --prune', zh: '按带 --prune 的 apply 计算' }))
    .option('--exit-code', io.say({ en: 'end with 3 if it differs', zh: '有差异时以 3 退出' }))
    .action(async (options: { file: string; prune?: boolean; exitCode?: boolean }, command: Command) => {
      const { readTenantDirectory } = await import('../../tenants/index.js')
      const files = sentFiles(await readTenantDirectory(options.file, io.lang))
      io.progress(io.say({ en: 'comparing …', zh: '正在比较 …' }))
      const body = { files, prune: options.prune === true }
      const told = await call<DiffAnswer>(command, 'POST', `/v1/tenants/diff?lang=${io.lang}`, body, {
        timeoutMs: DIFF_TIMEOUT_MS,
      })
      if (io.wantsJson) for (const value of differenceValues(told)) io.json(value)
      else showDifference(io, told)
      showWarnings(io, told.warnings)
      const isSame = told.diff.length === 0
      if (isSame) io.err(io.say({ en: 'nothing differs', zh: '没有差异' }))
      else if (options.exitCode) io.setExitCode(3)
    })
  withExamples(diff, io, 'tenant diff -f ./acme', 'tenant diff -f ./acme --prune --exit-code')
}

/** Documents of a large directory are read anew. */
const DIFF_TIMEOUT_MS = 5 * 60_000
