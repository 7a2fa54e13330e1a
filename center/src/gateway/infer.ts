import { asTenantId, toYizhanError, YizhanError } from '@yizhan/kernel'
import {
  create,
  FailedSchema,
  type Handlers,
  type Inference,
  type InferRequest,
  type InferResponse,
  type Submit,
} from '@yizhan/proto'
import type { RequestBook } from '../inference/port.js'
import type { GatewayConfig } from './config.js'
import type { GatewayMetrics } from './gateway-metrics.js'
import { inferResponse } from './infer-frames.js'
import type { LinkTable, LiveLink } from './link-table.js'
import { MAX_WINDOW_BYTES, RequestLine } from './request-line.js'
import { toFailure } from './service-error.js'
import { streamPerLink } from './stream-per-link.js'
import type { StreamDeps, WireStream } from './wire-stream.js'

export interface InferDeps extends StreamDeps {
  readonly links: LinkTable
  readonly requests: RequestBook
  readonly metrics: GatewayMetrics
}

export type InferConfig = Pick<GatewayConfig, 'maxInFlight'>

type LineFrame = Extract<InferRequest['frame'], { case: 'credit' | 'cancel' | 'endAck' }>
const MAX_REQUEST_ID = 128
const OVERLOADED_RETRY_MS = 1_000
// Ended requests that wait for their EndAck, beyond those in flight; the oldest are let go, the book still keeps them.
const MAX_ENDED = 256

/** Serves Inference.Infer: one stream per live link, every request on it by its id. */
export function inferHandlers(deps: InferDeps, config: InferConfig): Handlers<typeof Inference> {
  const infer = streamPerLink<InferRequest, InferResponse>(
    deps,
    'infer',
    (stream, link, onClosed) => new InferStream(deps, config, stream, link, onClosed),
  )
  return { infer }
}

class InferStream {
  readonly #deps: InferDeps
  readonly #config: InferConfig
  readonly #stream: WireStream<InferRequest, InferResponse>
  readonly #link: LiveLink
  readonly #onClosed: () => void
  readonly #generation: bigint
  /** In the order in which they were presented. */
  readonly #lines = new Map<string, RequestLine>()
  #running = 0
  #unhang: () => void = () => undefined

  constructor(
    deps: InferDeps,
    config: InferConfig,
    stream: WireStream<InferRequest, InferResponse>,
    link: LiveLink,
    onClosed: () => void,
  ) {
    this.#deps = deps
    this.#config = config
    this.#stream = stream
    this.#link = link
    this.#generation = BigInt(link.generation)
    this.#onClosed = onClosed
  }

