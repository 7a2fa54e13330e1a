import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { requireTls13, runCli } from '@yizhan/kernel'
import { OLDEST_PROTOCOL, PROTOCOL } from '@yizhan/proto'
import { defineCommands } from './cli/commands.js'

requireTls13(tls)
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

process.exitCode = await runCli(
  {
    name: 'yizhan-edge',
    version,
    argv: process.argv.slice(2),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    about: { node: process.versions.node, protocol: PROTOCOL, oldestProtocol: OLDEST_PROTOCOL },
  },
  (program, io) =>
    defineCommands(program, io, {
      version,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      onSignal(signal, fn) {
        process.once(signal, fn)
      },
    }),
)
