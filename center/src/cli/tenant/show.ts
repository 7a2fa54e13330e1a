import { type CliIo, oneLine } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { ObjectName } from '../../tenants/index.js'
import { ofTenant, tenantId } from '../arguments.js'
import type { Answer, CenterCall } from '../center-call.js'
import { withExamples } from '../examples.js'
import { showDifference } from './difference-lines.js'

const LIST_COLUMNS = ['tenant', 'version', 'intents', 'documents', 'digest']

/** As `GET /v1/tenants/:tenant` answers. */
interface ShownTenant {
  readonly tenant: string
  readonly version: number
  readonly digest: string
  readonly appliedAt: string
  readonly appliedBy: string
  readonly intents: readonly (Answer & { readonly slots?: readonly string[] })[]
  readonly documents: readonly Answer[]
  readonly cards: readonly string[]
  readonly handoffs: readonly string[]
  readonly tasks: readonly string[]
  readonly channels: readonly string[]
  readonly sites: number
  readonly tests: number
  readonly kept: readonly ObjectName[]
}

/** `tenant list`. */
export function addList(tenant: Command, io: CliIo, call: CenterCall): void {
  const list = tenant
    .command('list')
    .description(io.say({ en: 'every tenant and what is in force of it', zh: '列出全部租户及其生效版本' }))
    .action(async (_options, command: Command) => {
      io.table(await call<Answer[]>(command, 'GET', '/v1/tenants'), LIST_COLUMNS)
    })
  withExamples(list, io, 'tenant list --json')
}

/** `tenant show --tenant ID`: what a tenant consists of, and since when and by whom. */
export function addShow(tenant: Command, io: CliIo, call: CenterCall): void {
  const show = tenant
    .command('show')
    .description(io.say({ en: 'what is in force of a tenant', zh: '显示租户的生效内容' }))
    .requiredOption('--tenant <tenant>', io.say({ en: 'which tenant', zh: '租户 id' }), tenantId(io))
    .action(async (options: { tenant: string }, command: Command) => {
      const shown = await ofTenant<ShownTenant>({ io, call, command }, options.tenant, '')
      if (io.wantsJson) io.json(shown)
      else showTenant(io, shown)
    })
  withExamples(show, io, 'tenant show --tenant acme')
}

function showTenant(io: CliIo, shown: ShownTenant): void {
  const { tenant, version, digest, appliedAt, appliedBy, intents, documents } = shown
  const by = appliedBy === '' ? '' : io.say({ en: ` by ${appliedBy}`, zh: `，操作者 ${appliedBy}` })
  io.out(
    io.say({
      en: `${tenant} version ${version}, applied at ${appliedAt}${by}`,
      zh: `${tenant} 第 ${version} 版，生效于 ${appliedAt}${by}`,
    }),
  )
  io.out(io.say({ en: `digest ${digest}`, zh: `摘要 ${digest}` }))
  io.out('')
  const rows = intents.map((intent) => ({ ...intent, slots: intent.slots?.join(', ') }))
  io.table(rows, ['id', 'kind', 'questions', 'slots'])
  if (documents.length > 0) {
    io.out('')
    io.table(documents, ['file', 'knowledge', 'title'])
  }
  io.out('')
  const lists = [
    { label: { en: 'cards', zh: '卡片' }, names: shown.cards },
    { label: { en: 'hand-offs', zh: '转人工' }, names: shown.handoffs },
    { label: { en: 'tasks', zh: '任务' }, names: shown.tasks },
    { label: { en: 'channels', zh: '渠道' }, names: shown.channels },
  ]
  for (const { label, names } of lists) {
    if (names.length > 0)
      io.out(`${io.say(label)}${io.say({ en: ': ', zh: '：' })}${oneLine(names.join(', '))}`)
  }
  const { sites, tests } = shown
  io.out(io.say({ en: `sites: ${sites}, tests: ${tests}`, zh: `网点：${sites}，测试：${tests}` }))
  showDifference(io, { diff: [], kept: shown.kept })
}
