import { readFile } from 'node:fs/promises'
import { type CliIo, type CliText, parseJson, systemCode, writeFileAtomic, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, requireConfirmed, tenantId } from './arguments.js'
import { type Answer, type CenterCall, type CenterStream, inPath } from './center-call.js'
import { withExamples } from './examples.js'
import { saveNewFile } from './new-file.js'
import { pages } from './pages.js'

interface Tools {
  readonly io: CliIo
  readonly call: CenterCall
  readonly stream: CenterStream
  /** A verb below `privacy` that names a tenant. */
  readonly verb: (parent: Command, name: string, text: CliText) => Command
}

interface OfTenant {
  readonly tenant: string
}

// Deleting and compacting what a person left in years.
const ERASE_MS = 10 * 60_000

/** `privacy subjects|consents|export|erase|erasures|certificate|holds|cases|sweep`. */
export function privacyCommands(program: Command, io: CliIo, call: CenterCall, stream: CenterStream): void {
  const privacy = program
    .command('privacy')
    .description(io.say({ en: 'people and what they may ask for', zh: '个人信息与个人请求' }))
  const verb: Tools['verb'] = (parent, name, text) =>
    parent
      .command(name)
      .description(io.say(text))
      .requiredOption('--tenant <tenant>', io.say({ en: 'whose people', zh: '租户 id' }), tenantId(io))
  const tools = { io, call, stream, verb }
  subjectCommands(privacy, tools)
  copyCommand(privacy, tools)
  eraseCommands(privacy, tools)
  certificateCommands(privacy, tools)
  holdCommands(privacy, tools)
  caseCommands(privacy, tools)
  sweepCommand(privacy, tools)
}

function subjectCommands(privacy: Command, { io, call, verb }: Tools): void {
  const subjects = privacy
    .command('subjects')
    .description(io.say({ en: 'people by random ids', zh: '以随机 id 标识的个人' }))

  const find = verb(subjects, 'find', { en: 'the id behind an account', zh: '查找账号对应的 id' })
    .requiredOption('--channel <channel>', io.say({ en: 'such as web', zh: '如 web' }), nonEmpty(io))
    .requiredOption(
      '--sender <sender>',
      io.say({ en: 'the account on that channel', zh: '该渠道上的账号' }),
      nonEmpty(io),
    )
    .action(
      async ({ tenant, channel, sender }: OfTenant & { channel: string; sender: string }, command: Command) =>
        io.record(await call(command, 'POST', `${at(tenant)}/subjects/find`, { channel, sender })),
    )

  const show = verb(subjects, 'show <subject>', {
    en: 'what is known of a person; audited',
    zh: '显示个人的信息（记入审计）',
  }).action(async (subject: string, { tenant }: OfTenant, command: Command) =>
    io.record(await call(command, 'GET', `${at(tenant)}/subjects/${inPath(subject)}`)),
  )

  const correct = verb(subjects, 'correct <subject>', {
    en: 'put right what is known of a person; an empty text takes it away',
    zh: '更正个人的信息；空文本表示删除',
  })
    .option('--name <name>', io.say({ en: 'the name', zh: '姓名' }))
    .option('--department <department>', io.say({ en: 'the department', zh: '部门' }))
    .action(
      async (
        subject: string,
        { tenant, name, department }: OfTenant & { name?: string; department?: string },
        command: Command,
      ) => {
        const body = {
          ...(name === undefined ? {} : { name: name || null }),
          ...(department === undefined ? {} : { department: department || null }),
        }
        if (Object.keys(body).length === 0) throw nothingSaid(io, '--name, --department')
        io.record(await call(command, 'PATCH', `${at(tenant)}/subjects/${inPath(subject)}`, body))
      },
    )

  const link = verb(subjects, 'link <subject> <other>', {
    en: 'two ids are one person: the accounts of the other lead to the first',
    zh: '两个 id 为同一人：后者的账号归入前者',
  }).action(async (subject: string, other: string, { tenant }: OfTenant, command: Command) =>
    io.record(await call(command, 'POST', `${at(tenant)}/subjects/${inPath(subject)}/link`, { other })),
  )

  const consents = privacy
    .command('consents')
    .description(io.say({ en: 'notices and consents', zh: '告知与同意' }))
  const list = verb(consents, 'list <subject>', {
    en: 'what a person was told, consented to and withdrew',
    zh: '列出个人的告知、同意与撤回',
  }).action(async (subject: string, { tenant }: OfTenant, command: Command) => {
    const path = `${at(tenant)}/subjects/${inPath(subject)}/consents`
    const columns = ['at', 'kind', 'purpose', 'basis', 'noticeVersion', 'channel', 'edge']
    await pages({ io, call, command }, path, 'consents', columns)
  })

  withExamples(find, io, 'privacy subjects find --tenant acme --channel web --sender u-1042')
  withExamples(show, io, 'privacy subjects show sub_0… --tenant acme')
  withExamples(correct, io, 'privacy subjects correct sub_0… --tenant acme --name "Anna Schmidt"')
  withExamples(link, io, 'privacy subjects link sub_0… sub_1… --tenant acme')
  withExamples(list, io, 'privacy consents list sub_0… --tenant acme')
}

