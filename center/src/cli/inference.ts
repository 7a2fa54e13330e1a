import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'
import { type Answer, type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'

const BACKENDS = [
  ...['name', 'model', 'channel', 'breaker', 'alive', 'draining'],
  ...['running', 'inFlightTokens', 'creditTokens'],
]
const QUOTAS = ['tenant', 'open', 'monthTokens', 'monthlyTokens', 'requestsPerMinute', 'tokensPerMinute']

interface QuotaAnswer extends Answer {
  readonly limits: Answer
}

/** `backends list|drain|undrain` and `quota show`. */
export function inferenceCommands(program: Command, io: CliIo, call: CenterCall): void {
  const backends = program
    .command('backends')
    .description(io.say({ en: 'the engines that write answers', zh: '推理后端' }))

  const list = backends
    .command('list')
    .description(
      io.say({ en: 'every backend: state, credit, what runs there', zh: '列出各后端的状态、额度与负载' }),
    )
    .action(async (_options, command: Command) =>
      io.table(await call<Answer[]>(command, 'GET', '/v1/backends'), BACKENDS),
    )

  const drain = backends
    .command('drain <backend>')
    .description(
      io.say({
        en: 'give it nothing new; what runs there goes on, and a restart ends it',
        zh: '不再分配新请求，在途请求继续；重启后恢复',
      }),
    )
    .action(async (backend: string, _options, command: Command) =>
      io.record(await call(command, 'POST', `/v1/backends/${inPath(backend)}/drain`)),
    )

  const undrain = backends
    .command('undrain <backend>')
    .description(io.say({ en: 'give it requests again', zh: '恢复分配请求' }))
    .action(async (backend: string, _options, command: Command) =>
      io.record(await call(command, 'POST', `/v1/backends/${inPath(backend)}/undrain`)),
    )

  const quota = program
    .command('quota')
    .description(io.say({ en: 'what tenants may use', zh: '租户的推理配额' }))

  const show = quota
    .command('show [tenant]')
    .description(
      io.say({
        en: 'limits, and what was used this month (UTC); of every tenant or one',
        zh: '查看限额与本月（UTC）用量；可指定租户',
      }),
    )
    .action(async (tenant: string | undefined, _options, command: Command) => {
      if (tenant !== undefined) {
        io.record(await call(command, 'GET', `/v1/tenants/${inPath(tenant)}/quota`))
        return
      }
      const quotas = await call<QuotaAnswer[]>(command, 'GET', '/v1/quotas')
      io.table(io.wantsJson ? quotas : quotas.map(({ limits, ...rest }) => ({ ...rest, ...limits })), QUOTAS)
    })

  withExamples(list, io, 'backends list')
  withExamples(drain, io, 'backends drain gpu-2')
  withExamples(undrain, io, 'backends undrain gpu-2')
  withExamples(show, io, 'quota show', 'quota show acme --json')
}
