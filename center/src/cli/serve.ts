import { join } from 'node:path'
import {
  type CliIo,
  createLogger,
  type LoadedConfig,
  type ProgramHost,
  serveUntilStopped,
} from '@yizhan/kernel'
import { startCenter } from '../center.js'
import type { CenterConfig } from '../config.js'

/** Starts the center, prints one ready line, and resolves when it has stopped; rejects if a part failed for good. */
export async function serve(
  io: CliIo,
  host: ProgramHost,
  load: () => LoadedConfig<CenterConfig>,
  withParent: boolean,
): Promise<void> {
  const loaded = load()
  const log = createLogger({ name: 'center', level: loaded.value.log.level })
  const center = await startCenter({ log, version: host.version }, loaded.value)
  const config = {
    loaded,
    load,
    apply: (value: CenterConfig) => {
      log.level = value.log.level
    },
    lastGoodPath: join(loaded.value.stateDir, 'config.last-good.yaml'),
  }
  await serveUntilStopped(io, host, center, {
    ready: { link: center.linkAddress, enroll: center.enrollAddress, api: center.apiUrl },
    withParent,
    log,
    config,
  })
}
