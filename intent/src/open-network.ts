import type { Features } from './featurizer.js'
import type { Network, NetworkInput, NetworkKind } from './network.js'
import { NetworkSession } from './session.js'

export type { Network, NetworkKind } from './network.js'

// Beside the sessions all that a serving thread and a cage load of this package: it imports nothing but the runtime.

/** Opens a model file in the runtime of this process; rejects with the runtime's own error. */
export async function openNetwork(network: NetworkKind, onnx: Uint8Array): Promise<Network> {
  switch (network.kind) {
    case 'hashed': {
      const session = await NetworkSession.open(onnx)
      return { run: (texts) => session.run(texts.map(featuresOf)), close: () => session.close() }
    }
    case 'encoder': {
      // With its tokenizer it is only wanted where a tenant has a model of its own.
      const { EncoderSession } = await import('./encoder/encoder-session.js')
      return EncoderSession.open(network, onnx)
    }
    default:
      return network satisfies never
  }
}

function featuresOf(input: NetworkInput): Features {
  if (typeof input === 'string' || 'first' in input) throw new Error('a hashed network was given a text')
  return input
}
