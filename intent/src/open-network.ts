import type { Network, NetworkKind } from './network.js'
import { NetworkSession } from './session.js'

// Beside the session all that a serving thread and a cage load of this package: it imports nothing but the runtime.

export type { Network, NetworkKind } from './network.js'

/** Opens a model file in the runtime of this process; rejects with the runtime's own error. */
export function openNetwork({ kind }: NetworkKind, onnx: Uint8Array): Promise<Network> {
  switch (kind) {
    case 'hashed':
      return NetworkSession.open(onnx)
    default:
      return kind satisfies never
  }
}
