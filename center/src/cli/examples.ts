import type { CliIo } from '@yizhan/kernel'
import type { Command } from 'commander'

/** Command lines below the help of a command. */
export function withExamples(command: Command, io: CliIo, ...lines: readonly string[]): Command {
  const head = io.say({ en: lines.length === 1 ? 'Example:' : 'Examples:', zh: '示例：' })
  return command.addHelpText(
    'after',
    `\n${head}\n${lines.map((line) => `  yizhan-center ${line}`).join('\n')}`,
  )
}
