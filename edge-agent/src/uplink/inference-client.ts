import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import {
  Backoff,
  type BackoffConfig,
  type Clock,
  type Logger,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import {
  create,
  encodedAs,
  Inference,
  type InferRequest,
  InferRequestSchema,
  type InferResponse,
  MAX_MESSAGE_BYTES,
  type RpcClient,
  toBinary,
} from '@yizhan/proto'
import { InferenceRun, type RunLimits, type RunStep } from './inference-run.js'
import type { InferenceHandle, InferenceRequest, InferenceSink } from './port.js'
import { rpcError } from './rpc-error.js'
import type { UplinkMetrics } from './uplink-metrics.js'

export interface InferenceConfig extends RunLimits, BackoffConfig {
  /** Requests that wait for a place at the center; one more fails with `overloaded`. */
  readonly maxQueued: number
}

/** The channel that requests travel on, and the generation that their frames carry. */
export interface Carrier {
  readonly client: RpcClient
  readonly generation: bigint
}

type Call = ClientDuplexStream<InferRequest, InferResponse>
type Frame = InferRequest['frame']
type StreamState =
  | { readonly s: 'away' }
  | { readonly s: 'open'; readonly carrier: Carrier; readonly call: Call }
  | { readonly s: 'reopening'; readonly carrier: Carrier; readonly cancelTimer: () => void }

const DEFAULT_IN_FLIGHT = 32
const MAX_CANCELLED = 1024
const FRAME_ROOM_BYTES = 1024

/**
 * Every request of this edge on one stream per link. A request outlives links: it is presented again, with what has
 * arrived, until its sink has been told the end. At most `maxInFlight` are at the center, the rest wait in order.
 */
export class InferenceClient {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #metrics: UplinkMetrics
  readonly #config: InferenceConfig
  readonly #backoff: Backoff
  /** Open requests in the order in which they came. */
  readonly #runs = new Map<string, InferenceRun>()
  /** Cancelled while no stream was open: presented once more and cancelled there. The oldest give way. */
  readonly #cancelled = new Map<string, { readonly run: InferenceRun; readonly reason: string }>()
  #stream: StreamState = { s: 'away' }
  #maxInFlight = DEFAULT_IN_FLIGHT
  #inFlight = 0
  #onIdle: (() => void) | undefined

  constructor(
    deps: { clock: Clock; log: Logger; metrics: UplinkMetrics; random: () => number },
    config: InferenceConfig,
  ) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#metrics = deps.metrics
    this.#config = config
    this.#backoff = new Backoff(deps.random, config)
  }

  get maxInFlight(): number {
    return this.#maxInFlight
  }

  /** Requests that this edge may have at the center; 0 = the default of 32. Those there already stay. */
  limit(maxInFlight: number): void {
    this.#maxInFlight = maxInFlight > 0 ? maxInFlight : DEFAULT_IN_FLIGHT
    this.#present()
  }

  /** Starts a request, or presents it again from its start to a new sink. Its end is told later, never in this call. */
  infer(request: InferenceRequest, sink: InferenceSink): InferenceHandle {
    const run = new InferenceRun(request, this.#guard(sink), this.#config)
    const earlier = this.#runs.get(request.requestId)
    const refusal = this.#refusal(run, earlier)
    this.#cancelled.delete(request.requestId)
    if (earlier) {
      run.known = earlier.known
      if (earlier.presented) this.#inFlight -= 1
      this.#runs.delete(request.requestId)
    }
    if (refusal) queueMicrotask(() => run.sink.failed(refusal))
    else this.#runs.set(request.requestId, run)
    this.#present()
    return { cancel: (reason) => this.#cancel(run, reason), endAck: () => this.#endAck(run) }
  }

  #refusal(run: InferenceRun, earlier: InferenceRun | undefined): YizhanError | undefined {
    if (!earlier && this.#runs.size - this.#inFlight >= this.#config.maxQueued) {
      return new YizhanError('overloaded', 'too many requests wait for the center')
    }
    // A frame over the limit would end the stream of all others, again and again.
    const bytes = run.encoded().length
    if (bytes <= MAX_MESSAGE_BYTES - FRAME_ROOM_BYTES) return undefined
    return new YizhanError('too_large', `the request has ${bytes} bytes, more than a frame holds`)
  }

  /** Carries everything on this channel from now on; what was open is presented again. */
  attach(carrier: Carrier): void {
    this.#leave()
    this.#onIdle = undefined
    this.#backoff.reset()
    this.#open(carrier)
  }

  /** The channel of this generation is gone; requests wait for the next. */
  detach(generation: bigint): void {
    if (this.#stream.s !== 'away' && this.#stream.carrier.generation === generation) this.#leave()
  }

  /** Presents nothing new on the stream of now; calls `onIdle` when what runs there has ended. */
  drain(onIdle: () => void): void {
    this.#onIdle = onIdle
    if (this.#inFlight === 0) onIdle()
  }

  /** Leaves the center. Sinks are told nothing: their turns stay open and are presented again by the next process. */
  close(): void {
    this.#leave()
    this.#runs.clear()
  }

  #open(carrier: Carrier): void {
    const call: Call = carrier.client.bidi(Inference.method.infer)
    this.#stream = { s: 'open', carrier, call }
    const isCurrent = () => this.#stream.s === 'open' && this.#stream.call === call
    call.on('data', (frame: InferResponse) => {
      if (isCurrent()) this.#receive(carrier, frame)
    })
    call.on('error', (thrown) => {
      if (isCurrent()) this.#reopen(carrier, rpcError(thrown).message)
    })
    call.on('end', () => {
      if (isCurrent()) this.#reopen(carrier, 'the center closed the stream')
    })
    for (const [requestId, { run, reason }] of this.#cancelled) {
      this.#submit(run)
      this.#send(requestId, cancelFrame(reason))
    }
    this.#cancelled.clear()
    this.#present()
  }

  /** The stream ended and the link did not (or not yet): another one, after a pause. */
  #reopen(carrier: Carrier, reason: string): void {
    this.#leave()
    const waitMs = this.#backoff.next()
    this.#log.debug({ reason, waitMs }, 'the inference stream ended')
    const cancelTimer = this.#clock.after(waitMs, () => this.#open(carrier))
    this.#stream = { s: 'reopening', carrier, cancelTimer }
  }

  #leave(): void {
    const stream = this.#stream
    this.#stream = { s: 'away' }
    this.#inFlight = 0
    for (const run of this.#runs.values()) run.presented = false
    if (stream.s === 'open') stream.call.cancel()
    if (stream.s === 'reopening') stream.cancelTimer()
  }

  #present(): void {
    if (this.#stream.s !== 'open' || this.#onIdle) return
    for (const run of this.#runs.values()) {
      if (this.#inFlight >= this.#maxInFlight) return
      if (run.presented) continue
      if (run.attempt > 0) this.#metrics.requestResumed()
      this.#inFlight += 1
      this.#submit(run)
    }
  }

  #submit(run: InferenceRun): void {
    if (this.#stream.s !== 'open') return
    const { call, carrier } = this.#stream
    const head = { linkGeneration: carrier.generation, requestId: run.request.requestId }
    const request = create(InferRequestSchema, { ...head, frame: { case: 'submit', value: run.submit() } })
    const bytes = new BinaryWriter()
      .raw(toBinary(InferRequestSchema, create(InferRequestSchema, head)))
      .tag(InferRequestSchema.field.submit.number, WireType.LengthDelimited)
      .bytes(run.encoded())
      .finish()
    call.write(encodedAs(request, bytes))
  }

  // What can pile up in an unread stream is bounded: a submit per request in flight, and credits only for what the
  // center has sent within its window.
  #send(requestId: string, frame: Frame): void {
    if (this.#stream.s !== 'open') return
    const { call, carrier } = this.#stream
    call.write(create(InferRequestSchema, { linkGeneration: carrier.generation, requestId, frame }))
  }

  #receive(carrier: Carrier, response: InferResponse): void {
    if (response.linkGeneration !== carrier.generation) {
      this.#drop('generation')
      return
    }
    const run = this.#runs.get(response.requestId)
    if (!run?.presented) {
      this.#drop('request')
      return
    }
    this.#backoff.reset()
    const step = run.receive(response)
    // Its reader may have cancelled it while it was told.
    if (this.#runs.get(response.requestId) === run) this.#take(run, step)
  }

  #take(run: InferenceRun, step: RunStep): void {
    const { requestId } = run.request
    switch (step.step) {
      case 'go-on':
        return
      case 'dropped':
        this.#drop(step.reason)
        return
      case 'credit':
        this.#send(requestId, {
          case: 'credit',
          value: {
            $typeName: 'yizhan.v1.Credit',
            attempt: step.attempt,
            ackSeq: step.ackSeq,
            windowBytes: this.#config.windowBytes,
          },
        })
        return
      case 'resume':
        this.#metrics.requestFault()
        this.#log.warn({ requestId }, 'an answer arrived damaged; it is asked for again')
        this.#submit(run)
        return
      case 'final':
        this.#end(run)
        run.sink.final(step.result)
        return
      case 'failed':
        if (step.cancel) {
          this.#metrics.requestFault()
          this.#send(requestId, cancelFrame(step.error.code))
        }
        this.#end(run)
        run.sink.failed(step.error)
        return
      default:
        step satisfies never
    }
  }

  #end(run: InferenceRun): void {
    this.#runs.delete(run.request.requestId)
    if (run.presented) this.#inFlight -= 1
    this.#present()
    if (this.#inFlight === 0) this.#onIdle?.()
  }

  #cancel(run: InferenceRun, reason: string): void {
    const { requestId } = run.request
    if (this.#runs.get(requestId) !== run) return
    if (run.presented) this.#send(requestId, cancelFrame(reason))
    else if (run.known) this.#cancelLater(run, reason)
    this.#end(run)
    const error = new YizhanError('cancelled', reason)
    queueMicrotask(() => run.sink.failed(error))
  }

  #cancelLater(run: InferenceRun, reason: string): void {
    const [oldest] = this.#cancelled.keys()
    if (this.#cancelled.size >= MAX_CANCELLED && oldest !== undefined) this.#cancelled.delete(oldest)
    this.#cancelled.set(run.request.requestId, { run, reason })
  }

  /** Goes nowhere while the link is away: the center forgets an ended request by time as well. */
  #endAck(run: InferenceRun): void {
    if (run.attempt === 0) return
    this.#send(run.request.requestId, {
      case: 'endAck',
      value: { $typeName: 'yizhan.v1.EndAck', attempt: run.attempt },
    })
  }

  #drop(reason: string): void {
    this.#metrics.frameDropped('inference', reason)
  }

  /** A sink that throws must not take the stream of all others with it. */
  #guard(sink: InferenceSink): InferenceSink {
    const safely = (tell: () => void) => {
      try {
        tell()
      } catch (thrown) {
        this.#log.error({ err: toYizhanError(thrown) }, 'a reader of an answer failed')
      }
    }
    return {
      started: (attempt, position) => safely(() => sink.started(attempt, position)),
      tokens: (attempt, seq, text) => safely(() => sink.tokens(attempt, seq, text)),
      final: (result) => safely(() => sink.final(result)),
      failed: (error) => safely(() => sink.failed(error)),
    }
  }
}

function cancelFrame(reason: string): Frame {
  return { case: 'cancel', value: { $typeName: 'yizhan.v1.Cancel', reason } }
}
