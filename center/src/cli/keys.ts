import { resolve } from 'node:path'
import { type CliIo, type KeyStatus, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, tenantId } from './arguments.js'
import { type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'

/** Wrapping thousands of keys by a KMS, or copying a million: an hour. */
const LONG = { timeoutMs: 60 * 60_000 }

/** `keys status|rotate|export`. */
export function keyCommands(program: Command, io: CliIo, call: CenterCall): void {
  const keys = program
    .command('keys')
    .description(io.say({ en: 'keys that seal the stored data', zh: '加密存储数据的密钥' }))

  const status = keys
    .command('status')
    .description(
      io.say({ en: 'keys by kind, and under which key-encryption key', zh: '各类密钥的数量及其所属主密钥' }),
    )
    .action(async (_options, command: Command) => {
      const found = await call<KeyStatus>(command, 'GET', '/v1/keys')
      if (io.wantsJson) return io.json(found)
      io.record(summary(found))
    })

  const rotate = keys
    .command('rotate')
    .description(
      io.say({
        en: 'a new key-encryption key (--kek), or a new key of a tenant',
        zh: '更换主密钥（--kek），或更换租户密钥',
      }),
    )
    .option(
      '--kek',
      io.say({ en: 'wrap every key anew; it can be broken off', zh: '重新包裹全部密钥；可中断后继续' }),
    )
    .option('--tenant <tenant>', io.say({ en: 'whose key', zh: '租户 id' }), tenantId(io))
    .action(async (options: { kek?: boolean; tenant?: string }, command: Command) => {
      if ((options.kek === true) === (options.tenant !== undefined)) {
        throw new YizhanError(
          'invalid_argument',
          io.say({ en: 'say either --kek or --tenant', zh: '请指定 --kek 或 --tenant 之一' }),
        )
      }
      const path =
        options.tenant === undefined
          ? '/v1/keys/kek/rotate'
          : `/v1/tenants/${inPath(options.tenant)}/keys/rotate`
      io.record(await call(command, 'POST', path, undefined, LONG))
    })

  const copy = keys
    .command('export')
    .description(
      io.say({
        en: 'copy the wrapped keys for another disk, over the former copy; the key-encryption key is not in it',
        zh: '将已包裹的密钥复制到另一磁盘并覆盖旧副本；不含主密钥',
      }),
    )
    .requiredOption(
      '--to <file>',
      io.say({ en: 'on the center’s machine', zh: '中心所在机器上的文件' }),
      nonEmpty(io),
    )
    .action(async (options: { to: string }, command: Command) =>
      io.record(await call(command, 'POST', '/v1/keys/export', { to: resolve(options.to) }, LONG)),
    )

  withExamples(status, io, 'keys status', 'keys status --json')
  withExamples(rotate, io, 'keys rotate --kek', 'keys rotate --tenant acme')
  withExamples(copy, io, 'keys export --to /mnt/keys/yizhan.keys')
}

function summary({ keys, erased, epochs, damaged, ...rest }: KeyStatus): Record<string, unknown> {
  return {
    store: rest.storeId,
    provider: rest.provider,
    epoch: rest.epoch,
    'keys by epoch': Object.entries(epochs)
      .map(([epoch, count]) => `${epoch}: ${count}`)
      .join(', '),
    tenants: rest.tenants,
    'tenant keys': keys.tenant,
    'subject keys': keys.subject,
    'lookup keys': keys.lookup,
    'erased subjects': erased.subjects,
    'erased tenants': erased.tenants,
    damaged: damaged.map(({ slot, why }) => `${slot} (${why})`).join(', '),
    bytes: rest.bytes,
  }
}