function copyCommand(privacy: Command, { io, stream, verb }: Tools): void {
  const copy = verb(privacy, 'export <subject>', {
    en: 'a zip of everything that is held of a person; audited',
    zh: '导出个人的全部信息为 zip（记入审计）',
  })
    .requiredOption(
      '--to <file>',
      io.say({ en: 'where to; must not exist', zh: '目标路径，不得已存在' }),
      nonEmpty(io),
    )
    .action(async (subject: string, { tenant, to }: OfTenant & { to: string }, command: Command) => {
      const { body } = await stream(command, 'GET', `${at(tenant)}/subjects/${inPath(subject)}/copy`, {})
      io.record({ subject, path: to, bytes: await saveNewFile(to, body) })
    })
  withExamples(copy, io, 'privacy export sub_0… --tenant acme --to copy.zip')
}

function eraseCommands(privacy: Command, { io, call, verb }: Tools): void {
  const erase = verb(privacy, 'erase <subject>', {
    en: 'erase a person for good, here and at every edge',
    zh: '在中心与全部边缘节点永久删除个人的信息',
  })
    .option('--yes', io.say({ en: 'do not ask for the id', zh: '不再要求确认 id' }))
    .option('--name <subject>', io.say({ en: 'the person’s id once more', zh: '再次写出该 id' }))
    .action(
      async (
        subject: string,
        { tenant, ...confirmed }: OfTenant & { yes?: boolean; name?: string },
        command: Command,
      ) => {
        requireConfirmed(io, subject, confirmed, {
          en: 'an erasure cannot be taken back',
          zh: '删除无法撤回',
        })
        const path = `${at(tenant)}/subjects/${inPath(subject)}/erase`
        io.record(await call(command, 'POST', path, undefined, { timeoutMs: ERASE_MS }))
      },
    )

  const erasures = privacy
    .command('erasures')
    .description(io.say({ en: 'what was erased, and where it is pending', zh: '删除记录与未完成之处' }))
  const list = verb(erasures, 'list', {
    en: 'every erasure, oldest first',
    zh: '从旧到新列出全部删除',
  }).action(async ({ tenant }: OfTenant, command: Command) => {
    const columns = ['id', 'subject', 'state', 'requestedAt', 'finishedAt', 'records', 'pending']
    await pages({ io, call, command }, `${at(tenant)}/erasures`, 'erasures', columns)
  })
  const show = verb(erasures, 'show <erasure>', {
    en: 'each place with its state, as the certificate has it',
    zh: '按证书列出每一处的状态',
  }).action(async (erasure: string, { tenant }: OfTenant, command: Command) => {
    const { payload } = await certificateOf(call, command, tenant, erasure)
    const certificate = parseJson(payload) as Answer & { places: Answer[] }
    if (io.wantsJson) return io.json(certificate)
    const { places, ...rest } = certificate
    io.record(rest)
    io.table(places, ['place', 'what', 'state', 'count', 'at', 'until', 'note'])
  })
  withExamples(erase, io, 'privacy erase sub_0… --tenant acme --name sub_0…')
  withExamples(list, io, 'privacy erasures list --tenant acme', 'privacy erasures list --tenant acme --json')
  withExamples(show, io, 'privacy erasures show era_0… --tenant acme')
}

