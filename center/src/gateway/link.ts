import { toYizhanError, YizhanError } from '@yizhan/kernel'
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  create,
  type Handlers,
  type Hello,
  type Link,
} from '@yizhan/proto'
import { epochFenced } from '../fleet/index.js'
import { epochText } from './journal-epoch.js'
import { type LinkConfig, type LinkDeps, LiveSession } from './live-link.js'
import { negotiateProtocol } from './protocol-negotiation.js'
import { toFailure } from './service-error.js'
import { refuseCall, WireStream } from './wire-stream.js'

type ConnectCall = Parameters<Handlers<typeof Link>['connect']>[0]

/** Serves Link.Connect: Hello, then Welcome or Refused, then the live link. `accepting`: false while the center leaves. */
export function linkHandlers(
  deps: LinkDeps,
  config: LinkConfig,
  accepting: () => boolean,
): Handlers<typeof Link> {
  const connect = (call: ConnectCall) => {
    try {
      const peer = deps.gate.admit(call)
      if (!accepting()) throw leaving(deps)
      new LinkSession(deps, config, new WireStream(deps, call, peer)).start()
    } catch (thrown) {
      refuseCall(deps, 'connect', call, toYizhanError(thrown))
    }
  }
  return { connect }
}

function leaving({ spreadMs }: LinkDeps): YizhanError {
  return new YizhanError('unavailable', 'the center is going away', {
    details: { retryAfterMs: Math.random() * spreadMs() },
  })
}

type Phase =
  | { readonly s: 'greeting' }
  | { readonly s: 'opening' }
  | { readonly s: 'live'; readonly live: LiveSession }
  | { readonly s: 'ended' }

/** One Connect stream from its first frame; becomes a LiveSession once the registry has given it a generation. */
class LinkSession {
  readonly #deps: LinkDeps
  readonly #config: LinkConfig
  readonly #stream: WireStream<ConnectRequest, ConnectResponse>
  #phase: Phase = { s: 'greeting' }
  #cancelHello: () => void = () => undefined

  constructor(deps: LinkDeps, config: LinkConfig, stream: WireStream<ConnectRequest, ConnectResponse>) {
    this.#deps = deps
    this.#config = config
    this.#stream = stream
  }

  start(): void {
    const { helloMs } = this.#config
    this.#cancelHello = this.#deps.clock.after(helloMs, () => {
      this.#stream.fail(new YizhanError('deadline_exceeded', `no Hello within ${helloMs} ms`))
    })
    this.#stream.start({
      message: (request) => this.#message(request),
      drained: () => undefined,
      closed: (error) => this.#closed(error),
    })
  }

  #message(request: ConnectRequest): void {
    switch (this.#phase.s) {
      case 'greeting':
        this.#greet(request)
        break
      case 'live':
        this.#phase.live.message(request)
        break
      case 'opening':
        this.#deps.metrics.framesDropped.inc({ rpc: 'connect', reason: 'generation' })
        break
      case 'ended':
        break
      default:
        this.#phase satisfies never
    }
  }

  #greet({ frame }: ConnectRequest): void {
    if (frame.case !== 'hello') throw new YizhanError('invalid_argument', 'the first frame is not Hello')
    this.#cancelHello()
    const protocol = negotiateProtocol(frame.value)
    if (protocol instanceof YizhanError) {
      this.#refuse(protocol, true)
      return
    }
    if (this.#deps.fences?.has(this.#stream.peer.edgeId, epochText(frame.value.journalEpoch))) {
      this.#refuse(epochFenced(), false)
      return
    }
    this.#phase = { s: 'opening' }
    void this.#open(frame.value, protocol)
  }

  #refuse(error: YizhanError, mayDrain: boolean): void {
    const { log, metrics } = this.#deps
    log.warn({ edge: this.#stream.peer.edgeId, code: error.code, ...error.details }, 'link refused')
    metrics.refusals.inc({ rpc: 'connect', code: error.code })
    this.#stream.send(
      create(ConnectResponseSchema, {
        frame: { case: 'refused', value: { failure: toFailure(error), mayDrain } },
      }),
    )
    this.#stream.end()
  }

  async #open(hello: Hello, protocol: number): Promise<void> {
    const { registry, links, log } = this.#deps
    const { edgeId, address } = this.#stream.peer
    try {
      const agentVersion = hello.agentVersion.slice(0, 64)
      const journalEpoch = epochText(hello.journalEpoch)
      const { generation, epochChanged } = await registry.openLink(edgeId, {
        journalEpoch,
        agentVersion,
        site: hello.site.slice(0, 128),
      })
      if (!this.#stream.open) return
      const appliedRevision = Number(hello.appliedRevision)
      const live = new LiveSession(this.#deps, this.#config, this.#stream, {
        generation,
        protocol,
        appliedRevision,
        journalEpoch,
      })
      // Fenced while the registry was written.
      if (this.#deps.fences?.has(edgeId, journalEpoch)) throw epochFenced()
      links.open(live)
      this.#phase = { s: 'live', live }
      live.start()
      registry.noteSeen(edgeId)
      log.info({ edge: edgeId, address, generation, protocol, agentVersion }, 'edge linked')
      if (epochChanged)
        log.warn({ edge: edgeId }, 'the edge came back with another journal: restored, cloned or quarantined')
    } catch (thrown) {
      const error = toYizhanError(thrown)
      log[error.traits.level]({ err: error, edge: edgeId }, 'link not opened')
      this.#stream.fail(error)
    }
  }

  #closed(error: YizhanError | undefined): void {
    const { log, metrics } = this.#deps
    const phase = this.#phase
    this.#phase = { s: 'ended' }
    this.#cancelHello()
    if (error) metrics.refusals.inc({ rpc: 'connect', code: error.code })
    if (phase.s !== 'live') return
    phase.live.closed(error)
    log.info(
      { edge: this.#stream.peer.edgeId, code: error?.code ?? 'ok', why: error?.message },
      'edge link ended',
    )
  }
}
