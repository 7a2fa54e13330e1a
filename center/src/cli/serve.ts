import { type CliIo, createLogger, type ProgramHost, serveUntilStopped } from '@yizhan/kernel'
import { startCenter } from '../center.js'
import type { CenterConfig } from '../config.js'

/** Starts the center, prints one ready line, and resolves when it has stopped. */
export async function serve(
  io: CliIo,
  host: ProgramHost,
  { value: config }: { readonly value: CenterConfig },
  withParent: boolean,
): Promise<void> {
  const log = createLogger({ name: 'center', level: config.log.level })
  const center = await startCenter({ log, version: host.version }, config)
  const ready = { link: center.linkAddress, enroll: center.enrollAddress, api: center.apiUrl }
  await serveUntilStopped(io, host, center, { ready, withParent, log })
}
