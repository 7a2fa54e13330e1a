import { type CliIo, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { requireConfirmed } from './arguments.js'
import { type Answer, type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'

const COLUMNS = ['edgeId', 'site', 'tenants', 'revoked', 'appliedRevision', 'rejected', 'agentVersion']

/** `edges list|token|tenants|revoke`. */
export function edgeCommands(program: Command, io: CliIo, call: CenterCall): void {
  const edges = program.command('edges').description(io.say({ en: 'the fleet', zh: '边缘节点' }))

  const list = edges
    .command('list')
    .description(io.say({ en: 'every edge of the registry', zh: '列出登记的全部边缘节点' }))
    .action(async (_options, command: Command) => {
      const shown = await call<Answer[]>(command, 'GET', '/v1/edges')
      io.table(io.wantsJson ? shown : shown.map(withRefusal), COLUMNS)
    })

  const token = edges
    .command('token <edge>')
    .description(io.say({ en: 'make a one-use join token', zh: '生成一次性加入令牌' }))
    .requiredOption(
      '--tenant <tenant...>',
      io.say({ en: 'tenants that the edge serves', zh: '该节点服务的租户' }),
    )
    .option('--site <name>', io.say({ en: 'where the edge stands', zh: '节点所在地点' }), '')
    .option('--minutes <n>', io.say({ en: 'how long the token counts', zh: '令牌有效的分钟数' }), '10')
    .action(
      async (
        edge: string,
        options: { tenant: string[]; site: string; minutes: string },
        command: Command,
      ) => {
        const ttlMs = Number(options.minutes) * 60_000
        if (!Number.isFinite(ttlMs) || ttlMs <= 0) {
          throw new YizhanError(
            'invalid_argument',
            io.say({ en: '--minutes: not a positive number', zh: '--minutes：应为正数' }),
          )
        }
        const body = { edge, tenants: options.tenant, site: options.site, ttlMs: Math.round(ttlMs) }
        const made = await call<{ token: string }>(command, 'POST', '/v1/edges/tokens', body)
        if (io.wantsJson) io.json(made)
        else io.out(made.token)
      },
    )

  const tenants = edges
    .command('tenants <edge> [tenant...]')
    .description(
      io.say({
        en: 'set which tenants an edge serves; the list is the whole list',
        zh: '设置节点服务的租户；所给即为全部',
      }),
    )
    .action(async (edge: string, served: string[], _options, command: Command) =>
      io.record(await call(command, 'POST', `/v1/edges/${inPath(edge)}/tenants`, { tenants: served })),
    )

  const revoke = edges
    .command('revoke <edge>')
    .description(
      io.say({
        en: 'revoke an edge for good; its link is cut at once',
        zh: '永久吊销节点，其连接立即断开',
      }),
    )
    .option('--yes', io.say({ en: 'do not ask for the name', zh: '不再要求确认名称' }))
    .option('--name <edge>', io.say({ en: 'the edge’s name once more', zh: '再次写出节点名称' }))
    .action(async (edge: string, options: { yes?: boolean; name?: string }, command: Command) => {
      requireConfirmed(io, edge, options, { en: 'a revocation cannot be taken back', zh: '吊销无法撤回' })
      io.record(await call(command, 'POST', `/v1/edges/${inPath(edge)}/revoke`))
    })

  withExamples(list, io, 'edges list --json')
  withExamples(token, io, 'edges token beijing-1 --tenant acme --site Beijing > token')
  withExamples(tenants, io, 'edges tenants beijing-1 acme clinic')
  withExamples(revoke, io, 'edges revoke beijing-1 --name beijing-1')
}

/** Why an edge refused what it was told to run last, in a word for the table. */
function withRefusal({ rejected, ...edge }: Answer): Answer {
  const { code, message } = (rejected ?? {}) as { code?: string; message?: string }
  return code === undefined ? edge : { ...edge, rejected: `${code}: ${message ?? ''}` }
}
