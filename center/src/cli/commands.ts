import {
  adminCall,
  adminSocketPath,
  type CliIo,
  configCommands,
  type FlagPaths,
  loadConfig,
  type ProgramHost,
  programSources,
  serveProgram,
  YizhanError,
} from '@yizhan/kernel'
import type { Command } from 'commander'
import { centerConfig } from '../config.js'
import type { ApplyReport } from '../tenants/index.js'
import { doctor } from './doctor.js'

/** Flags that set a setting, by its path. */
const FLAGS: FlagPaths = {
  state: { path: 'stateDir' },
  linkPort: { path: 'gateway.linkPort', number: true },
  enrollPort: { path: 'gateway.enrollPort', number: true },
  apiPort: { path: 'api.port', number: true },
}

type Answer = Readonly<Record<string, unknown>>

/** The commands of `yizhan-center`; verbs that touch state go through the running process. */
export function defineCommands(program: Command, io: CliIo, host: ProgramHost): void {
  program
    .option('--config <file>', 'settings; default YIZHAN_CONFIG, then /etc/yizhan/center.yaml')
    .option('--state <dir>', 'state directory (stateDir)')

  const sources = (command: Command) => programSources('center', FLAGS, io, command)
  const load = (command: Command) => loadConfig(centerConfig, sources(command))
  const call = async <T = Answer>(
    command: Command,
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<T> =>
    (await adminCall(adminSocketPath(load(command).value.stateDir), method, path, body, {
      timeoutMs: 120_000,
    })) as T

  program
    .command('serve')
    .description('run the center')
    .option('--link-port <n>', 'gateway.linkPort')
    .option('--enroll-port <n>', 'gateway.enrollPort')
    .option('--api-port <n>', 'api.port')
    .option('--with-parent', 'end when standard input closes')
    .action(async (options: { withParent?: boolean }, command: Command) => {
      // Only here: the other verbs are quick because they do not load what the center is made of.
      const { startCenter } = await import('../center.js')
      await serveProgram(io, host, {
        name: 'center',
        load: () => load(command),
        withParent: options.withParent === true,
        start: (log, config) => startCenter({ log, version: host.version }, config),
      })
    })

  program
    .command('status')
    .description('links, tenants, inference')
    .action(async (_options, command: Command) => io.record(await call(command, 'GET', '/v1/status')))

  program
    .command('doctor')
    .description('check what the center needs on this machine')
    .action(async (_options, command: Command) => doctor(io, load(command)))

  configCommands(program, io, { compiler: centerConfig, sources })

  const edges = program.command('edges').description('the fleet')
  edges.command('list').action(async (_options, command: Command) => {
    io.table(await call<Answer[]>(command, 'GET', '/v1/edges'), EDGE_COLUMNS)
  })
  edges
    .command('token <edge>')
    .description('make a one-use join token')
    .requiredOption('--tenant <tenant...>', 'tenants that the edge serves')
    .option('--site <name>', 'where the edge stands', '')
    .option('--minutes <n>', 'how long the token counts', '10')
    .action(
      async (
        edge: string,
        options: { tenant: string[]; site: string; minutes: string },
        command: Command,
      ) => {
        const ttlMs = Number(options.minutes) * 60_000
        if (!Number.isFinite(ttlMs) || ttlMs <= 0)
          throw new YizhanError('invalid_argument', '--minutes: not a positive number')
        const body = { edge, tenants: options.tenant, site: options.site, ttlMs: Math.round(ttlMs) }
        const made = await call<{ token: string }>(command, 'POST', '/v1/edges/tokens', body)
        if (io.wantsJson) io.json(made)
        else io.out(made.token)
      },
    )
  edges
    .command('tenants <edge> [tenant...]')
    .description('set which tenants an edge serves')
    .action(async (edge: string, tenants: string[], _options, command: Command) =>
      io.record(await call(command, 'POST', `/v1/edges/${encodeURIComponent(edge)}/tenants`, { tenants })),
    )
  edges
    .command('revoke <edge>')
    .description('revoke an edge for good; its link is cut at once')
    .option('--yes', 'do not ask for the name')
    .option('--name <edge>', 'the edge’s name once more')
    .action(async (edge: string, options: { yes?: boolean; name?: string }, command: Command) => {
      if (options.yes !== true && options.name !== edge) {
        throw new YizhanError('invalid_argument', 'a revocation cannot be taken back', {
          hint: `add --yes, or --name ${edge}`,
        })
      }
      io.record(await call(command, 'POST', `/v1/edges/${encodeURIComponent(edge)}/revoke`))
    })

  const tenant = program.command('tenant').description('tenants and their directories')
  tenant.command('list').action(async (_options, command: Command) => {
    io.table(await call<Answer[]>(command, 'GET', '/v1/tenants'), TENANT_COLUMNS)
  })
  tenant
    .command('check')
    .description('read a tenant directory and name every problem; needs no running center')
    .requiredOption('-f, --file <dir>', 'the tenant directory')
    .action(async (options: { file: string }) => {
      const { readTenant, readTenantDirectory, tenantInvalid } = await import('../tenants/index.js')
      const read = await readTenant(await readTenantDirectory(options.file))
      if ('problems' in read) throw tenantInvalid(read.problems, io.lang)
      const { source } = read
      io.record({
        tenant: source.tenant,
        intents: Object.keys(source.file.intents).length,
        examples: source.examples.length,
        documents: source.documents.length,
        tests: source.tests.length,
      })
    })
  tenant
    .command('apply')
    .description('check, train, test, and put a tenant directory in force')
    .requiredOption('-f, --file <dir>', 'the tenant directory')
    .action(async (options: { file: string }, command: Command) => {
      const { readTenantDirectory } = await import('../tenants/index.js')
      const files = await readTenantDirectory(options.file)
      const body = {
        files: Object.fromEntries(
          [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]),
        ),
      }
      showApplied(io, await call<ApplyReport>(command, 'POST', `/v1/tenants/apply?lang=${io.lang}`, body))
    })

  program
    .command('knowledge')
    .command('search <question>')
    .description('passages that a tenant’s documents give for a question')
    .requiredOption('--tenant <tenant>')
    .action(async (question: string, options: { tenant: string }, command: Command) => {
      const path = `/v1/tenants/${encodeURIComponent(options.tenant)}/knowledge?q=${encodeURIComponent(question)}`
      io.table(await call<Answer[]>(command, 'GET', path), ['score', 'document', 'heading', 'text'])
    })

  program
    .command('audit')
    .command('list')
    .description('who changed what in a tenant, oldest first')
    .requiredOption('--tenant <tenant>')
    .action(async (options: { tenant: string }, command: Command) => {
      let cursor: string | undefined
      do {
        const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`
        const page = (await call(
          command,
          'GET',
          `/v1/tenants/${encodeURIComponent(options.tenant)}/audit${query}`,
        )) as {
          entries: Record<string, unknown>[]
          cursor?: string
        }
        io.table(page.entries, ['time', 'actor', 'action', 'object'])
        cursor = page.cursor
      } while (cursor !== undefined)
    })
}

const EDGE_COLUMNS = ['edgeId', 'site', 'tenants', 'revoked', 'appliedRevision', 'agentVersion']
const TENANT_COLUMNS = ['tenant', 'version', 'intents', 'documents', 'digest']

const SIGNS = { added: '+', changed: '~', removed: '-' } as const

/** What an apply did: the files that differ, then one line of what is in force, then what the trainer noticed. */
function showApplied(io: CliIo, report: ApplyReport): void {
  if (io.wantsJson) {
    io.json(report)
    return
  }
  const { diff, kept, changed, tenant, version, intents, examples, documents, tests } = report
  for (const { kind, name, change, parts = [] } of diff) {
    io.out(`${SIGNS[change]} ${kind} ${name}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`)
  }
  for (const { kind, name } of kept) io.out(`kept: ${kind} ${name} (would be deleted with --prune)`)
  const content = `${intents} intents, ${examples} examples, ${documents} documents`
  const work = changed
    ? `${tests} tests passed, trained in ${(report.trainMs / 1000).toFixed(1)} s`
    : 'nothing to do'
  io.out(`${tenant} version ${version}: ${content}; ${work}`)
  for (const warning of report.warnings) io.err(`warning: ${warning}`)
}