  start(): void {
    this.#stream.start({
      message: (request) => this.#message(request),
      drained: () => {
        for (const line of this.#lines.values()) line.drained()
      },
      closed: (error) => this.#closed(error),
    })
    this.#unhang = this.#deps.links.onClose(this.#link, (error) => this.#stream.fail(error))
  }

  supersede(): void {
    this.#stream.fail(new YizhanError('conflict', 'a newer Infer stream of this link took its place'))
  }

  #message(request: InferRequest): void {
    const { requestId, frame } = request
    if (request.linkGeneration !== this.#generation) this.#drop('generation')
    else if (frame.case === undefined) this.#drop('unknown')
    else if (requestId === '' || requestId.length > MAX_REQUEST_ID) {
      const error = new YizhanError('invalid_argument', `request_id has 1 to ${MAX_REQUEST_ID} characters`)
      this.#fail(requestId.slice(0, MAX_REQUEST_ID), error)
    } else if (frame.case === 'submit') this.#submit(requestId, frame.value)
    else this.#onLine(requestId, frame)
  }

  #onLine(requestId: string, frame: LineFrame): void {
    const line = this.#lines.get(requestId)
    if (!line || (frame.case === 'endAck' && line.running)) {
      this.#drop('request')
      return
    }
    switch (frame.case) {
      case 'credit':
        line.credit(frame.value, this.#stream.blocked)
        break
      case 'cancel':
        line.cancel(frame.value.reason.slice(0, 256))
        break
      case 'endAck':
        line.endAck(frame.value.attempt)
        this.#lines.delete(requestId)
        break
      default:
        frame satisfies never
    }
  }

  #submit(requestId: string, submit: Submit): void {
    const { peer } = this.#stream
    try {
      const tenant = this.#tenantOf(requestId, submit)
      this.#lines.get(requestId)?.detach()
      this.#lines.delete(requestId)
      if (this.#running >= this.#config.maxInFlight) throw this.#overloaded()
      const line = this.#newLine(requestId)
      try {
        const windowBytes = Math.min(submit.windowBytes, MAX_WINDOW_BYTES)
        line.attach(
          this.#deps.requests.present(peer.edgeId, tenant, requestId, { ...submit, windowBytes }, line),
        )
      } catch (thrown) {
        line.detach()
        this.#lines.delete(requestId)
        throw thrown
      }
    } catch (thrown) {
      this.#fail(requestId, toYizhanError(thrown))
    }
  }

  #newLine(requestId: string): RequestLine {
    const { inFlight } = this.#deps.metrics
    const send = (attempt: number, frame: InferResponse['frame']) => this.#send(requestId, attempt, frame)
    const onEnd = () => {
      this.#running -= 1
      inFlight.dec()
    }
    const line = new RequestLine(send, onEnd)
    this.#running += 1
    inFlight.inc()
    this.#lines.set(requestId, line)
    this.#forgetOldest()
    return line
  }

  #forgetOldest(): void {
    let excess = this.#lines.size - this.#config.maxInFlight - MAX_ENDED
    for (const [id, line] of this.#lines) {
      if (excess <= 0) return
      if (line.running) continue
      line.detach()
      this.#lines.delete(id)
      excess -= 1
    }
  }

  /** The tenant that the message names, if the registry has it for this edge. */
  #tenantOf(requestId: string, submit: Submit) {
    const { log } = this.#deps
    const { peer } = this.#stream
    if (!submit.message) throw new YizhanError('invalid_argument', 'submit.message is missing')
    const named = submit.message.tenantId
    const tenant = asTenantId(named)
    const { tenants } = peer.check()
    if (tenant && tenants.includes(tenant)) return tenant
    log.warn(
      { audit: 'tenant_denied', edge: peer.edgeId, tenant: named.slice(0, 64), requestId },
      'an edge named a tenant that is not its own',
    )
    throw new YizhanError('permission_denied', 'this edge does not serve the tenant that the message names')
  }

  #overloaded(): YizhanError {
    return new YizhanError('overloaded', `${this.#config.maxInFlight} requests of this edge are in flight`, {
      details: { retryAfterMs: OVERLOADED_RETRY_MS * (1 + Math.random()) },
    })
  }

  #fail(requestId: string, error: YizhanError): void {
    const { metrics, log } = this.#deps
    metrics.refusals.inc({ rpc: 'infer', code: error.code })
    log[error.traits.level]({ err: error, edge: this.#stream.peer.edgeId, requestId }, 'request refused')
    this.#send(requestId, 0, { case: 'failed', value: create(FailedSchema, { failure: toFailure(error) }) })
  }

  #send(requestId: string, attempt: number, frame: InferResponse['frame']): void {
    this.#stream.send(inferResponse(this.#generation, requestId, attempt, frame))
  }

  #drop(reason: string): void {
    this.#deps.metrics.framesDropped.inc({ rpc: 'infer', reason })
  }

  #closed(error: YizhanError | undefined): void {
    this.#unhang()
    if (error) this.#deps.metrics.refusals.inc({ rpc: 'infer', code: error.code })
    for (const line of this.#lines.values()) line.detach()
    this.#lines.clear()
    this.#onClosed()
  }
}
