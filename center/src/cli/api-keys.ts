import { type CliIo, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { requireConfirmed, tenantId } from './arguments.js'
import { type Answer, type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'

const COLUMNS = ['id', 'name', 'user', 'createdAt', 'expiresAt', 'revokedAt']
const DAY_MS = 86_400_000

/** `api-keys create|list|revoke`. */
export function apiKeyCommands(program: Command, io: CliIo, call: CenterCall): void {
  const keys = program.command('api-keys').description(
    io.say({
      en: 'keys by which programs reach the OpenAI-compatible front',
      zh: '程序访问 OpenAI 兼容接口所用的密钥',
    }),
  )
  const ofTenant = (command: Command) =>
    command.requiredOption('--tenant <tenant>', io.say({ en: 'whose keys', zh: '租户 id' }), tenantId(io))
  const pathOf = (tenant: string) => `/v1/tenants/${inPath(tenant)}/api-keys`

  const create = ofTenant(keys.command('create <name>'))
    .description(
      io.say({
        en: 'a new key; NAME says what it is for. Printed this once',
        zh: '新建密钥，NAME 说明用途。密钥只显示这一次',
      }),
    )
    .option(
      '--user <name>',
      io.say({
        en: 'pseudonym that its requests count as in quotas; default: the key itself',
        zh: '配额中计入的用户代号；默认为密钥自身',
      }),
    )
    .option(
      '--days <n>',
      io.say({ en: 'how long it counts; default: for good', zh: '有效天数；默认长期有效' }),
    )
    .action(
      async (name: string, options: { tenant: string; user?: string; days?: string }, command: Command) => {
        const body = {
          name,
          ...(options.user === undefined ? {} : { user: options.user }),
          ...(options.days === undefined ? {} : { expiresAt: inDays(io, options.days) }),
        }
        const made = await call<{ secret: string }>(command, 'POST', pathOf(options.tenant), body)
        if (io.wantsJson) io.json(made)
        else io.out(made.secret)
      },
    )

  const list = ofTenant(keys.command('list'))
    .description(
      io.say({ en: 'every key, revoked ones too; never a secret', zh: '列出全部密钥（不含密文）' }),
    )
    .action(async (options: { tenant: string }, command: Command) => {
      io.table(await call<Answer[]>(command, 'GET', pathOf(options.tenant)), COLUMNS)
    })

  const revoke = ofTenant(keys.command('revoke <id>'))
    .description(io.say({ en: 'revoke a key for good, at once', zh: '立即永久吊销密钥' }))
    .option('--yes', io.say({ en: 'do not ask for the id', zh: '不再要求确认 id' }))
    .option('--name <id>', io.say({ en: 'the key’s id once more', zh: '再次写出密钥 id' }))
    .action(
      async (id: string, options: { tenant: string; yes?: boolean; name?: string }, command: Command) => {
        requireConfirmed(io, id, options, { en: 'a revocation cannot be taken back', zh: '吊销无法撤回' })
        io.record(await call(command, 'POST', `${pathOf(options.tenant)}/${inPath(id)}/revoke`))
      },
    )

  withExamples(create, io, 'api-keys create "report generator" --tenant acme --days 90 > key')
  withExamples(list, io, 'api-keys list --tenant acme')
  withExamples(revoke, io, 'api-keys revoke 0… --tenant acme --yes')
}

function inDays(io: CliIo, text: string): string {
  const days = Number(text)
  if (!Number.isFinite(days) || days <= 0 || days > 36_500) {
    throw new YizhanError(
      'invalid_argument',
      io.say({ en: '--days: not a positive number', zh: '--days：应为正数' }),
    )
  }
  return new Date(Date.now() + days * DAY_MS).toISOString()
}
