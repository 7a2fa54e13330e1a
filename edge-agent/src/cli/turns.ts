import { type CliIo, type CliText, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { printTurn } from './turn-lines.js'

type Answer = Readonly<Record<string, unknown>>

/** Asks the running edge agent. */
export type EdgeCall = <T = Answer>(
  command: Command,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
) => Promise<T>

interface Mending {
  readonly expect?: string
  readonly text?: string
  readonly to?: string
}

/** `turns …`: what came in, what became of it, and what a person does about it. */
export function turnCommands(program: Command, io: CliIo, call: EdgeCall): void {
  const turns = program
    .command('turns')
    .description(io.say({ en: 'what came in and what became of it', zh: '收到的消息及其处理情况' }))
  turns
    .command('list')
    .description(io.say({ en: 'recent turns, newest first', zh: '最近的轮次，新的在前' }))
    .option('--limit <n>', io.say({ en: 'how many', zh: '数量' }), '50')
    .action(async (options: { limit: string }, command: Command) => {
      const path = `/v1/turns?limit=${encodeURIComponent(options.limit)}`
      const columns = ['id', 'state', 'tenant', 'answeredBy', 'intent', 'ticket', 'feedback']
      io.table(await call<Answer[]>(command, 'GET', path), columns)
    })
  turns
    .command('show <id>')
    .description(
      io.say({
        en: 'one turn: its states, how it was decided, what was said of the answer',
        zh: '一个轮次：状态、决策过程、对回答的评价',
      }),
    )
    .option('--text', io.say({ en: 'also what was asked and answered', zh: '同时显示问题和回答' }))
    .action(async (id: string, options: { text?: boolean }, command: Command) => {
      printTurn(io, await call(command, 'GET', `${pathOf(id)}?text=${options.text === true}`))
    })

  const mend = (name: string, says: CliText, prepare: (command: Command) => Command = (command) => command) =>
    prepare(turns.command(`${name} <id>`).description(io.say(says)))
      .option(
        '--expect <version>',
        io.say({
          en: 'only if the turn still has this version; default: as it stands',
          zh: '仅当轮次仍为此版本时执行；默认为当前版本',
        }),
      )
      .action(async (id: string, { expect, text, to }: Mending, command: Command) => {
        if (expect !== undefined && !/^\d+$/.test(expect)) {
          throw new YizhanError('invalid_argument', '--expect takes the version of a turn, a whole number')
        }
        const version = expect ?? (await call(command, 'GET', pathOf(id))).version
        const body = {
          expect: Number(version),
          ...(text === undefined ? {} : { text }),
          ...(to === undefined ? {} : { target: to }),
        }
        io.record(await call(command, 'POST', `${pathOf(id)}/${name}`, body))
      })
  mend('retry', { en: 'start it again, from its routing', zh: '从路由开始重新处理' })
  mend('edit', { en: 'start it again with another question', zh: '改用另一个问题重新处理' }, (command) =>
    command.requiredOption('--text <question>', io.say({ en: 'the question', zh: '问题' })),
  )
  mend('reroute', { en: 'start it again, and decide where it goes', zh: '指定去向并重新处理' }, (command) =>
    command.requiredOption(
      '--to <target>',
      io.say({
        en: 'center, intent:NAME or handoff:NAME',
        zh: 'center、intent:名称 或 handoff:名称',
      }),
    ),
  )
  mend('answer', { en: 'answer it by hand', zh: '人工回答' }, (command) =>
    command.requiredOption('--text <answer>', io.say({ en: 'the answer', zh: '回答' })),
  )
  mend('abandon', { en: 'give it up; its asker is told nothing', zh: '放弃；不通知提问者' })
}

function pathOf(id: string): string {
  return `/v1/turns/${encodeURIComponent(id)}`
}
