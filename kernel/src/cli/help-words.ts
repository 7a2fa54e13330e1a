import type { Command } from 'commander'
import type { CliIo } from './io.js'

/** Heads of a help page, in the reader's language; below a command's own options those of the program, which it takes too. */
export function localizeHelp(command: Command, io: CliIo): void {
  command.configureHelp({
    showGlobalOptions: true,
    styleTitle: (title) => (io.lang === 'zh' ? (IN_CHINESE[title] ?? title) : title),
  })
}

const IN_CHINESE: Readonly<Record<string, string>> = {
  'Usage:': '用法：',
  'Arguments:': '参数：',
  'Options:': '选项：',
  'Global Options:': '全局选项：',
  'Commands:': '命令：',
}
