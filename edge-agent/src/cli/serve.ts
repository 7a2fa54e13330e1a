import { join } from 'node:path'
import {
  type CliIo,
  createLogger,
  type LoadedConfig,
  type ProgramHost,
  serveUntilStopped,
} from '@yizhan/kernel'
import { startAgent } from '../agent.js'
import type { EdgeConfig } from '../config.js'

/** Starts the agent, prints one ready line, and resolves when it has stopped; rejects if a part failed for good. */
export async function serve(
  io: CliIo,
  host: ProgramHost,
  load: () => LoadedConfig<EdgeConfig>,
  withParent: boolean,
): Promise<void> {
  const loaded = load()
  const log = createLogger({ name: 'edge', level: loaded.value.log.level })
  const agent = await startAgent({ log, version: host.version }, loaded.value)
  const config = {
    loaded,
    load,
    apply: (value: EdgeConfig) => {
      log.level = value.log.level
    },
    lastGoodPath: join(loaded.value.stateDir, 'config.last-good.yaml'),
  }
  await serveUntilStopped(io, host, agent, {
    ready: { chat: agent.chatUrl, mqtt: agent.mqttUrl },
    withParent,
    log,
    config,
  })
}
