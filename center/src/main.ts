import tls from 'node:tls'
import { requireTls13, runProgram } from '@yizhan/kernel'
import { OLDEST_PROTOCOL, PROTOCOL } from '@yizhan/proto'
import { defineCommands } from './cli/commands.js'

requireTls13(tls)
await runProgram(
  process,
  {
    name: 'yizhan-center',
    packageJson: new URL('../package.json', import.meta.url),
    about: { protocol: PROTOCOL, oldestProtocol: OLDEST_PROTOCOL },
  },
  defineCommands,
)
