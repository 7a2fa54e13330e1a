import { Server, type ServerOptions } from '@grpc/grpc-js'
import type { Clock, EdgeId, Logger, Metrics, Running } from '@yizhan/kernel'
import { Bundles, Enrollment as EnrollmentRpc, Inference, Ledger, Link, WIRE_LIMITS } from '@yizhan/proto'
import { type EdgeCommands, type EpochFences, epochFenced } from '../fleet/index.js'
import type { BundleFiles, DesiredStates, EdgeRegistry, Signer } from '../fleet/port.js'
import type { RequestBook } from '../inference/port.js'
import { bundleHandlers } from './bundle-service.js'
import type { GatewayConfig } from './config.js'
import { enrollHandlers, renewHandlers } from './enrollment-service.js'
import { type GatewayMetrics, gatewayMetrics } from './gateway-metrics.js'
import { inferHandlers } from './infer.js'
import { ledgerHandlers } from './ledger.js'
import { linkHandlers } from './link.js'
import { LinkTable, type LiveLink } from './link-table.js'
import { Listener } from './listener.js'
import { PeerGate } from './peer.js'
import type { Enrollment, SubjectReports, TlsSource, TurnUploads } from './port.js'
import { reconnectSpread } from './reconnect-spread.js'
import { ListenerCredentials } from './server-tls.js'
import { WireServices } from './wire-service.js'

export interface GatewayDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly registry: EdgeRegistry
  readonly desiredStates: DesiredStates
  readonly bundles: BundleFiles
  readonly requests: RequestBook
  readonly signer: Signer
  readonly enrollment: Enrollment
  /** Left out: no command is sent to an edge. */
  readonly commands?: EdgeCommands
  /** Left out: what persons say of their data stays at the edges. */
  readonly subjectReports?: SubjectReports
  /** Left out: turns stay at the edges. */
  readonly turns?: TurnUploads
  /** Journals that count no more; left out: none. */
  readonly fences?: EpochFences
  readonly tls: TlsSource
  /** Of the identities that are let in: `spiffe://<trustDomain>/edge/<id>`. */
  readonly trustDomain: string
}

/** A live link as operators see it. Times are wall clock milliseconds. */
export type LinkView = Pick<
  LiveLink,
  'edgeId' | 'generation' | 'since' | 'lastHeartbeatAt' | 'protocol' | 'waitingTurns'
>

export interface Gateway extends Running {
  readonly linkPort: number
  readonly enrollPort: number
  links(): readonly LinkView[]
  link(edge: EdgeId): LinkView | undefined
  /** Asks every edge to leave and takes no new link; resolves when they have left, at the latest after `drainMs`. */
  drain(reason: string): Promise<void>
}

// An enrolment is a token and a CSR of 4 KiB.
const MAX_ENROLL_BYTES = 16 * 1_024
const IDLE_MS = 60_000
const CLOSE_MS = 1_000

/**
 * Opens the two listeners for edges: mTLS for links, server-auth TLS for enrolment. Rejects with `port_taken`.
 * `stop` drains (edges get `drainMs` to leave), ends what is left with `unavailable`, and closes both.
 */
export async function startGateway(deps: GatewayDeps, config: GatewayConfig): Promise<Gateway> {
  const gateway = new CenterGateway(deps, config)
  await gateway.start()
  return gateway
}

interface Door {
  readonly credentials: ListenerCredentials
  readonly listener: Listener
}

class CenterGateway implements Gateway {
  readonly done: Promise<void>
  readonly #deps: GatewayDeps
  readonly #config: GatewayConfig
  readonly #metrics: GatewayMetrics
  readonly #links = new LinkTable()
  readonly #gate: PeerGate
  readonly #linkDoor: Door
  readonly #enrollDoor: Door
  readonly #unsubscribe: (() => void)[] = []
  #ended: () => void = () => undefined
  #failed: (error: Error) => void = () => undefined
  #accepting = true
  #stopping: Promise<void> | undefined

  constructor(deps: GatewayDeps, config: GatewayConfig) {
    this.#deps = deps
    this.#config = config
    this.#metrics = gatewayMetrics(deps.metrics)
    this.#gate = new PeerGate(deps.clock, deps.registry, deps.trustDomain)
    this.#linkDoor = this.#buildLinkDoor()
    this.#enrollDoor = this.#buildEnrollDoor()
    this.done = new Promise((resolve, reject) => {
      this.#ended = resolve
      this.#failed = reject
    })
    // Whoever waits for `done` hears of a failure; without anyone waiting it must not end the process.
    this.done.catch(() => undefined)
  }

  async start(): Promise<void> {
    const { desiredStates, tls, commands, fences } = this.#deps
    if (fences) this.#unsubscribe.push(fences.onFenced((edge) => this.#fenced(edge)))
    if (commands) {
      this.#unsubscribe.push(commands.onQueued((edge) => this.#links.get(edge)?.commandsQueued()))
    }
    this.#unsubscribe.push(
      this.#gate.start(),
      desiredStates.onChange((edges) => {
        for (const edge of edges) this.#links.get(edge)?.refresh()
      }),
      tls.onChange(() => this.#reload()),
    )
    try {
      await this.#linkDoor.listener.listen((error) => this.#failed(error))
      await this.#enrollDoor.listener.listen((error) => this.#failed(error))
    } catch (thrown) {
      await this.stop('start failed')
      throw thrown
    }
    const { linkPort, enrollPort } = this
    this.#deps.log.info({ linkPort, enrollPort }, 'gateway listens')
  }

  get linkPort(): number {
    return this.#linkDoor.listener.port
  }

  get enrollPort(): number {
    return this.#enrollDoor.listener.port
  }

