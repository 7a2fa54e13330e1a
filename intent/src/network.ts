import type { Features } from './featurizer.js'

/** What kind of network a model file holds, and how it is read. Plain data: it goes to threads and other processes. */
export type NetworkKind = { readonly kind: 'hashed' }

/** How the network of a model card is read. */
export function networkOf(card: { readonly kind: 'hashed' }): NetworkKind {
  return { kind: card.kind }
}

/** One text as its network reads it. */
export type NetworkInput = Features

/** A network in the ONNX runtime. `run` blocks the thread. Only for files that were inspected, or inside a cage. */
export interface Network {
  /** One row per text, in order: probabilities of the labels. */
  run(texts: readonly NetworkInput[]): Promise<Float32Array[]>
  /** Frees it; idempotent. Not while a run is under way. */
  close(): Promise<void>
}
