import { Backoff, type BackoffConfig, type Clock, type ErrorCode, type Logger } from '@yizhan/kernel'
import type { Carrier } from './inference-client.js'
import type { UploadSource } from './port.js'
import { isRefusal, retryAfterMs } from './rpc-error.js'
import type { UplinkMetrics } from './uplink-metrics.js'
import { type UploadEnd, UploadStream } from './upload-stream.js'

export interface UploadClientConfig extends BackoffConfig {
  /** Shortest wait after a refusal, in milliseconds. */
  readonly refusedRetryMs: number
}

export interface UploadClientDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: UplinkMetrics
  readonly random: () => number
  readonly source: UploadSource
}

/** Keeps the center's replica of this edge's turns up to date: one stream per link, opened again when it breaks. */
export class UploadClient {
  readonly #deps: UploadClientDeps
  readonly #config: UploadClientConfig
  readonly #backoff: Backoff
  #stream: UploadStream | undefined
  #generation = 0n
  /** Code of the refusal that is in the log already. */
  #refusal: ErrorCode | undefined
  #cancelTimer: () => void = () => undefined

  constructor(deps: UploadClientDeps, config: UploadClientConfig) {
    this.#deps = deps
    this.#config = config
    this.#backoff = new Backoff(deps.random, config)
  }

  /** Uploads by this channel from now on. */
  attach(carrier: Carrier): void {
    this.close()
    this.#backoff.reset()
    this.#generation = carrier.generation
    this.#open(carrier)
  }

  /** The channel of this generation is gone, or is to be left alone. */
  detach(generation: bigint): void {
    if (generation === this.#generation) this.close()
  }

  close(): void {
    this.#cancelTimer()
    const stream = this.#stream
    this.#stream = undefined
    stream?.close()
  }

  #open(carrier: Carrier): void {
    const { clock, metrics, source } = this.#deps
    const stream = new UploadStream(
      {
        clock,
        source,
        dropped: (reason) => metrics.frameDropped('upload', reason),
        sentBytes: (bytes) => metrics.uploadBytes(bytes),
        moved: () => this.#backoff.reset(),
      },
      carrier,
    )
    this.#stream = stream
    void stream.ended.then((end) => {
      if (this.#stream === stream) this.#reopen(carrier, end)
    })
  }

  #reopen(carrier: Carrier, end: UploadEnd): void {
    const { clock, log } = this.#deps
    this.#stream = undefined
    const error = end === 'closed' ? undefined : end.error
    const isRefused = error !== undefined && isRefusal(error)
    const leastMs = Math.max(error ? retryAfterMs(error) : 0, isRefused ? this.#config.refusedRetryMs : 0)
    const waitMs = Math.max(leastMs, this.#backoff.next())
    if (isRefused && error.code !== this.#refusal) {
      log.error({ err: error, waitMs }, 'the center takes no turns of this edge')
    } else {
      log.debug({ reason: error?.message ?? 'closed', waitMs }, 'the upload of turns was interrupted')
    }
    this.#refusal = isRefused ? error.code : undefined
    this.#cancelTimer = clock.after(waitMs, () => this.#open(carrier))
  }
}
