import { resolve } from 'node:path'
import { type CliIo, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty } from './arguments.js'
import { type Answer, type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'

const COLUMNS = ['id', 'kind', 'startedAt', 'tenants', 'rows', 'files', 'bytes']
/** A big center takes hours. */
const LONG = { timeoutMs: 24 * 3_600_000 }

/** `backup create|list|verify|prune`; `restore` stands beside them, because it needs no running center. */
export function backupCommands(program: Command, io: CliIo, call: CenterCall): Command {
  const backup = program
    .command('backup')
    .description(
      io.say({ en: 'back up the center, check and restore backups', zh: '备份中心、校验与恢复备份' }),
    )
  const at = (command: Command) =>
    command.requiredOption(
      '--at <dir>',
      io.say({ en: 'directory of the backups', zh: '备份目录' }),
      nonEmpty(io),
    )

  const create = at(backup.command('create'))
    .description(
      io.say({
        en: 'back up everything; after the first, only what changed is written',
        zh: '备份全部内容；首次之后只写入变化的部分',
      }),
    )
    .option('--full', io.say({ en: 'write everything anew', zh: '全部重新写入' }))
    .action(async (options: { at: string; full?: boolean }, command: Command) => {
      io.progress(io.say({ en: 'backing up …', zh: '正在备份…' }))
      const body = { at: resolve(options.at), full: options.full === true }
      io.record(await call(command, 'POST', '/v1/backups', body, LONG))
    })

  const list = at(backup.command('list'))
    .description(io.say({ en: 'backups of a directory, oldest first', zh: '列出目录中的备份，从旧到新' }))
    .action(async (options: { at: string }, command: Command) => {
      const found = await call<Answer[]>(command, 'GET', `/v1/backups?at=${inPath(resolve(options.at))}`)
      io.table(found, COLUMNS)
    })

  const verify = at(backup.command('verify <id>'))
    .description(
      io.say({
        en: 'restore a backup into a scratch store and check every record',
        zh: '把备份恢复到临时存储并逐条校验',
      }),
    )
    .action(async (id: string, options: { at: string }, command: Command) => {
      io.progress(io.say({ en: 'restoring to check …', zh: '正在试恢复…' }))
      io.record(await call(command, 'POST', '/v1/backups/verify', { at: resolve(options.at), id }, LONG))
    })

  const prune = at(backup.command('prune'))
    .description(io.say({ en: 'delete all but the newest backups', zh: '只保留最新的若干备份' }))
    .requiredOption('--keep <n>', io.say({ en: 'how many to keep', zh: '保留的份数' }))
    .action(async (options: { at: string; keep: string }, command: Command) => {
      const keep = Number(options.keep)
      if (!Number.isSafeInteger(keep) || keep < 1) {
        throw new YizhanError(
          'invalid_argument',
          io.say({ en: '--keep: not a whole number from 1', zh: '--keep：应为不小于 1 的整数' }),
        )
      }
      io.record(await call(command, 'POST', '/v1/backups/prune', { at: resolve(options.at), keep }, LONG))
    })

  withExamples(create, io, 'backup create --at /backup/yizhan')
  withExamples(list, io, 'backup list --at /backup/yizhan')
  withExamples(verify, io, 'backup verify latest --at /backup/yizhan')
  withExamples(prune, io, 'backup prune --at /backup/yizhan --keep 14')
  return backup
}
