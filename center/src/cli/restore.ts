import { join, resolve } from 'node:path'
import {
  type CliIo,
  createLogger,
  type LoadedConfig,
  openKek,
  systemClock,
  YizhanError,
} from '@yizhan/kernel'
import type { Command } from 'commander'
import { type CenterConfig, KEK_FILE } from '../config.js'
import { nonEmpty } from './arguments.js'
import { withExamples } from './examples.js'

/** `backup restore`: the only verb that makes a state directory, and so needs no center on it. */
export function restoreCommand(
  backup: Command,
  io: CliIo,
  load: (command: Command) => LoadedConfig<CenterConfig>,
): void {
  const restore = backup
    .command('restore <id>')
    .description(
      io.say({
        en: 'make a state directory of a backup; everybody who was erased stays erased',
        zh: '由备份生成状态目录；已删除的人员仍保持删除',
      }),
    )
    .requiredOption('--at <dir>', io.say({ en: 'directory of the backups', zh: '备份目录' }), nonEmpty(io))
    .requiredOption(
      '--keys <file>',
      io.say({ en: 'copy of the keys (`keys export`)', zh: '密钥副本（`keys export`）' }),
      nonEmpty(io),
    )
    .requiredOption(
      '--erasures <file>',
      io.say({ en: 'the erasure log, kept off this machine', zh: '保存在机外的删除日志' }),
      nonEmpty(io),
    )
    .option(
      '--kek <file>',
      io.say({
        en: 'the key-encryption key, which is put into the state directory; without it: where the settings say',
        zh: '主密钥文件，将放入状态目录；省略则按配置读取',
      }),
      nonEmpty(io),
    )
    .action(
      async (
        id: string,
        options: { at: string; keys: string; erasures: string; kek?: string },
        command: Command,
      ) => {
        const { stateDir, storage, keys } = load(command).value
        if (storage.dirs.length > 0) {
          throw new YizhanError(
            'config_invalid',
            io.say({
              en: 'a restore makes its LevelDB shards in the state directory',
              zh: '恢复会在状态目录中生成 LevelDB 分片',
            }),
            {
              hint: io.say({
                en: 'restore without storage.dirs; then move data/shard-N to its disk, and set storage.dirs',
                zh: '不设 storage.dirs 进行恢复；然后把 data/shard-N 移到相应磁盘，再设置 storage.dirs',
              }),
            },
          )
        }
        const given = options.kek === undefined ? undefined : resolve(options.kek)
        const settings =
          given === undefined ? keys.kek : { ...keys.kek, provider: 'file' as const, file: given }
        const kek = await openKek(settings, {
          defaultFile: join(stateDir, KEK_FILE),
          keysDir: undefined,
          credentialsDirectory: io.env.CREDENTIALS_DIRECTORY,
          clock: systemClock,
        })
        io.progress(io.say({ en: 'restoring …', zh: '正在恢复…' }))
        const { restoreCenter } = await import('../restore-center.js')
        const report = await restoreCenter(
          { kek, log: createLogger({ name: 'restore', level: 'warn' }) },
          {
            at: resolve(options.at),
            backup: id,
            stateDir: resolve(stateDir),
            keys: resolve(options.keys),
            erasureLog: resolve(options.erasures),
            shards: storage.engine === 'postgres' ? 0 : storage.shards,
            ...(storage.engine === 'level' ? {} : { postgres: storage.postgres }),
            ...(storage.newTenants === undefined ? {} : { newTenants: storage.newTenants }),
            ...(given === undefined ? {} : { kekFile: given }),
          },
          new AbortController().signal,
        )
        io.record({ ...report, startedAt: new Date(report.startedAt).toISOString(), stateDir })
      },
    )
  withExamples(
    restore,
    io,
    'backup restore latest --at /backup/yizhan --keys /keys/yizhan.keys --erasures /off-box/erasures.jsonl --kek /keys/kek --state /var/lib/yizhan/center',
  )
}
