import { adminCall, adminSocketPath, type CliIo, runChecks, stateDirChecks } from '@yizhan/kernel'
import type { EdgeConfig } from '../config.js'

/** Looks at what the edge agent needs on this machine; exit code 1 if anything is wrong. */
export function doctor(io: CliIo, { value: config }: { readonly value: EdgeConfig }): Promise<void> {
  return runChecks(io, [
    ...stateDirChecks(config.stateDir),
    {
      check: 'ONNX runtime',
      async look() {
        const { InferenceSession } = await import('onnxruntime-node')
        if (typeof InferenceSession.create !== 'function')
          throw new Error('loads, but has no InferenceSession')
        return 'loads'
      },
    },
    {
      check: 'running agent',
      async look() {
        const status = await adminCall(adminSocketPath(config.stateDir), 'GET', '/v1/status')
        const { edge, link } = status as { edge: string | null; link: { state: string } }
        return `answers as ${edge ?? 'not enrolled'}; link ${link.state}`
      },
    },
  ])
}
