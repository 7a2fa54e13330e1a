import { type EdgeId, YizhanError } from '@yizhan/kernel'
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  create,
  type DesiredStateResult,
  type Heartbeat,
} from '@yizhan/proto'
import type { EdgeCommands, EpochFences } from '../fleet/index.js'
import type { DesiredStates, EdgeRegistry, Signer } from '../fleet/port.js'
import { CommandFeed } from './command-feed.js'
import type { GatewayConfig } from './config.js'
import { DesiredStateFeed } from './desired-state-feed.js'
import type { GatewayMetrics } from './gateway-metrics.js'
import type { LinkTable, LiveLink } from './link-table.js'
import type { SubjectReports } from './port.js'
import { SubjectReportDesk } from './subject-report-desk.js'
import type { StreamDeps, WireStream } from './wire-stream.js'

export interface LinkDeps extends StreamDeps {
  readonly registry: EdgeRegistry
  readonly desiredStates: DesiredStates
  readonly signer: Signer
  readonly links: LinkTable
  readonly metrics: GatewayMetrics
  /** Left out: no command is sent. */
  readonly commands?: EdgeCommands
  /** Left out: reports are dropped, and edges keep them. */
  readonly subjectReports?: SubjectReports
  /** Left out: no journal is fenced. */
  readonly fences?: Pick<EpochFences, 'has'>
  /** Within what time the edges of now come back after a loss. */
  readonly spreadMs: () => number
}

export type LinkConfig = Pick<GatewayConfig, 'heartbeatMs' | 'helloMs' | 'maxConnectionAgeMs' | 'drainMs'>

/** What this center serves beyond Link itself; an edge does not ask for what is not named. */
const CAPABILITIES = ['inference', 'bundles', 'renew', 'ledger']
const MISSING_HEARTBEATS = 3

type Frame = ConnectResponse['frame']

/** A link after its Welcome: heartbeats, desired state, drain. */
export class LiveSession implements LiveLink {
  readonly generation: number
  readonly protocol: number
  readonly since: number
  lastHeartbeatAt: number
  waitingTurns = 0
  readonly journalEpoch: string
  roundTripUs = 0
  readonly #deps: LinkDeps
  readonly #config: LinkConfig
  readonly #stream: WireStream<ConnectRequest, ConnectResponse>
  readonly #wireGeneration: bigint
  readonly #feed: DesiredStateFeed
  readonly #commands: CommandFeed | undefined
  readonly #reports: SubjectReportDesk | undefined
  #cancelMissing: () => void = () => undefined
  #cancelAge: () => void = () => undefined
  #cancelDrain: () => void = () => undefined