  links(): readonly LinkView[] {
    return this.#links.list().map(viewOf)
  }

  link(edge: EdgeId): LinkView | undefined {
    const link = this.#links.get(edge)
    return link && viewOf(link)
  }

  async drain(reason: string): Promise<void> {
    this.#accepting = false
    const { drainMs } = this.#config
    for (const link of this.#links.list()) link.drain(reason, drainMs, Math.random() * this.#spreadMs())
    await this.#links.empty()
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  async #stop(reason: string): Promise<void> {
    this.#linkDoor.listener.refuseNew()
    this.#enrollDoor.listener.refuseNew()
    await this.drain(reason)
    await Promise.all([this.#linkDoor.listener.stop(CLOSE_MS), this.#enrollDoor.listener.stop(CLOSE_MS)])
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#ended()
  }

  #fenced(edge: EdgeId): void {
    const link = this.#links.get(edge)
    if (link && this.#deps.fences?.has(edge, link.journalEpoch)) link.end(epochFenced())
  }

  #spreadMs(): number {
    return reconnectSpread(this.#deps.registry.list().length, this.#config.reconnectSpreadMs)
  }

  #buildLinkDoor(): Door {
    const { clock, log, registry, desiredStates, bundles, requests, signer, enrollment } = this.#deps
    const config = this.#config
    const metrics = this.#metrics
    const services = new WireServices()
    const door = this.#openDoor(services, true, {
      'grpc.keepalive_time_ms': config.keepaliveMs,
      'grpc.keepalive_timeout_ms': config.keepaliveTimeoutMs,
      // Behind the link's own ageing, for connections that carry no link.
      'grpc.max_connection_age_ms': Math.round(config.maxConnectionAgeMs * 1.25),
      'grpc.max_connection_age_grace_ms': 30_000,
      'grpc.max_connection_idle_ms': IDLE_MS,
      'grpc.max_concurrent_streams': 32,
    })
    const { server } = door
    const cut = (address: string) => door.listener.cut(address)
    const stream = { clock, log, gate: this.#gate, cut }
    const spreadMs = () => this.#spreadMs()
    const { commands, subjectReports, turns, fences } = this.#deps
    const linkDeps = {
      ...stream,
      registry,
      desiredStates,
      signer,
      links: this.#links,
      metrics,
      spreadMs,
      ...(commands ? { commands } : {}),
      ...(subjectReports ? { subjectReports } : {}),
      ...(fences ? { fences } : {}),
    }
    services.add(
      server,
      Link,
      linkHandlers(linkDeps, config, () => this.#accepting),
    )
    services.add(
      server,
      Inference,
      inferHandlers({ ...stream, links: this.#links, requests, metrics }, config),
    )
    if (turns) {
      const ledgerDeps = { ...stream, links: this.#links, turns, metrics, ...(fences ? { fences } : {}) }
      services.add(server, Ledger, ledgerHandlers(ledgerDeps, config))
    }
    services.add(server, Bundles, bundleHandlers({ ...stream, metrics, desiredStates, bundles }, config))
    services.add(server, EnrollmentRpc, renewHandlers({ ...stream, metrics, enrollment }))
    return door
  }

  #buildEnrollDoor(): Door {
    const { clock, log, enrollment } = this.#deps
    const services = new WireServices()
    const door = this.#openDoor(services, false, {
      'grpc.max_receive_message_length': MAX_ENROLL_BYTES,
      'grpc.max_connection_idle_ms': IDLE_MS,
      'grpc.max_connection_age_ms': 5 * IDLE_MS,
      'grpc.max_connection_age_grace_ms': IDLE_MS,
      'grpc.max_concurrent_streams': 4,
    })
    const handlers = enrollHandlers({ clock, log, metrics: this.#metrics, enrollment })
    services.add(door.server, EnrollmentRpc, handlers)
    return door
  }

  #openDoor(services: WireServices, mutual: boolean, options: ServerOptions) {
    const { clock, log, tls } = this.#deps
    const { host, linkPort, enrollPort, maxConnections, overheadBurstBytes, overheadBytesPerSecond } =
      this.#config
    const maxNew = this.#config.maxNewConnections
    const limits = { maxConnections, maxNew, overheadBurstBytes, overheadBytesPerSecond }
    const credentials = new ListenerCredentials(tls.current(), mutual)
    const server = new Server({
      ...WIRE_LIMITS,
      'grpc.enable_channelz': 0,
      ...options,
      interceptors: [services.interceptor((peer, bytes) => listener.received(peer, bytes))],
    })
    const listener: Listener = new Listener(
      {
        clock,
        log,
        onFlood: () => this.#metrics.floods.inc(),
        onShed: () => this.#metrics.shed.inc(),
      },
      server,
      credentials,
      mutual
        ? { name: 'link', host, port: linkPort, setting: 'gateway.linkPort (or --link-port)', ...limits }
        : {
            name: 'enrolment',
            host,
            port: enrollPort,
            setting: 'gateway.enrollPort (or --enroll-port)',
            ...limits,
          },
    )
    return { credentials, server, listener }
  }

  #reload(): void {
    try {
      const material = this.#deps.tls.current()
      this.#linkDoor.credentials.reload(material)
      this.#enrollDoor.credentials.reload(material)
      this.#deps.log.info('TLS certificate reloaded')
    } catch (thrown) {
      this.#deps.log.error({ err: thrown }, 'the new TLS certificate is not usable: the old one stays')
    }
  }
}

function viewOf(link: LiveLink): LinkView {
  const { edgeId, generation, since, lastHeartbeatAt, protocol, waitingTurns } = link
  return { edgeId, generation, since, lastHeartbeatAt, protocol, waitingTurns }
}
