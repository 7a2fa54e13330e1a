import {
  type CliIo,
  configCommands,
  type FlagPaths,
  loadConfig,
  type ProgramHost,
  programSources,
  serveProgram,
} from '@yizhan/kernel'
import type { Command } from 'commander'
import { centerConfig } from '../config.js'
import { apiKeyCommands } from './api-keys.js'
import { attachmentCommands } from './attachments.js'
import { auditCommands } from './audit.js'
import { backupCommands } from './backup.js'
import { centerCall, centerStream } from './center-call.js'
import { doctor } from './doctor.js'
import { edgeCommands } from './edges.js'
import { inferenceCommands } from './inference.js'
import { intentCommands } from './intents/index.js'
import { keyCommands } from './keys.js'
import { knowledgeCommands } from './knowledge/index.js'
import { messageCommands } from './messages.js'
import { privacyCommands } from './privacy.js'
import { restoreCommand } from './restore.js'
import { storageCommands } from './storage.js'
import { tenantCommands } from './tenant/index.js'
import { turnCommands } from './turns.js'

/** Flags that set a setting, by its path. */
const FLAGS: FlagPaths = {
  state: { path: 'stateDir' },
  linkPort: { path: 'gateway.linkPort', number: true },
  enrollPort: { path: 'gateway.enrollPort', number: true },
  apiPort: { path: 'api.port', number: true },
  frontPort: { path: 'front.port', number: true },
}

/** The commands of `yizhan-center`; verbs that touch state go through the running process. */
export function defineCommands(program: Command, io: CliIo, host: ProgramHost): void {
  program
    .option(
      '--config <file>',
      io.say({
        en: 'settings; default YIZHAN_CONFIG, then /etc/yizhan/center.yaml',
        zh: '配置文件；默认为 YIZHAN_CONFIG，其次 /etc/yizhan/center.yaml',
      }),
    )
    .option('--state <dir>', io.say({ en: 'state directory (stateDir)', zh: '状态目录（stateDir）' }))

  const sources = (command: Command) => programSources('center', FLAGS, io, command)
  const load = (command: Command) => loadConfig(centerConfig, sources(command))
  const stateDirOf = (command: Command) => load(command).value.stateDir
  const call = centerCall(io, stateDirOf)
  const stream = centerStream(io, stateDirOf)

  program
    .command('serve')
    .description(io.say({ en: 'run the center', zh: '运行中心' }))
    .option('--link-port <n>', 'gateway.linkPort')
    .option('--enroll-port <n>', 'gateway.enrollPort')
    .option('--api-port <n>', 'api.port')
    .option('--front-port <n>', 'front.port')
    .option('--with-parent', io.say({ en: 'end when standard input closes', zh: '标准输入关闭时结束' }))
    .action(async (options: { withParent?: boolean }, command: Command) => {
      // Only here: the other verbs are quick because they do not load what the center is made of.
      const { startCenter } = await import('../center.js')
      await serveProgram(io, host, {
        name: 'center',
        load: () => load(command),
        withParent: options.withParent === true,
        start: (log, config) =>
          startCenter(
            { log, version: host.version, credentialsDirectory: io.env.CREDENTIALS_DIRECTORY },
            config,
          ),
      })
    })

  program
    .command('status')
    .description(io.say({ en: 'links, tenants, inference', zh: '连接、租户与推理的状态' }))
    .action(async (_options, command: Command) => io.record(await call(command, 'GET', '/v1/status')))

  program
    .command('doctor')
    .description(
      io.say({ en: 'check what the center needs on this machine', zh: '检查本机是否满足中心的需要' }),
    )
    .action(async (_options, command: Command) => doctor(io, load(command)))

  configCommands(program, io, { compiler: centerConfig, sources })
  edgeCommands(program, io, call)
  tenantCommands(program, io, host, call)
  intentCommands(program, io, call)
  knowledgeCommands(program, io, call)
  messageCommands(program, io, call)
  auditCommands(program, io, call, stream)
  apiKeyCommands(program, io, call)
  attachmentCommands(program, io, call, stream)
  keyCommands(program, io, call)
  inferenceCommands(program, io, call)
  storageCommands(program, io, call)
  turnCommands(program, io, call)
  privacyCommands(program, io, call, stream)
  restoreCommand(backupCommands(program, io, call), io, load)
}
