import type { ClientDuplexStream } from '@grpc/grpc-js'
import { type Clock, YizhanError } from '@yizhan/kernel'
import {
  type ChannelHealth,
  type Command,
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  create,
  type Drain,
  type Failure,
  type Hello,
  Link,
  OLDEST_PROTOCOL,
  PROTOCOL,
  type RpcClient,
  type SignedDesiredState,
  type Welcome,
} from '@yizhan/proto'
import { failureError, isRefusal, retryAfterMs, rpcError } from './rpc-error.js'

export type SessionEnd =
  | { readonly why: 'lost'; readonly reason: string; readonly retryAfterMs: number }
  | { readonly why: 'refused'; readonly code: string; readonly reason: string; readonly retryAfterMs: number }
  | { readonly why: 'closed' }

/** What an open session tells its owner; each call names the session, since two overlap during a renewal. */
export interface SessionListener {
  /** Called before any other frame is looked at. */
  welcome(welcome: Welcome): void
  desiredState(session: LinkSession, signed: SignedDesiredState): void
  command(session: LinkSession, command: Command): void
  /** The center has these reports of persons. */
  reportsKept(reportIds: readonly string[]): void
  drain(session: LinkSession, drain: Drain): void
  roundTrip(ms: number): void
  dropped(reason: string): void
  status(): { readonly waitingTurns: number; readonly channels: readonly ChannelHealth[] }
}

type Frame = ConnectRequest['frame']
type Phase =
  | { readonly s: 'greeting' }
  | { readonly s: 'open'; readonly welcome: Welcome }
  | { readonly s: 'closed' }

const GREETING_MS = 15_000
const MISSED_BEATS = 3
// Three of these and the wait for a fourth end within the 45 s in which a half-open link has to be seen.
const MAX_HEARTBEAT_MS = 11_000
const MIN_HEARTBEAT_MS = 200

/** One Link.Connect stream on a channel of its own, from Hello to its end. */
export class LinkSession {
  readonly client: RpcClient
  /** Settles when the session is over, whoever ended it; the channel is closed by then. Never rejects. */
  readonly ended: Promise<SessionEnd>
  readonly #clock: Clock
  readonly #listener: SessionListener
  readonly #stream: ClientDuplexStream<ConnectRequest, ConnectResponse>
  readonly #settleEnded: (end: SessionEnd) => void
  #onWelcome: () => void = () => undefined
  #phase: Phase = { s: 'greeting' }
  #cancelTimer: () => void = () => undefined
  #generation = 0n
  #sequence = 0n
  /** Heartbeats that wait for their answer: sequence → monotonic time of sending. */
  readonly #unanswered = new Map<bigint, number>()
  #roundTripMs = 0

  constructor(
    clock: Clock,
    client: RpcClient,
    stream: ClientDuplexStream<ConnectRequest, ConnectResponse>,
    listener: SessionListener,
  ) {
    this.client = client
    this.#clock = clock
    this.#stream = stream
    this.#listener = listener
    const { promise, resolve } = deferred<SessionEnd>()
    this.ended = promise
    this.#settleEnded = resolve
  }

  /** Of this session's streams; frames that carry another one are dropped. 0 before the welcome. */
  get generation(): bigint {
    return this.#generation
  }

  /** Whether the center serves this beside the link; what it does not name is not called. */
  serves(capability: 'inference' | 'bundles' | 'renew' | 'ledger'): boolean {
    return this.#phase.s === 'open' && this.#phase.welcome.capabilities.includes(capability)
  }

