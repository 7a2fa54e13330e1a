import { type CliIo, type CliText, systemClock, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, requireConfirmed, tenantId } from './arguments.js'
import { type Answer, type CenterCall, inPath } from './center-call.js'
import { withExamples } from './examples.js'
import { pages } from './pages.js'
import { waitMs } from './tenant/edges-wait.js'

interface Tools {
  readonly io: CliIo
  readonly call: CenterCall
  readonly turns: Command
}

interface Ordering {
  readonly tenant: string
  readonly expect?: string
  readonly hours: string
  readonly wait?: string | true
  readonly text?: string
  readonly to?: string
}

interface Order extends Answer {
  readonly id: string
  readonly state: string
}

const OPEN_STATES: ReadonlySet<string> = new Set(['ordered', 'waiting', 'passing-on'])
const COLUMNS = [
  'id',
  'edge',
  'state',
  'inDoubt',
  'takenOver',
  'receivedAt',
  'channel',
  'cause',
  'ticket',
  'final',
]
const POLL_MS = 500

/** `turns list|show|retry|edit|reroute|answer|abandon|takeover`. */
export function turnCommands(program: Command, io: CliIo, call: CenterCall): void {
  const turns = program
    .command('turns')
    .description(io.say({ en: 'messages and what became of them', zh: '消息及其处理情况' }))
  const tools = { io, call, turns }
  listCommand(tools)
  showCommand(tools)
  orderCommand(tools, 'retry', { en: 'let the edge work on it again', zh: '让边缘节点重新处理' })
  orderCommand(tools, 'edit', { en: 'the same with another question', zh: '改写问题后重新处理' }, 'text')
  orderCommand(tools, 'reroute', { en: 'send it another way', zh: '改走其他路径' }, 'to')
  orderCommand(tools, 'answer', { en: 'answer it as a person', zh: '人工回答' }, 'text')
  orderCommand(tools, 'abandon', {
    en: 'give it up; its asker is told nothing',
    zh: '放弃，不通知提问者',
  })
  takeoverCommand(tools)
}

function verb({ io, turns }: Tools, name: string, text: CliText): Command {
  return turns
    .command(name)
    .description(io.say(text))
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose turns', zh: '租户 id' }), tenantId(io))
}

interface ListFilter {
  readonly edge?: string
  readonly in?: string
  readonly open?: boolean
  readonly since?: string
  readonly with?: string
}

function listCommand(tools: Tools): void {
  const { io, call } = tools
  const list = verb(tools, 'list', {
    en: 'turns, newest first, without their words',
    zh: '从新到旧列出，不含内容',
  })
    .option('--edge <edge>', io.say({ en: 'of this edge', zh: '只列该边缘节点的' }))
    .option('--in <state>', io.say({ en: 'such as waiting or failed', zh: '如 waiting 或 failed' }))
    .option('--open', io.say({ en: 'not ended, or in doubt', zh: '未结束或状态存疑的' }))
    .option('--since <time>', io.say({ en: 'as 2026-11-28T08:00:00Z', zh: '如 2026-11-28T08:00:00Z' }))
    .option('--with <turn>', io.say({ en: 'of the same conversation as this one', zh: '与该轮次同一会话的' }))
    .action(
      async (
        { tenant, edge, in: state, open, since, with: same }: { tenant: string } & ListFilter,
        command: Command,
      ) => {
        const query = Object.entries({ edge, state, open, since, with: same }).flatMap(([name, value]) =>
          value === undefined ? [] : [`${name}=${inPath(String(value))}`],
        )
        const path = `${at(tenant)}${query.length > 0 ? `?${query.join('&')}` : ''}`
        await pages({ io, call, command }, path, 'turns', COLUMNS)
      },
    )
  withExamples(
    list,
    io,
    'turns list --tenant acme --open',
    'turns list --tenant acme --edge beijing-1 --json',
  )
}

function showCommand(tools: Tools): void {
  const { io, call } = tools
  const show = verb(tools, 'show <turn>', {
    en: 'what was asked, answered and done; audited',
    zh: '显示提问、回答与处理过程（记入审计）',
  }).action(async (turn: string, { tenant }: { tenant: string }, command: Command) => {
    const shown = await call<Answer & { history: Answer[]; commands: Answer[] }>(
      command,
      'GET',
      `${at(tenant)}/${inPath(turn)}`,
    )
    if (io.wantsJson) return io.json(shown)
    const { history, commands, ...rest } = shown
    io.record(rest)
    io.table(history, ['version', 'state', 'at', 'actor', 'cause'])
    if (commands.length > 0) io.table(commands, ['id', 'action', 'state', 'at', 'actor', 'edge', 'detail'])
  })
  withExamples(show, io, 'turns show t_0… --tenant acme')
}

