import { type CliIo, createLogger, type ProgramHost, serveUntilStopped } from '@yizhan/kernel'
import { startAgent } from '../agent.js'
import type { EdgeConfig } from '../config.js'

/** Starts the agent, prints one ready line, and resolves when it has stopped; rejects if a part failed for good. */
export async function serve(
  io: CliIo,
  host: ProgramHost,
  { value: config }: { readonly value: EdgeConfig },
  withParent: boolean,
): Promise<void> {
  const log = createLogger({ name: 'edge', level: config.log.level })
  const agent = await startAgent({ log, version: host.version }, config)
  await serveUntilStopped(io, host, agent, {
    ready: { chat: agent.chatUrl, mqtt: agent.mqttUrl },
    withParent,
    log,
  })
}
