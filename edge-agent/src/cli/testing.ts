import type { TestContext } from 'node:test'
import { adminSocketPath, runCli, silentLogger, startAdminServer } from '@yizhan/kernel'
import { type OpsParts, registerOpsRoutes } from '../ops/index.js'
import { defineCommands } from './commands.js'

const host = {
  version: '0.0.0',
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal: () => undefined,
}

/** For tests: the parts behind the admin socket of a state directory, and the command line that talks to it. */
export async function startCommandLine(t: TestContext, dir: string, parts: object) {
  const server = await startAdminServer(
    { log: silentLogger() },
    {
      socketPath: adminSocketPath(dir),
      // Of all that the routes can show and do, a test looks at some.
      routes: (app) => registerOpsRoutes(app, parts as OpsParts),
    },
  )
  t.after(() => server.stop('test'))
  return async (...argv: string[]) => {
    let out = ''
    let err = ''
    const code = await runCli(
      {
        name: 'yizhan-edge',
        version: '0.0.0',
        argv: [...argv, '--state', dir],
        env: {},
        stdout: { write: (text: string) => (out += text) },
        stderr: { write: (text: string) => (err += text) },
      },
      (program, io) => defineCommands(program, io, host),
    )
    return { code, out, err }
  }
}