function orderCommand(tools: Tools, action: string, text: CliText, needs?: 'text' | 'to'): void {
  const { io, call } = tools
  const order = verb(tools, `${action} <turn>`, text)
  if (needs === 'text') {
    order.requiredOption(
      '--text <text>',
      io.say(action === 'edit' ? { en: 'the question', zh: '问题' } : { en: 'the answer', zh: '回答' }),
      nonEmpty(io),
    )
  }
  if (needs === 'to')
    order.requiredOption('--to <target>', 'center | intent:<name> | handoff:<key> | edge:<id>', nonEmpty(io))
  order
    .option(
      '--expect <version>',
      io.say({
        en: 'only if the turn is still at this version; default: as held here',
        zh: '仅当仍为该版本时执行；默认取中心所存版本',
      }),
    )
    .option('--hours <n>', io.say({ en: 'how long it waits for the edge', zh: '等待边缘节点的小时数' }), '24')
    .option(
      '--wait [seconds]',
      io.say({ en: 'until the edge has answered; default 60', zh: '等待边缘节点答复，默认 60 秒' }),
    )
    .action(async (turn: string, options: Ordering, command: Command) => {
      const timeoutMs = waitMs(io, options.wait)
      const body = {
        ttlMs: Math.round(number(io, '--hours', options.hours) * 3_600_000),
        ...(options.expect === undefined ? {} : { expectedVersion: number(io, '--expect', options.expect) }),
        ...(options.text === undefined ? {} : { text: options.text }),
        ...(options.to === undefined ? {} : { target: options.to }),
      }
      const given = await call<Order>(
        command,
        'POST',
        `${at(options.tenant)}/${inPath(turn)}/${action}`,
        body,
      )
      const path = `/v1/tenants/${inPath(options.tenant)}/turn-commands/${inPath(given.id)}`
      const ask = () => call<Order>(command, 'GET', path)
      const shown = timeoutMs === undefined ? given : await settled(ask, given, timeoutMs)
      io.record(shown)
      if (timeoutMs !== undefined && shown.state !== 'done') io.setExitCode(1)
    })
  const said = needs === 'text' ? ' --text "…"' : needs === 'to' ? ' --to edge:beijing-2' : ''
  withExamples(order, io, `turns ${action} t_0… --tenant acme${said} --wait`)
}

async function settled(ask: () => Promise<Order>, given: Order, timeoutMs: number): Promise<Order> {
  const end = systemClock.monotonic() + timeoutMs
  let order = given
  while (OPEN_STATES.has(order.state) && systemClock.monotonic() < end) {
    // A command line ends with its process.
    await systemClock.sleep(POLL_MS, new AbortController().signal)
    order = await ask()
  }
  return order
}

function takeoverCommand({ io, call, turns }: Tools): void {
  const takeover = turns
    .command('takeover')
    .description(
      io.say({
        en: 'fence the journals of an edge that is gone, and take its open turns over',
        zh: '隔离已失联节点的日志，并接管其未结束的轮次',
      }),
    )
    .requiredOption('--edge <edge>', io.say({ en: 'the edge', zh: '边缘节点' }), nonEmpty(io))
    .option('--reason <text>', io.say({ en: 'for the audit; no name', zh: '记入审计，不写姓名' }))
    .option('--older', io.say({ en: 'only journals before its present one', zh: '仅限当前日志之前的日志' }))
    .option('--yes', io.say({ en: 'do not ask for the name', zh: '不再要求确认名称' }))
    .option('--name <edge>', io.say({ en: 'the edge’s name once more', zh: '再次写出节点名称' }))
    .action(
      async (
        options: { edge: string; reason?: string; older?: boolean; yes?: boolean; name?: string },
        command: Command,
      ) => {
        const { edge, reason, older } = options
        requireConfirmed(io, edge, options, { en: 'a take-over cannot be taken back', zh: '接管无法撤回' })
        const body = {
          ...(reason === undefined ? {} : { reason }),
          ...(older === undefined ? {} : { older }),
        }
        io.record(await call(command, 'POST', `/v1/edges/${inPath(edge)}/takeover`, body))
      },
    )
  withExamples(
    takeover,
    io,
    'turns takeover --edge beijing-1 --name beijing-1 --reason "stolen, case 12"',
    'turns takeover --edge beijing-1 --older --yes',
  )
}

function at(tenant: string): string {
  return `/v1/tenants/${inPath(tenant)}/turns`
}

function number(io: CliIo, option: string, text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new YizhanError(
    'invalid_argument',
    io.say({ en: `${option}: not a number`, zh: `${option}：应为数字` }),
  )
}