function certificateCommands(privacy: Command, { io, call, verb }: Tools): void {
  const certificate = privacy
    .command('certificate')
    .description(io.say({ en: 'signed proof of an erasure', zh: '已签名的删除证明' }))
  const save = verb(certificate, 'save <erasure>', {
    en: 'write the certificate as it stands now',
    zh: '保存当前的证书',
  })
    .requiredOption('--to <file>', io.say({ en: 'where to', zh: '目标路径' }), nonEmpty(io))
    .action(async (erasure: string, { tenant, to }: OfTenant & { to: string }, command: Command) => {
      const signed = await certificateOf(call, command, tenant, erasure)
      await writeFileAtomic(to, `${JSON.stringify(signed, undefined, 2)}\n`)
      io.record({ erasure, path: to })
    })
  const verify = certificate
    .command('verify <file>')
    .description(
      io.say({ en: 'hold a certificate against this center’s keys', zh: '用本中心的密钥验证证书' }),
    )
    .action(async (file: string, _options, command: Command) => {
      const content = await readFile(file, 'utf8').catch((thrown: unknown) => {
        throw new YizhanError('invalid_argument', `${file} cannot be read (${systemCode(thrown)})`)
      })
      const checked = await call<Answer & { s: string }>(
        command,
        'POST',
        '/v1/privacy/certificates/check',
        parseJson(content),
      )
      io.record(checked)
      if (checked.s !== 'valid') io.setExitCode(1)
    })
  withExamples(save, io, 'privacy certificate save era_0… --tenant acme --to certificate.json')
  withExamples(verify, io, 'privacy certificate verify certificate.json')
}

function holdCommands(privacy: Command, { io, call, verb }: Tools): void {
  const holds = privacy
    .command('holds')
    .description(
      io.say({ en: 'legal holds: they stop sweeping and erasing', zh: '法律保全：停止清理与删除' }),
    )
  const list = verb(holds, 'list', { en: 'every hold', zh: '列出全部保全' }).action(
    async ({ tenant }: OfTenant, command: Command) => {
      const columns = ['id', 'subject', 'active', 'reason', 'setAt', 'until', 'releasedAt']
      await pages({ io, call, command }, `${at(tenant)}/holds`, 'holds', columns)
    },
  )
  const set = verb(holds, 'set [subject]', {
    en: 'hold the data of a person; without one, of the whole tenant',
    zh: '保全个人的信息；不指定个人则保全整个租户',
  })
    .requiredOption(
      '--reason <text>',
      io.say({ en: 'a file number rather than a name', zh: '写案号，不写姓名' }),
      nonEmpty(io),
    )
    .option(
      '--until <date>',
      io.say({ en: 'as 2027-12-31; default: until it is released', zh: '如 2027-12-31；默认直至解除' }),
    )
    .action(
      async (
        subject: string | undefined,
        { tenant, reason, until }: OfTenant & { reason: string; until?: string },
        command: Command,
      ) => {
        const body = {
          ...(subject === undefined ? {} : { subject }),
          reason,
          ...(until === undefined ? {} : { until: dateOf(io, until) }),
        }
        io.record(await call(command, 'POST', `${at(tenant)}/holds`, body))
      },
    )
  const release = verb(holds, 'release <hold>', { en: 'end a hold', zh: '解除保全' }).action(
    async (hold: string, { tenant }: OfTenant, command: Command) =>
      io.record(await call(command, 'POST', `${at(tenant)}/holds/${inPath(hold)}/release`)),
  )
  withExamples(list, io, 'privacy holds list --tenant acme')
  withExamples(
    set,
    io,
    'privacy holds set sub_0… --tenant acme --reason "file 12/2026"',
    'privacy holds set --tenant acme --reason "court order 7" --until 2027-12-31',
  )
  withExamples(release, io, 'privacy holds release hold_0… --tenant acme')
}

