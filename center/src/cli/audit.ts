import { type CliIo, oneLine, YizhanError } from '@yizhan/kernel'
import { type Command, Option } from 'commander'
import type { PathChange, ShownEntry } from '../audit/index.js'
import { nonEmpty, ofTenant, tenantId } from './arguments.js'
import { auditVerify } from './audit-verify.js'
import { type Answer, type CenterCall, type CenterStream, inPath } from './center-call.js'
import { withExamples } from './examples.js'
import { saveNewFile } from './new-file.js'

type Entry = ShownEntry & Answer

interface Page {
  readonly entries: readonly Entry[]
  readonly cursor?: string
}

interface FilterOptions {
  readonly tenant: string
  readonly from?: string
  readonly to?: string
  readonly actor?: string
  readonly action?: string
  readonly object?: string
  readonly request?: string
  readonly subject?: string
}

interface QueryOptions extends FilterOptions {
  readonly limit?: number
  readonly reverse?: true
  readonly snapshots?: true
}

/** `audit list|query|show|verify|export|keys|center`. */
export function auditCommands(program: Command, io: CliIo, call: CenterCall, stream: CenterStream): void {
  const audit = program.command('audit').description(
    io.say({
      en: 'who changed what, whether that is all of it, and copies to take away',
      zh: '审计记录：查询、校验与导出',
    }),
  )
  const center = audit
    .command('center')
    .description(
      io.say({ en: 'what was done to the whole center: keys, backups', zh: '对整个中心的操作：密钥、备份' }),
    )
    .action(async (_options, command: Command) => {
      let cursor: string | undefined
      do {
        const query = cursor === undefined ? '' : `?cursor=${inPath(cursor)}`
        const page = await call<{ entries: readonly Answer[]; cursor?: string }>(
          command,
          'GET',
          `/v1/audit/center${query}`,
        )
        io.table(page.entries, ['time', 'actor', 'action', 'object'])
        cursor = page.cursor
      } while (cursor !== undefined)
    })
  withExamples(center, io, 'audit center')
  for (const name of ['list', 'query']) {
    const query = filtered(
      audit
        .command(name)
        .description(
          io.say({ en: 'who changed what in a tenant, oldest first', zh: '租户的变更记录，从旧到新' }),
        ),
      io,
    )
      .addOption(
        new Option('--limit <n>', io.say({ en: 'at most so many', zh: '最多条数' })).argParser(count(io)),
      )
      .option('--reverse', io.say({ en: 'newest first', zh: '从新到旧' }))
      .option(
        '--snapshots',
        io.say({
          en: 'with what stood there before and after; this reading is audited',
          zh: '附带变更前后的内容；该读取会记入审计',
        }),
      )
      .action((options: QueryOptions, command: Command) => showEntries({ io, call, command }, options))
    withExamples(
      query,
      io,
      `audit ${name} --tenant acme`,
      `audit ${name} --tenant acme --object tenants/ --json`,
    )
  }

  const show = audit
    .command('show <sequence>')
    .description(
      io.say({
        en: 'one entry with what it changed; this reading is audited',
        zh: '查看一条记录及其变更内容；该读取会记入审计',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose records', zh: '租户 id' }), tenantId(io))
    .action(async (sequence: string, { tenant }: { tenant: string }, command: Command) => {
      const number = count(io)(sequence)
      const path = `/v1/tenants/${inPath(tenant)}/audit/${number}`
      const { difference, ...entry } = await call<Entry & { difference?: readonly PathChange[] }>(
        command,
        'GET',
        path,
      )
      if (io.wantsJson) return io.json({ ...entry, ...(difference ? { difference } : {}) })
      const { changes: _changes, changeCount: _count, ...plain } = entry
      io.record(plain)
      for (const change of difference ?? []) io.out(differenceLine(change))
    })
  withExamples(show, io, 'audit show 17 --tenant acme')

  withExamples(
    auditVerify(audit, io, call),
    io,
    'audit verify --tenant acme --anchors /mnt/log/anchors.jsonl',
    'audit verify --file audit.jsonl --anchors anchors.jsonl --key center.pem',
  )

  const copy = filtered(
    audit.command('export').description(
      io.say({
        en: 'every entry with its snapshots, signed (jsonl) or as a table (csv); this reading is audited',
        zh: '导出全部记录及快照：带签名的 jsonl，或 csv 表格；该读取会记入审计',
      }),
    ),
    io,
  )
    .addOption(
      new Option('--format <format>', io.say({ en: 'jsonl or csv', zh: 'jsonl 或 csv' }))
        .choices(['jsonl', 'csv'])
        .default('jsonl'),
    )
    .requiredOption(
      '-o, --output <file>',
      io.say({ en: 'where to; must not exist', zh: '目标文件，不得已存在' }),
      nonEmpty(io),
    )
    .action(async (options: FilterOptions & { format: string; output: string }, command: Command) => {
      const query = queryText({ ...filterOf(options), format: options.format })
      const path = `/v1/tenants/${inPath(options.tenant)}/audit/export${query}`
      const { body } = await stream(command, 'GET', path, {})
      const bytes = await saveNewFile(options.output, body)
      io.record({ tenant: options.tenant, path: options.output, bytes })
    })
  withExamples(
    copy,
    io,
    'audit export --tenant acme -o audit.jsonl',
    'audit export --tenant acme --format csv --from 2026-03-01 -o audit.csv',
  )

  const keys = audit
    .command('keys')
    .description(
      io.say({ en: 'public keys that anchors and exports are signed by', zh: '锚点与导出文件的签名公钥' }),
    )
    .action(async (_options, command: Command) => {
      const found = await call<{ keyId: string; publicKey: string }[]>(command, 'GET', '/v1/audit/keys')
      if (io.wantsJson) for (const key of found) io.json(key)
      else for (const { publicKey } of found) io.out(publicKey.trimEnd())
    })
  withExamples(keys, io, 'audit keys > center.pem')
}

function filtered(command: Command, io: CliIo): Command {
  return command
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose records', zh: '租户 id' }), tenantId(io))
    .option(
      '--from <time>',
      io.say({ en: 'ISO 8601, such as 2026-03-01', zh: 'ISO 8601 时间，如 2026-03-01' }),
    )
    .option('--to <time>', io.say({ en: 'before this time', zh: '早于该时间' }))
    .option('--actor <id>', io.say({ en: 'by whom', zh: '操作者' }))
    .addOption(
      new Option('--action <action>', io.say({ en: 'what was done', zh: '操作' })).choices([
        'CREATE',
        'READ',
        'UPDATE',
        'DELETE',
      ]),
    )
    .option(
      '--object <object>',
      io.say({ en: 'collection/key, or collection/ for all of it', zh: '对象：表/键，或 表/' }),
    )
    .option('--request <id>', io.say({ en: 'of one call', zh: '某次请求的记录' }))
    .option('--subject <id>', io.say({ en: 'whose data it was', zh: '数据所属的个人' }))
}

async function showEntries(
  { io, call, command }: { readonly io: CliIo; readonly call: CenterCall; readonly command: Command },
  { limit = Number.POSITIVE_INFINITY, reverse, snapshots, ...options }: QueryOptions,
): Promise<void> {
  let left = limit
  let cursor: string | undefined
  do {
    const query = queryText({
      ...filterOf(options),
      limit: left < 1_000 ? String(left) : undefined,
      reverse: reverse && 'true',
      snapshots: snapshots && 'true',
      cursor,
    })
    const page: Page = await ofTenant<Page>({ io, call, command }, options.tenant, `/audit${query}`)
    if (io.wantsJson) for (const entry of page.entries) io.json(entry)
    else io.table(page.entries.map((entry) => rowOf(entry, snapshots === true)))
    left -= page.entries.length
    cursor = page.cursor
  } while (cursor !== undefined && left > 0)
}

function filterOf({ from, to, actor, action, object, request, subject }: FilterOptions) {
  return { from, to, actor, action, object, requestId: request, subject }
}

function queryText(options: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${inPath(value)}`],
  )
  return given.length === 0 ? '' : `?${given.join('&')}`
}

function rowOf(entry: Entry, snapshots: boolean): Record<string, unknown> {
  const { sequence, time, actor, action, object, erased } = entry
  const cell = (side: 'before' | 'after') => {
    const shown = entry[side]
    if (!shown) return erased ? 'erased' : ''
    return short('json' in shown ? JSON.stringify(shown.json) : `base64:${shown.base64}`)
  }
  const more = snapshots ? { before: cell('before'), after: cell('after') } : {}
  return { sequence, time, actor, action, object, changed: changedText(entry), ...more }
}

const MAX_CELL = 80
const MAX_NAMED = 3
const SIGNS: Readonly<Record<string, string>> = { added: '+', changed: '~', removed: '-' }

/** `+intent it.fax, ~intent it.vpn, … (12)`. */
function changedText({ changes = [], changeCount = 0 }: ShownEntry): string {
  const named = changes
    .slice(0, MAX_NAMED)
    .map(({ kind, name, change }) => `${SIGNS[String(change)] ?? ''}${short(`${kind} ${name}`)}`)
  return changeCount > MAX_NAMED ? `${named.join(', ')}, … (${changeCount})` : named.join(', ')
}

function differenceLine({ path, ...change }: PathChange): string {
  const sign = 'before' in change ? ('after' in change ? '~' : '-') : '+'
  const values = [change.before, change.after].filter((value) => value !== undefined)
  return `${sign} ${oneLine(path) || '/'}: ${values.map((value) => short(JSON.stringify(value))).join(' → ')}`
}

function short(text: string): string {
  const line = oneLine(text)
  return line.length > MAX_CELL ? `${line.slice(0, MAX_CELL)}…` : line
}

function count(io: CliIo): (text: string) => number {
  return (text) => {
    if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
    throw new YizhanError(
      'invalid_argument',
      io.say({ en: 'this is no whole number from 1', zh: '应为不小于 1 的整数' }),
    )
  }
}
