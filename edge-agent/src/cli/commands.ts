import {
  adminCall,
  adminSocketPath,
  type CliIo,
  configCommands,
  type FlagPaths,
  loadConfig,
  type ProgramHost,
  programSources,
  serveProgram,
  YizhanError,
} from '@yizhan/kernel'
import type { Command } from 'commander'
import { edgeConfig } from '../config.js'
import { doctor } from './doctor.js'
import { intentCommands } from './intent-commands.js'
import { type EdgeCall, turnCommands } from './turns.js'

/** Flags that set a setting, by its path. */
const FLAGS: FlagPaths = {
  state: { path: 'stateDir' },
  site: { path: 'site' },
  link: { path: 'center.link' },
  enroll: { path: 'center.enroll' },
  httpPort: { path: 'http.port', number: true },
  mqttPort: { path: 'mqtt.port', number: true },
}

type Answer = Readonly<Record<string, unknown>>

/** The commands of `yizhan-edge`; verbs that touch state go through the running process. */
export function defineCommands(program: Command, io: CliIo, host: ProgramHost): void {
  program
    .option('--config <file>', 'settings; default YIZHAN_CONFIG, then /etc/yizhan/edge.yaml')
    .option('--state <dir>', 'state directory (stateDir)')

  const sources = (command: Command) => programSources('edge', FLAGS, io, command)
  const load = (command: Command) => loadConfig(edgeConfig, sources(command))
  const call: EdgeCall = async <T = Answer>(
    command: Command,
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<T> =>
    (await adminCall(adminSocketPath(load(command).value.stateDir), method, path, body, {
      timeoutMs: 620_000,
    })) as T

  program
    .command('serve')
    .description('run the edge agent')
    .option('--site <name>', 'the branch (site)')
    .option('--link <host:port>', 'the center’s link listener (center.link)')
    .option('--enroll <host:port>', 'its enrolment listener (center.enroll)')
    .option('--http-port <n>', 'http.port')
    .option('--mqtt-port <n>', 'mqtt.port')
    .option('--with-parent', 'end when standard input closes')
    .action(async (options: { withParent?: boolean }, command: Command) => {
      // Loaded where it is needed: the other verbs are quick, and the agent stays without the chat client.
      const { startAgent } = await import('../agent.js')
      await serveProgram(io, host, {
        name: 'edge',
        load: () => load(command),
        withParent: options.withParent === true,
        start: (log, config) =>
          startAgent(
            { log, version: host.version, credentialsDirectory: io.env.CREDENTIALS_DIRECTORY },
            config,
          ),
      })
    })

  program
    .command('status')
    .description('link, tenants, channels, waiting turns')
    .option('--wait-tenant <tenant[@digest]>', 'wait until the edge serves it')
    .option('--wait-link <ready|down>', 'wait until the link is so')
    .option('--timeout <seconds>', 'how long to wait', '60')
    .action(
      async (options: { waitTenant?: string; waitLink?: string; timeout: string }, command: Command) => {
        const query = new URLSearchParams()
        if (options.waitTenant !== undefined) query.set('tenant', options.waitTenant)
        if (options.waitLink !== undefined) query.set('link', options.waitLink)
        query.set('timeoutMs', String(Number(options.timeout) * 1000))
        io.record(await call(command, 'GET', `/v1/status?${query}`))
      },
    )

  program
    .command('renew')
    .description('renew the certificate now')
    .action(async (_options, command: Command) => io.record(await call(command, 'POST', '/v1/renew')))

  turnCommands(program, io, call)

  intentCommands(program, io, call)

  program
    .command('doctor')
    .description('check what the edge agent needs on this machine')
    .action(async (_options, command: Command) => doctor(io, load(command)))

  program
    .command('password')
    .description('hash a password, read from standard input, for mqtt.auth.users')
    .action(async () => {
      const { hashPassword } = await import('../channels/index.js')
      io.out(await hashPassword(await readLine(host.stdin)))
    })

  program
    .command('chat')
    .description('chat with an edge from the terminal')
    .option('--mqtt <url>', 'the edge’s MQTT listener', 'mqtt://127.0.0.1:1883')
    .option('--tenant <tenant>', 'default: the edge’s first')
    .option('--user <id>', 'who you are', 'me')
    .option('--chat <id>', 'which chat', 'terminal')
    .option('--once <text>', 'ask one question, print the final reply, end')
    .option('--wait', 'with --once: wait for the answer behind a ticket')
    .action(async (options: ChatFlags) => {
      const { chat } = await import('../chat/index.js')
      const code = await chat(
        { ...options, json: io.wantsJson },
        {
          stdin: host.stdin,
          stdout: host.stdout,
          stderr: host.stderr,
          isTty: io.isTty,
          // --lang counts before the environment.
          env: { ...io.env, YIZHAN_LANG: io.lang },
        },
      )
      if (code !== 0) io.setExitCode(1)
    })

  configCommands(program, io, { compiler: edgeConfig, sources })
}

interface ChatFlags {
  readonly mqtt: string
  readonly tenant?: string
  readonly user: string
  readonly chat: string
  readonly once?: string
  readonly wait?: boolean
}

async function readLine(stdin: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const data of stdin) text += data.toString()
  const line = text.split('\n')[0] ?? ''
  if (line === '') throw new YizhanError('invalid_argument', 'no password on standard input')
  return line
}
