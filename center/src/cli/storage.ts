import { type CliIo, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { tenantId } from './arguments.js'
import { type Answer, type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'

/** A big tenant takes hours. */
const LONG = { timeoutMs: 24 * 3_600_000 }
const COLUMNS = ['tenant', 'place', 'records', 'bytes', 'auditEntries', 'move']

interface TenantPage {
  readonly tenants: readonly (Answer & { readonly tenant: string })[]
  readonly cursor?: string
}

interface CheckAnswer extends Answer {
  readonly tenant: string | null
  readonly records: number
  readonly auditEntries: number
  readonly problemCount: number
  readonly problems: readonly Answer[]
}

/** `storage list|places|show|check|move|compact|reseal`. */
export function storageCommands(program: Command, io: CliIo, call: CenterCall): void {
  const storage = program.command('storage').description(
    io.say({
      en: 'where tenants live, whether their data is whole, moves',
      zh: '租户数据的位置、完整性与迁移',
    }),
  )

  const list = storage
    .command('list')
    .description(io.say({ en: 'every tenant with its place and size', zh: '列出各租户的位置与大小' }))
    .action(async (_options, command: Command) => {
      const tenants: Answer[] = []
      for await (const page of tenantPages(call, command)) tenants.push(...page.tenants)
      io.table(tenants, COLUMNS)
    })

  const places = storage
    .command('places')
    .description(io.say({ en: 'places with their tenants and bytes', zh: '列出存储位置及其租户数和字节数' }))
    .action(async (_options, command: Command) =>
      io.table(await call<Answer[]>(command, 'GET', '/v1/storage/places'), ['place', 'tenants', 'bytes']),
    )

  const show = storage
    .command('show <tenant>')
    .description(io.say({ en: 'what is stored of a tenant', zh: '查看某租户的存储情况' }))
    .action(async (tenant: string, _options, command: Command) =>
      io.record(await call(command, 'GET', `/v1/storage/tenants/${inPath(tenant)}`)),
    )

  const check = storage
    .command('check')
    .description(
      io.say({
        en: 'read every record and audit entry and hold it against what is counted; exit 1 if any differs',
        zh: '逐条读取记录与审计并核对；有差异时退出码为 1',
      }),
    )
    .option('--tenant <tenant>', io.say({ en: 'only this one', zh: '只检查该租户' }), tenantId(io))
    .action(async ({ tenant }: { tenant?: string }, command: Command) => {
      const answers: CheckAnswer[] = []
      for await (const path of checkPaths(call, command, tenant)) {
        io.progress(
          io.say({ en: `checking, ${answers.length} done …`, zh: `检查中，已完成 ${answers.length} …` }),
        )
        answers.push(await call<CheckAnswer>(command, 'POST', path, undefined, LONG))
      }
      showChecks(io, answers)
    })

  const move = storage
    .command('move <tenant>')
    .description(
      io.say({
        en: 'move a tenant to another place; it takes no writes meanwhile, and Ctrl-C undoes it',
        zh: '把租户迁移到另一位置；期间只读，Ctrl-C 可撤销',
      }),
    )
    .requiredOption(
      '--to <place>',
      io.say({ en: 'such as shard-1 or postgres', zh: '如 shard-1 或 postgres' }),
    )
    .action(async (tenant: string, { to }: { to: string }, command: Command) => {
      io.progress(io.say({ en: `moving ${tenant} to ${to} …`, zh: `正在把 ${tenant} 迁移到 ${to} …` }))
      io.record(await call(command, 'POST', `/v1/storage/tenants/${inPath(tenant)}/move`, { to }, LONG))
    })

  const compact = storage
    .command('compact')
    .description(
      io.say({
        en: 'give freed space back, and remove deleted data from the files',
        zh: '归还空间，并从文件中清除已删除的数据',
      }),
    )
    .option('--tenant <tenant>', io.say({ en: 'only of this one', zh: '只处理该租户' }), tenantId(io))
    .action(async ({ tenant }: { tenant?: string }, command: Command) => {
      io.progress(io.say({ en: 'compacting …', zh: '正在整理 …' }))
      io.record(
        await call(command, 'POST', '/v1/storage/compact', tenant === undefined ? {} : { tenant }, LONG),
      )
    })

  const reseal = storage
    .command('reseal <tenant>')
    .description(
      io.say({
        en: 'seal every record of a tenant anew under its newest keys',
        zh: '用最新密钥重新加密租户的每条记录',
      }),
    )
    .action(async (tenant: string, _options, command: Command) => {
      io.progress(io.say({ en: 'sealing anew …', zh: '正在重新加密 …' }))
      io.record(await call(command, 'POST', `/v1/storage/tenants/${inPath(tenant)}/reseal`, undefined, LONG))
    })
  withExamples(reseal, io, 'storage reseal acme')
  withExamples(list, io, 'storage list --json')
  withExamples(places, io, 'storage places')
  withExamples(show, io, 'storage show acme')
  withExamples(check, io, 'storage check', 'storage check --tenant acme')
  withExamples(move, io, 'storage move acme --to shard-1')
  withExamples(compact, io, 'storage compact', 'storage compact --tenant acme')
}

async function* tenantPages(call: CenterCall, command: Command): AsyncGenerator<TenantPage> {
  let cursor: string | undefined
  do {
    const query = cursor === undefined ? '' : `&cursor=${inPath(cursor)}`
    const page: TenantPage = await call<TenantPage & Answer>(
      command,
      'GET',
      `/v1/storage/tenants?limit=1000${query}`,
    )
    yield page
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** The routes of what is to be checked: one tenant, or the system and all of them. */
async function* checkPaths(call: CenterCall, command: Command, tenant?: string): AsyncGenerator<string> {
  const pathOf = (id: string) => `/v1/storage/tenants/${inPath(id)}/check`
  if (tenant !== undefined) return yield pathOf(tenant)
  yield '/v1/storage/system/check'
  for await (const { tenants } of tenantPages(call, command))
    yield* tenants.map(({ tenant: id }) => pathOf(id))
}

/** Throws `data_corrupt` behind the table if anything differs. */
function showChecks(io: CliIo, answers: readonly CheckAnswer[]): void {
  if (io.wantsJson) for (const answer of answers) io.json(answer)
  else {
    io.table(
      answers.map(({ tenant, records, auditEntries, problemCount }) => {
        return { tenant: tenant ?? '(system)', records, auditEntries, problems: problemCount }
      }),
    )
  }
  const bad = answers.filter(({ problemCount }) => problemCount > 0)
  if (bad.length === 0) return
  if (!io.wantsJson) {
    for (const { tenant, problems } of bad) {
      for (const { what, collection, key, detail } of problems) {
        io.err([tenant ?? '(system)', what, collection, key, detail].filter(Boolean).join(' '))
      }
    }
  }
  throw new YizhanError(
    'data_corrupt',
    io.say({
      en: `what is stored of ${bad.length} is damaged`,
      zh: `${bad.length} 处存储数据已损坏`,
    }),
    {
      hint: io.say({
        en: 'keep the directory as it is, and restore from a backup: yizhan-center backup list',
        zh: '请保留现有目录，并从备份恢复：yizhan-center backup list',
      }),
    },
  )
}
