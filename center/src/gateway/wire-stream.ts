import type { ServerDuplexStream } from '@grpc/grpc-js'
import { type Clock, type Logger, toYizhanError, type YizhanError } from '@yizhan/kernel'
import type { GatewayMetrics } from './gateway-metrics.js'
import type { Peer, PeerGate } from './peer.js'
import { toServiceError } from './service-error.js'

export interface StreamEvents<In> {
  /** One frame of a peer that was checked just now. What it throws ends the stream. */
  message(frame: In): void
  /** The peer reads again after `blocked`. */
  drained(): void
  /** Once, whoever ended the stream; `error` unless it ended in order. */
  closed(error: YizhanError | undefined): void
}

export interface StreamDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly gate: PeerGate
  /** Ends the connection under a peer that does not take its last frames. */
  readonly cut: (address: string) => void
}

// Frames that wait for the peer to read. Beyond this nothing more is read from it, so that it cannot pile up answers.
const MAX_WAITING_FRAMES = 1_024
// How long a peer that is refused may take to read the reason.
const CUT_MS = 2_000

/** The center's end of a bidirectional stream of an edge: checked per message, bounded, closed once. */
export class WireStream<In, Out> {
  readonly peer: Peer
  readonly #call: ServerDuplexStream<In, Out>
  readonly #deps: StreamDeps
  #open = true
  #events: StreamEvents<In> | undefined
  #unwatch: () => void = () => undefined

  constructor(deps: StreamDeps, call: ServerDuplexStream<In, Out>, peer: Peer) {
    this.#deps = deps
    this.#call = call
    this.peer = peer
  }

  start(events: StreamEvents<In>): void {
    this.#events = events
    this.#call.on('data', (frame: In) => this.#received(frame))
    this.#call.on('end', () => this.end())
    this.#call.on('cancelled', () => this.#close(undefined))
    this.#call.on('drain', () => {
      this.#call.resume()
      if (this.#open) events.drained()
    })
    this.#unwatch = this.#deps.gate.watch(this.peer, (error) => this.fail(error))
    if (!this.#open) this.#unwatch()
  }

  get open(): boolean {
    return this.#open
  }

  /** The peer reads slower than it is written to. */
  get blocked(): boolean {
    return this.#call.writableNeedDrain
  }

  /** Sends a frame, or nothing if the stream is closed. */
  send(frame: Out): void {
    if (!this.#open) return
    this.#call.write(frame)
    if (this.#call.writableLength >= MAX_WAITING_FRAMES) this.#call.pause()
  }

  /** Ends the stream in order; what was sent before still arrives. */
  end(): void {
    if (!this.#open) return
    this.#close(undefined)
    this.#call.end()
  }

  /** Ends the stream with the error's status. A peer that no longer counts has 2 s to read it, then it is cut. */
  fail(error: YizhanError): void {
    if (!this.#open) return
    this.#close(error)
    this.#call.emit('error', toServiceError(error))
    if (error.code !== 'unauthenticated') return
    const cancel = this.#deps.clock.after(CUT_MS, () => this.#deps.cut(this.peer.address))
    this.#call.once('cancelled', cancel)
  }

  #received(frame: In): void {
    if (!this.#open) return
    try {
      this.peer.check()
      this.#events?.message(frame)
    } catch (thrown) {
      const error = toYizhanError(thrown)
      if (error.code === 'internal')
        this.#deps.log.error({ err: error, edge: this.peer.edgeId }, 'stream failed')
      this.fail(error)
    }
  }

  #close(error: YizhanError | undefined): void {
    if (!this.#open) return
    this.#open = false
    this.#unwatch()
    this.#events?.closed(error)
  }
}

/** Ends a call before it has become a stream. */
export function refuseCall(
  deps: { readonly log: Logger; readonly metrics: GatewayMetrics },
  rpc: string,
  call: Pick<ServerDuplexStream<unknown, unknown>, 'emit' | 'getPeer'>,
  error: YizhanError,
): void {
  noteRefusal(deps, rpc, call.getPeer(), error)
  call.emit('error', toServiceError(error))
}

/** Counts and logs a refused call. */
export function noteRefusal(
  deps: { readonly log: Logger; readonly metrics: GatewayMetrics },
  rpc: string,
  address: string,
  error: YizhanError,
): void {
  deps.metrics.refusals.inc({ rpc, code: error.code })
  deps.log[error.traits.level]({ err: error, rpc, address }, 'call refused')
}
