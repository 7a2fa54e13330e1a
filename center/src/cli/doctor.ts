import { adminCall, adminSocketPath, type CliIo, runChecks, stateDirChecks } from '@yizhan/kernel'
import type { CenterConfig } from '../config.js'

/** Looks at what the center needs on this machine; exit code 1 if anything is wrong. */
export function doctor(io: CliIo, { value: config }: { readonly value: CenterConfig }): Promise<void> {
  return runChecks(io, [
    ...stateDirChecks(config.stateDir),
    {
      check: 'running center',
      async look() {
        const status = await adminCall(adminSocketPath(config.stateDir), 'GET', '/v1/status')
        return `answers; ${(status as { links: unknown[] }).links.length} edges linked`
      },
    },
    {
      check: 'backend',
      look: () =>
        config.inference.llm.url === undefined
          ? 'extractive (no llm.url)'
          : `openai at ${config.inference.llm.url}`,
    },
  ])
}
