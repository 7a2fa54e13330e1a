import type { Features } from './featurizer.js'

/** How the numbers of a text's tokens become one row: their mean, or those of the first token. */
export type Pooling = 'mean' | 'cls'

/** Turns an embedding into probabilities: softmax of weights · embedding + bias. */
export interface Head {
  /** Row by row, one row per label. */
  readonly weights: Float32Array
  readonly bias: Float32Array
}

/** What kind of network a model file holds, and how it is read. Plain data: it goes to threads and other processes. */
export type NetworkKind =
  | { readonly kind: 'hashed' }
  | {
      readonly kind: 'encoder'
      /** `tokenizer.json`. */
      readonly tokenizer: string
      readonly pooling: Pooling
      readonly maxTokens: number
      /** Without it a row is the embedding, of length 1. */
      readonly head?: Head
      /** A cross-encoder: it reads pairs, and a row is one number, how well the second text answers the first. */
      readonly scores?: true
      /** Default 1. */
      readonly threads?: number
      /** Where it runs; without that device it runs on the processor. Default `cpu`. */
      readonly device?: 'cpu' | 'cuda'
    }

/** One text as its network reads it: the features of a hashed model, for an encoder the text, for a cross-encoder two. */
export type NetworkInput = Features | string | TextPair

export interface TextPair {
  readonly first: string
  readonly second: string
}

/** A network in the ONNX runtime. `run` blocks the thread. Only for files that were inspected, or inside a cage. */
export interface Network {
  /** One row per text, in order: probabilities of the labels, or an embedding. */
  run(texts: readonly NetworkInput[]): Promise<Float32Array[]>
  /** Frees it; idempotent. Not while a run is under way. */
  close(): Promise<void>
}
