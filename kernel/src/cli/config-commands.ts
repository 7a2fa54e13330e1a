import type { Command } from 'commander'
import { type ConfigCompiler, type ConfigSources, loadConfig } from '../config/index.js'
import type { CliIo } from './io.js'

export interface ConfigCommandsOptions<T> {
  readonly compiler: ConfigCompiler<T>
  /** The sources that this command line means; `command.optsWithGlobals()` has its options. */
  sources(command: Command): ConfigSources
}

/** Adds `config check`, `config show [--origin]` and `config schema`, which both programs have alike. */
export function configCommands<T>(program: Command, io: CliIo, options: ConfigCommandsOptions<T>): void {
  const { compiler, sources } = options
  const config = program
    .command('config')
    .description(io.say({ en: 'check and show the configuration', zh: '检查和查看配置' }))
  config
    .command('check')
    .description(io.say({ en: 'say everything that is wrong with it', zh: '列出配置的全部问题' }))
    .action((_, command: Command) => {
      const loaded = loadConfig(compiler, sources(command))
      const settings = loaded.entries().filter((entry) => entry.origin !== 'default').length
      if (io.wantsJson) return io.json({ ok: true, settings })
      io.out(
        io.say({
          en: `ok: ${settings} settings besides the defaults`,
          zh: `正常：${settings} 项设置不同于默认值`,
        }),
      )
    })
  config
    .command('show')
    .description(
      io.say({ en: 'every setting that is in force, secrets hidden', zh: '显示生效的全部设置（隐藏机密）' }),
    )
    .option('--origin', io.say({ en: 'and where each comes from', zh: '并显示每项的来源' }))
    .action((flags: { origin?: boolean }, command: Command) => {
      const entries = loadConfig(compiler, sources(command)).entries()
      for (const { path, value, origin } of entries) {
        const shown = value === undefined ? null : value
        if (io.wantsJson) io.json(flags.origin ? { path, value: shown, origin } : { path, value: shown })
        else io.out(`${path} = ${JSON.stringify(shown)}${flags.origin ? `  # ${origin}` : ''}`)
      }
    })
  config
    .command('schema')
    .description(io.say({ en: 'the JSON Schema, for editors', zh: '输出 JSON Schema，供编辑器使用' }))
    .action(() => io.out(JSON.stringify(compiler.jsonSchema(), null, io.wantsJson ? 0 : 2)))
}
