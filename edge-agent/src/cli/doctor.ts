import { arch } from 'node:os'
import { CAGE_DEFAULTS, limitedCommand } from '@yizhan/intent'
import {
  adminCall,
  adminSocketPath,
  type CliIo,
  readFileIfExists,
  runChecks,
  stateDirChecks,
} from '@yizhan/kernel'
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
      check: 'processor',
      async look() {
        const flags = await readFileIfExists('/proc/cpuinfo')
        if (arch() !== 'x64' || !flags) return arch()
        if (/\bavx2\b/.test(flags.toString())) return 'x64 with AVX2'
        throw new Error('has no AVX2: models run slowly or not at all; a virtual machine may hide it')
      },
    },
    {
      check: 'trial of models',
      async look() {
        const limits = { addressSpaceBytes: CAGE_DEFAULTS.addressSpaceBytes, cpuSeconds: 1 }
        const { program } = await limitedCommand({ program: 'node', args: [] }, limits)
        return `under limits of ${program}`
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