function caseCommands(privacy: Command, { io, call, verb }: Tools): void {
  const cases = privacy
    .command('cases')
    .description(io.say({ en: 'what people asked for, and until when', zh: '个人请求与期限' }))
  const list = verb(cases, 'list', { en: 'cases that are open', zh: '列出未办结的请求' })
    .option('--all', io.say({ en: 'closed ones too', zh: '包括已办结的' }))
    .action(async ({ tenant, all }: OfTenant & { all?: boolean }, command: Command) => {
      const columns = ['id', 'kind', 'subject', 'state', 'openedAt', 'dueAt', 'overdue', 'outcome']
      const path = `${at(tenant)}/cases${all === true ? '' : '?state=open'}`
      await pages({ io, call, command }, path, 'cases', columns)
    })
  const close = verb(cases, 'close <case>', { en: 'say how a case ended', zh: '办结请求' })
    .requiredOption('--outcome <outcome>', 'done | refused | withdrawn')
    .option(
      '--reference <text>',
      io.say({
        en: 'the id of an erasure, the number of a letter; no name',
        zh: '删除 id 或函件编号，不写姓名',
      }),
    )
    .action(
      async (
        id: string,
        { tenant, ...closing }: OfTenant & { outcome: string; reference?: string },
        command: Command,
      ) => io.record(await call(command, 'POST', `${at(tenant)}/cases/${inPath(id)}/close`, closing)),
    )
  withExamples(list, io, 'privacy cases list --tenant acme')
  withExamples(close, io, 'privacy cases close case_0… --tenant acme --outcome done --reference letter-17')
}

function sweepCommand(privacy: Command, { io, call, verb }: Tools): void {
  const sweep = verb(privacy, 'sweep', { en: 'delete what is past its time', zh: '清理已到期的数据' })
    .option('--dry-run', io.say({ en: 'only count', zh: '只统计，不删除' }))
    .action(async ({ tenant, dryRun = false }: OfTenant & { dryRun?: boolean }, command: Command) => {
      const report = await call<Answer & { classes: Record<string, Answer>; audit: Answer; held: number }>(
        command,
        'POST',
        `${at(tenant)}/sweep`,
        { dryRun },
        { timeoutMs: ERASE_MS },
      )
      if (io.wantsJson) return io.json(report)
      const rows = Object.entries({ ...report.classes, audit: report.audit }).map(([name, swept]) => {
        return { class: name, oldest: '', ...swept }
      })
      io.table(rows, ['class', 'count', 'oldest'])
      if (report.held > 0) {
        io.err(
          io.say({
            en: `${report.held} more are kept by a legal hold`,
            zh: `另有 ${report.held} 条因法律保全而保留`,
          }),
        )
      }
    })
  withExamples(sweep, io, 'privacy sweep --tenant acme --dry-run')
}

function at(tenant: string): string {
  return `/v1/tenants/${inPath(tenant)}/privacy`
}

async function certificateOf(call: CenterCall, command: Command, tenant: string, erasure: string) {
  const path = `${at(tenant)}/erasures/${inPath(erasure)}/certificate`
  return await call<Answer & { payload: string }>(command, 'GET', path)
}

function nothingSaid(io: CliIo, options: string): YizhanError {
  return new YizhanError(
    'invalid_argument',
    io.say({ en: `nothing to put right: say ${options}`, zh: `没有要更正的内容：请给出 ${options}` }),
  )
}

/** The end of that day, UTC. */
function dateOf(io: CliIo, text: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T23:59:59.999Z`) : Number.NaN
  if (!Number.isNaN(time)) return time
  throw new YizhanError(
    'invalid_argument',
    io.say({ en: '--until: a date as 2027-12-31', zh: '--until：日期，如 2027-12-31' }),
  )
}