  constructor(
    deps: LinkDeps,
    config: LinkConfig,
    stream: WireStream<ConnectRequest, ConnectResponse>,
    opened: {
      readonly generation: number
      readonly protocol: number
      readonly appliedRevision: number
      readonly journalEpoch: string
    },
  ) {
    this.#deps = deps
    this.#config = config
    this.#stream = stream
    this.generation = opened.generation
    this.#wireGeneration = BigInt(opened.generation)
    this.protocol = opened.protocol
    this.journalEpoch = opened.journalEpoch
    this.since = deps.clock.wall()
    this.lastHeartbeatAt = this.since
    this.#feed = new DesiredStateFeed(deps, stream.peer.edgeId, opened.appliedRevision, (state) =>
      this.#send({ case: 'desiredState', value: state }),
    )
    const { commands, subjectReports } = deps
    this.#commands =
      commands &&
      new CommandFeed({ ...deps, commands }, stream.peer.edgeId, (command) =>
        this.#send({ case: 'command', value: command }),
      )
    this.#reports =
      subjectReports &&
      new SubjectReportDesk({ ...deps, subjectReports }, stream.peer.edgeId, (reportId) =>
        this.#send({
          case: 'subjectReportAck',
          value: { $typeName: 'yizhan.v1.SubjectReportAck', reportIds: [reportId] },
        }),
      )
  }

  get edgeId(): EdgeId {
    return this.#stream.peer.edgeId
  }

  /** Sends the Welcome, then the desired state if the edge has another. */
  start(): void {
    const { clock, signer, metrics, spreadMs } = this.#deps
    const { heartbeatMs, maxConnectionAgeMs } = this.#config
    metrics.links.inc()
    metrics.linksOpened.inc()
    this.#send({
      case: 'welcome',
      value: {
        $typeName: 'yizhan.v1.Welcome',
        protocol: this.protocol,
        linkGeneration: this.#wireGeneration,
        heartbeatMs,
        reconnectSpreadMs: spreadMs(),
        capabilities: CAPABILITIES,
        centerTimeMs: BigInt(clock.wall()),
        signingKeys: [...signer.publicKeys],
      },
    })
    this.#expectHeartbeat()
    const age = maxConnectionAgeMs * (0.9 + 0.1 * Math.random())
    this.#cancelAge = clock.after(age, () => {
      // At once: the ages are spread already.
      this.drain('the connection is old', this.#config.drainMs, 0)
    })
    this.#feed.refresh()
    this.#commands?.pump()
  }

  message(request: ConnectRequest): void {
    if (request.linkGeneration !== this.#wireGeneration) {
      this.#drop('generation')
      return
    }
    const { frame } = request
    switch (frame.case) {
      case 'heartbeat':
        this.#heartbeat(frame.value)
        break
      case 'desiredStateResult':
        this.#desiredStateResult(frame.value)
        break
      case 'goodbye':
        this.#stream.end()
        break
      case 'commandResult':
        if (this.#commands?.answer(frame.value) !== true) this.#drop('command')
        break
      case 'subjectReport': {
        const why = this.#reports ? this.#reports.take(frame.value) : 'reserved'
        if (why !== undefined) this.#drop(why)
        break
      }
      // Known to the protocol, answered by later builds: nobody asks for them yet.
      case 'errorLog':
      case 'presence':
        this.#drop('reserved')
        break
      case 'hello':
        throw new YizhanError('invalid_argument', 'Hello comes once, as the first frame')
      case undefined:
        this.#drop('unknown')
        break
      default:
        frame satisfies never
    }
  }

  drain(reason: string, deadlineMs: number, reconnectAfterMs: number): void {
    this.#send({
      case: 'drain',
      value: {
        $typeName: 'yizhan.v1.Drain',
        reason,
        deadlineMs: Math.ceil(deadlineMs),
        reconnectAfterMs: Math.ceil(reconnectAfterMs),
      },
    })
    this.#cancelDrain()
    this.#cancelDrain = this.#deps.clock.after(deadlineMs, () => {
      this.end(
        new YizhanError('unavailable', `asked to leave: ${reason}`, {
          details: { retryAfterMs: reconnectAfterMs },
        }),
      )
    })
  }

  end(error: YizhanError): void {
    this.#stream.fail(error)
  }

  refresh(): void {
    this.#feed.refresh()
  }

  commandsQueued(): void {
    this.#commands?.pump()
  }

  /** The stream is closed: nothing of this link goes on. */
  closed(error: YizhanError | undefined): void {
    const { links, metrics } = this.#deps
    this.#cancelMissing()
    this.#cancelAge()
    this.#cancelDrain()
    this.#feed.stop()
    this.#commands?.stop()
    metrics.links.dec()
    metrics.waitingTurns.dec(this.waitingTurns)
    metrics.linksEnded.inc({ code: error?.code ?? 'ok' })
    links.close(this, error ?? new YizhanError('unavailable', 'the link of this stream has ended'))
  }

  #heartbeat(beat: Heartbeat): void {
    const { clock, registry, metrics } = this.#deps
    this.lastHeartbeatAt = clock.wall()
    metrics.waitingTurns.inc(beat.waitingTurns - this.waitingTurns)
    this.waitingTurns = beat.waitingTurns
    this.roundTripUs = beat.roundTripUs
    registry.noteSeen(this.edgeId)
    this.#expectHeartbeat()
    this.#feed.retry()
    this.#commands?.pump()
    this.#send({
      case: 'heartbeatAck',
      value: {
        $typeName: 'yizhan.v1.HeartbeatAck',
        sequence: beat.sequence,
        centerTimeMs: BigInt(this.lastHeartbeatAt),
      },
    })
  }

  #desiredStateResult(result: DesiredStateResult): void {
    const { registry, log } = this.#deps
    const { outcome } = result
    // A state that does not verify is not parsed, so the edge cannot name its revision: it means the latest.
    const named = Number(result.revision)
    const revision = named === 0 && outcome.case === 'rejected' ? this.#feed.latest : named
    if (!this.#feed.sent(revision) || outcome.case === undefined) {
      this.#drop('revision')
      return
    }
    const noted =
      outcome.case === 'applied'
        ? registry.noteApplied(this.edgeId, revision)
        : registry.noteRejected(this.edgeId, revision, ...reasonOf(outcome.value.failure))
    noted.catch((thrown: unknown) => {
      log.error(
        { err: thrown, edge: this.edgeId, revision },
        'the result of a desired state was not recorded',
      )
    })
  }

  #expectHeartbeat(): void {
    const ms = this.#config.heartbeatMs * MISSING_HEARTBEATS
    this.#cancelMissing()
    this.#cancelMissing = this.#deps.clock.after(ms, () => {
      this.end(new YizhanError('deadline_exceeded', `no heartbeat for ${ms} ms`))
    })
  }

  #send(frame: Frame): void {
    this.#stream.send(create(ConnectResponseSchema, { linkGeneration: this.#wireGeneration, frame }))
  }

  #drop(reason: string): void {
    this.#deps.metrics.framesDropped.inc({ rpc: 'connect', reason })
  }
}

function reasonOf(failure: { code: string; message: string } | undefined): [code: string, message: string] {
  // Written by a peer, kept in the registry: bounded.
  return [failure?.code.slice(0, 64) ?? 'internal', failure?.message.slice(0, 512) ?? 'no reason given']
}
