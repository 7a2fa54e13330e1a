import type { NetworkInput, NetworkKind } from '@yizhan/intent'
import type { TenantId } from '@yizhan/kernel'

/** A loaded model: one bundle of one tenant. */
export type ModelKey = `${string}/${string}`

export function modelKey(tenant: TenantId, digest: string): ModelKey {
  return `${tenant}/${digest}`
}

/** What the service sends to the thread; worked off in order, runs that wait together in one go. */
export type ToWorker =
  | {
      readonly kind: 'load'
      readonly id: number
      readonly key: ModelKey
      readonly network: NetworkKind
      readonly onnx: Uint8Array
    }
  | { readonly kind: 'unload'; readonly key: ModelKey }
  | { readonly kind: 'run'; readonly id: number; readonly key: ModelKey; readonly features: NetworkInput }
  | { readonly kind: 'close' }

export type LoadRequest = Extract<ToWorker, { kind: 'load' }>
export type RunRequest = Extract<ToWorker, { kind: 'run' }>

export interface RunResult {
  readonly id: number
  readonly probabilities: Float32Array
}

/** What the thread sends back. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'loaded'; readonly id: number }
  | { readonly kind: 'ran'; readonly results: readonly RunResult[] }
  | {
      readonly kind: 'failed'
      readonly ids: readonly number[]
      readonly why: 'not-loaded' | 'load-failed' | 'run-failed'
      readonly message: string
    }
