import { type ParseArgsConfig, parseArgs } from 'node:util'

type Read<C extends ParseArgsConfig> = ReturnType<typeof parseArgs<C>>

/** `parseArgs`; what it does not know ends the process with 2 after saying how it is used, `--help` with 0. */
export function readCommandLine<C extends ParseArgsConfig>(config: C, usage: string): Read<C> {
  let read: Read<C>
  try {
    read = parseArgs(config)
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${usage}`)
    process.exit(2)
  }
  if ('help' in read.values && read.values.help === true) {
    process.stdout.write(usage)
    process.exit(0)
  }
  return read
}