  /** Says hello and resolves once the center has welcomed this edge, or the session is over. */
  async greet(hello: Hello, signal: AbortSignal): Promise<Welcome | SessionEnd> {
    const { promise: welcomed, resolve } = deferred<void>()
    this.#onWelcome = resolve
    this.#stream.on('data', (frame: ConnectResponse) => this.#receive(frame))
    this.#stream.on('error', (thrown) => this.#fail(thrown))
    this.#stream.on('end', () => this.#end(lost('the center closed the link')))
    const onAbort = () => this.close('stopped')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    this.#cancelTimer = this.#clock.after(GREETING_MS, () =>
      this.#end(lost(`no welcome within ${GREETING_MS} ms`)),
    )
    this.#write({ case: 'hello', value: hello })
    await Promise.race([welcomed, this.ended])
    signal.removeEventListener('abort', onAbort)
    return this.#phase.s === 'open' ? this.#phase.welcome : this.ended
  }

  /** Sends a frame; false if the session is over and it went nowhere. */
  send(frame: Frame): boolean {
    if (this.#phase.s !== 'open') return false
    this.#write(frame)
    return true
  }

  /** Says goodbye and closes the channel. Idempotent. */
  close(reason: string): void {
    if (this.#phase.s === 'open')
      this.#write({ case: 'goodbye', value: { $typeName: 'yizhan.v1.Goodbye', reason } })
    this.#end({ why: 'closed' })
  }

  #write(frame: Frame): void {
    // Frames here are few and small: the heartbeats bound what an unread stream can pile up.
    this.#stream.write(create(ConnectRequestSchema, { linkGeneration: this.generation, frame }))
  }

  #receive(response: ConnectResponse): void {
    if (this.#phase.s === 'closed') return
    if (this.#phase.s === 'greeting') {
      this.#receiveGreeting(response)
      return
    }
    if (response.linkGeneration !== this.generation) {
      this.#listener.dropped('generation')
      return
    }
    const { frame } = response
    switch (frame.case) {
      case 'heartbeatAck':
        this.#receiveAck(frame.value.sequence)
        return
      case 'desiredState':
        this.#listener.desiredState(this, frame.value)
        return
      case 'subjectReportAck':
        this.#listener.reportsKept(frame.value.reportIds)
        return
      case 'command':
        this.#listener.command(this, frame.value)
        return
      case 'drain':
        this.#listener.drain(this, frame.value)
        return
      case 'refused':
        this.#refuse(frame.value.failure)
        return
      case 'welcome':
      case undefined:
        this.#listener.dropped('out_of_place')
        return
      default:
        frame satisfies never
    }
  }

  #receiveGreeting({ frame }: ConnectResponse): void {
    if (frame.case === 'refused') {
      this.#refuse(frame.value.failure)
      return
    }
    if (frame.case !== 'welcome') {
      this.#listener.dropped('out_of_place')
      return
    }
    const { protocol, linkGeneration } = frame.value
    if (protocol < OLDEST_PROTOCOL || protocol > PROTOCOL || linkGeneration === 0n) {
      const spoken = `${OLDEST_PROTOCOL} to ${PROTOCOL}`
      const message = `the center speaks protocol ${protocol}, this edge ${spoken}`
      this.#end(refused(new YizhanError('version_skew', message)))
      return
    }
    this.#cancelTimer()
    this.#phase = { s: 'open', welcome: frame.value }
    this.#generation = linkGeneration
    this.#listener.welcome(frame.value)
    this.#beat(Math.min(Math.max(frame.value.heartbeatMs, MIN_HEARTBEAT_MS), MAX_HEARTBEAT_MS))
    this.#onWelcome()
  }

  #refuse(failure: Failure | undefined): void {
    this.#end(refused(failureError(failure)))
  }

  #beat(everyMs: number): void {
    // Counted in beats, not in time: a process that was paused for a minute has missed one, not six.
    if (this.#unanswered.size >= MISSED_BEATS) {
      this.#end(lost(`${MISSED_BEATS} heartbeats were not answered`))
      return
    }
    this.#sequence += 1n
    this.#unanswered.set(this.#sequence, this.#clock.monotonic())
    const { waitingTurns, channels } = this.#listener.status()
    this.#write({
      case: 'heartbeat',
      value: {
        $typeName: 'yizhan.v1.Heartbeat',
        sequence: this.#sequence,
        waitingTurns,
        channels: [...channels],
        roundTripUs: Math.round(this.#roundTripMs * 1000),
      },
    })
    this.#cancelTimer = this.#clock.after(everyMs, () => this.#beat(everyMs))
  }

  #receiveAck(sequence: bigint): void {
    const sentAt = this.#unanswered.get(sequence)
    if (sentAt === undefined) {
      this.#listener.dropped('out_of_place')
      return
    }
    for (const earlier of this.#unanswered.keys()) if (earlier <= sequence) this.#unanswered.delete(earlier)
    this.#roundTripMs = this.#clock.monotonic() - sentAt
    this.#listener.roundTrip(this.#roundTripMs)
  }

  #fail(thrown: unknown): void {
    this.#end(endOf(rpcError(thrown)))
  }

  #end(end: SessionEnd): void {
    if (this.#phase.s === 'closed') return
    this.#phase = { s: 'closed' }
    this.#cancelTimer()
    this.#stream.end()
    // Takes effect only once the goodbye is on its way.
    this.#stream.cancel()
    this.client.close()
    this.#settleEnded(end)
  }
}

/** Opens a session on `client`, which it owns from here on. */
export function openLinkSession(clock: Clock, client: RpcClient, listener: SessionListener): LinkSession {
  return new LinkSession(clock, client, client.bidi(Link.method.connect), listener)
}

/** How a link ends on `error`: refused if the center will not change its mind soon. */
export function endOf(error: YizhanError): SessionEnd {
  return isRefusal(error) ? refused(error) : lost(error.message, retryAfterMs(error))
}

function lost(reason: string, afterMs = 0): SessionEnd {
  return { why: 'lost', reason, retryAfterMs: afterMs }
}

function refused(error: YizhanError): SessionEnd {
  return { why: 'refused', code: error.code, reason: error.message, retryAfterMs: retryAfterMs(error) }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
