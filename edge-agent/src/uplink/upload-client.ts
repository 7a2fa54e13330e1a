import { Backoff, type BackoffConfig, type Clock, type Logger } from '@yizhan/kernel'
import type { Carrier } from './inference-client.js'
import type { UploadSource } from './port.js'
import { isRefusal, retryAfterMs } from './rpc-error.js'
import type { UplinkMetrics } from './uplink-metrics.js'
import { type UploadEnd, UploadStream } from './upload-stream.js'

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
  readonly #backoff: Backoff
  #stream: UploadStream | undefined
  #generation = 0n
  #cancelTimer: () => void = () => undefined

  constructor(deps: UploadClientDeps, config: BackoffConfig) {
    this.#deps = deps
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
    if (end !== 'closed' && isRefusal(end.error)) {
      // Asked again with the next link.
      log.error({ err: end.error }, 'the center takes no turns of this edge')
      return
    }
    const advisedMs = end === 'closed' ? 0 : retryAfterMs(end.error)
    const waitMs = Math.max(advisedMs, this.#backoff.next())
    const reason = end === 'closed' ? 'the center closed the stream' : end.error.message
    log.debug({ reason, waitMs }, 'the upload of turns was interrupted')
    this.#cancelTimer = clock.after(waitMs, () => this.#open(carrier))
  }
}
