import type { OperatingPoint, TextCodec } from '@yizhan/intent'
import type { TenantId } from '@yizhan/kernel'
import type { BundleModel } from './bundle-model.js'
import { type ModelKey, modelKey } from './worker-protocol.js'

/** What a process takes besides its model. */
const PROCESS_BYTES = 64 * 1024 * 1024

/** A model that this edge serves. */
export interface ServedModel {
  readonly key: ModelKey
  readonly tenant: TenantId
  readonly digest: string
  readonly dir: string
  readonly codec: TextCodec
  readonly point: OperatingPoint
  /** Whether its network is in a process of its own, and not in the thread. */
  readonly caged: boolean
  /** Of its network. */
  readonly bytes: number
  /**
   * Where its network is: `loaded` in the thread or its process; `parked` on the disk, to make room, until a text wants it; `waking` on
   * its way from there; `lost` with a thread that died, or with a file that cannot be read again.
   */
  state: 'loaded' | 'parked' | 'waking' | 'lost'
  /** While it is waking: when that ends. */
  woken?: Promise<void>
  /** After its process has died: not woken before this, by the monotonic clock. */
  restsUntil?: number
  /** While it is about to go: keeps it. */
  retiring?: (() => void) | undefined
}

/** The models of this edge in the order of their last use, and how many bytes of networks are loaded. */
export class ModelShelf {
  readonly #maxBytes: number
  readonly #models = new Map<ModelKey, ServedModel>()

  /** `maxBytes` of networks are loaded at once, and one network whatever its size. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#models.size
  }

  get loadedBytes(): number {
    let sum = 0
    for (const { state, bytes } of this.#models.values()) if (state === 'loaded') sum += bytes
    return sum
  }

  add(tenant: TenantId, digest: string, dir: string, { model, point }: BundleModel): ServedModel {
    const key = modelKey(tenant, digest)
    const { codec, network, onnx } = model
    const caged = network.kind !== 'hashed'
    const bytes = onnx.byteLength + (caged ? PROCESS_BYTES : 0)
    const served: ServedModel = { key, tenant, digest, dir, codec, point, caged, bytes, state: 'loaded' }
    this.#models.set(key, served)
    return served
  }

  /** The model, which counts as used now. */
  use(tenant: TenantId, digest: string): ServedModel | undefined {
    const key = modelKey(tenant, digest)
    const model = this.#models.get(key)
    if (model) {
      this.#models.delete(key)
      this.#models.set(key, model)
    }
    return model
  }

  peek(tenant: TenantId, digest: string): ServedModel | undefined {
    return this.#models.get(modelKey(tenant, digest))
  }

  byKey(key: ModelKey): ServedModel | undefined {
    return this.#models.get(key)
  }

  has(model: ServedModel): boolean {
    return this.#models.get(model.key) === model
  }

  remove(tenant: TenantId, digest: string): ServedModel | undefined {
    this.keep(tenant, digest)
    const model = this.peek(tenant, digest)
    if (model) this.#models.delete(model.key)
    return model
  }

  /** One that was about to go stays. */
  keep(tenant: TenantId, digest: string): void {
    const model = this.peek(tenant, digest)
    model?.retiring?.()
    if (model) model.retiring = undefined
  }

  /** Those whose networks have to go so that the loaded ones fit, not used for longest first; never `kept`. */
  overBudget(kept: ServedModel): ServedModel[] {
    let over = this.loadedBytes - this.#maxBytes
    const out: ServedModel[] = []
    for (const model of this.#models.values()) {
      if (over <= 0) break
      if (model === kept || model.state !== 'loaded') continue
      out.push(model)
      over -= model.bytes
    }
    return out
  }

  all(): ServedModel[] {
    return [...this.#models.values()]
  }

  clear(): void {
    for (const { retiring } of this.#models.values()) retiring?.()
    this.#models.clear()
  }
}
