import type { CommanderError } from 'commander'
import { YizhanError } from '../errors.js'
import type { CliIo } from './io.js'
import { oneLine } from './one-line.js'

/** What is wrong with a command line, in the reader's language; `path` are the words of the command, such as `tenant apply`. */
export function usageError(io: CliIo, thrown: CommanderError, path: string): YizhanError {
  const told = oneLine(thrown.message.replace(/^error: /, ''))
  const message = io.lang === 'zh' ? inChinese(thrown.code, told) : told
  return new YizhanError('invalid_argument', message, { cause: thrown, hint: `${path} --help` })
}

/** A code that is missing in the table is told in commander's words. */
function inChinese(code: string, told: string): string {
  const names = [...told.matchAll(/'([^']*)'/g)].map(([, name = '']) => name)
  const sentence = SENTENCES[code]?.(names)
  if (sentence === undefined) return told
  const [, meant] = /\(Did you mean (?:one of )?(.*)\?\)$/.exec(told) ?? []
  const [, choices] = /Allowed choices are (.*)\.$/.exec(told) ?? []
  return `${sentence}${meant ? `；是否想输入 ${meant}` : ''}${choices ? `；可选：${choices}` : ''}`
}

/** Commander tells a code and, in quotes, the names. */
const SENTENCES: Readonly<Record<string, (names: readonly string[]) => string>> = {
  'commander.unknownCommand': ([command]) => `没有命令 ${command}`,
  'commander.unknownOption': ([option]) => `没有选项 ${option}`,
  'commander.missingArgument': ([argument]) => `缺少参数 ${argument}`,
  'commander.optionMissingArgument': ([option]) => `选项 ${option} 缺少值`,
  'commander.missingMandatoryOptionValue': ([option]) => `缺少必需的选项 ${option}`,
  'commander.excessArguments': ([command]) => `${command ?? ''} 的参数过多`.trim(),
  'commander.invalidArgument': (names) => `${names.join('、')} 无效`,
}
