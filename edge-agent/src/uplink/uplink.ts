import { join } from 'node:path'
import type { Clock, Logger, Metrics, SealedFiles } from '@yizhan/kernel'
import {
  type ChannelHealth,
  create,
  type EraseCommand,
  type Hello,
  HelloSchema,
  OLDEST_PROTOCOL,
  PROTOCOL,
  type SignedDesiredState,
  type SubjectReport,
  type Welcome,
} from '@yizhan/proto'
import { BundleCache } from './bundle-cache.js'
import { BundleFetcher } from './bundle-fetcher.js'
import { type CommandActions, CommandDesk } from './command-desk.js'
import { DesiredStates, type StateTarget } from './desired-state.js'
import { openIdentityKeeper } from './identity-keeper.js'
import { InferenceClient } from './inference-client.js'
import { Link } from './link.js'
import type { LinkSession } from './link-session.js'
import type { LinkState, Uplink, UploadSource } from './port.js'
import { Renewal } from './renewal.js'
import { BUNDLES, sealPlainState } from './sealed-state.js'
import { StateCache } from './state-cache.js'
import { createUplinkMetrics } from './uplink-metrics.js'
import { UploadClient } from './upload-client.js'

export interface UplinkDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** 0 ≤ x < 1; spreads reconnects. */
  readonly random: () => number
  readonly target: StateTarget
  /** What seals identity, desired state and bundles. */
  readonly files: SealedFiles
  /** Incarnation of the journal on this disk. */
  readonly journalEpoch: bigint
  /** Carries out the erasure of a person; says what it found, as JSON. Default: erasures are refused. */
  readonly erase?: (command: EraseCommand) => Promise<string>
  /** Does to a turn what a person asks for; says how it stands, as JSON. Default: such commands are refused. */
  readonly turn?: NonNullable<CommandActions['turn']>
  /** What persons said of their data and the center has not got yet. */
  readonly reports?: {
    /** A link that takes reports; `send` is false once it is over. Returns what ends it. */
    attach(send: (report: SubjectReport) => boolean): () => void
    acknowledged(reportIds: readonly string[]): void
  }
  /** What this edge has done; default: nothing is uploaded. */
  readonly uploads?: UploadSource
  /** The center's time, milliseconds since the epoch, with each link, before anything travels on it. */
  readonly centerTime?: (ms: number) => void
  /** Both for heartbeats. */
  channelHealth(): readonly ChannelHealth[]
  waitingTurns(): number
}

export interface UplinkConfig {
  /** host:port of the center's link listener. */
  readonly linkAddress: string
  /** host:port of its enrolment listener, and the token to join with; needed once. */
  readonly enrollAddress?: string
  readonly token?: string
  /** Identity, desired state and bundles are kept here, sealed; plain ones of an older version are taken over. */
  readonly dir: string
  readonly agentVersion: string
  readonly site: string
  /** Text of a request that may be unacknowledged; default 64 KiB. */
  readonly windowBytes?: number
  /** Reconnects: full jitter from 0 to `backoffBaseMs` (500), doubling up to `backoffMaxMs` (30,000). */
  readonly backoffBaseMs?: number
  readonly backoffMaxMs?: number
  /** Shortest wait after a refusal; default 60 s. */
  readonly refusedRetryMs?: number
  /** A bundle of more bytes is refused; default 64 MiB, which is also the most that a manifest may list. */
  readonly maxBundleBytes?: number
}

const KIB = 1024
const STABLE_MS = 30_000
const MAX_TEXT_BYTES = 256 * KIB
const MAX_QUEUED = 16_384
const BULK_STALL_MS = 60_000
// What may be under way on the bundles' connection if the line becomes thin inside a piece.
const BULK_CHANNEL = { 'grpc-node.flow_control_window': 64 * KIB }
const CLOCK_OFF_MS = 60_000

/**
 * Starts the edge's side of the link. Does not wait for the center: if this edge is enrolled, its cached desired state
 * is in force when this resolves, and connecting (or enrolling) goes on in the background, for ever. `stop` says
 * goodbye, lets a state that is being applied finish, and tells no sink anything: open turns are presented again by
 * the next process.
 */
export async function startUplink(deps: UplinkDeps, config: UplinkConfig): Promise<Uplink> {
  const { clock, log, random, files } = deps
  const stopping = new AbortController()
  const listeners = new Set<(state: LinkState) => void>()
  const metrics = createUplinkMetrics(deps.metrics)
  await sealPlainState({ log, files }, config.dir)
  const keeper = await openIdentityKeeper({ clock, log, files }, config)

  const backoff = { baseMs: config.backoffBaseMs ?? 500, capMs: config.backoffMaxMs ?? 30_000 }
  const inference = new InferenceClient(
    { clock, log, metrics, random },
    {
      ...backoff,
      windowBytes: config.windowBytes ?? 64 * KIB,
      maxTextBytes: MAX_TEXT_BYTES,
      maxQueued: MAX_QUEUED,
    },
  )

  const refusedRetryMs = config.refusedRetryMs ?? 60_000
  const uploads =
    deps.uploads &&
    new UploadClient({ clock, log, metrics, random, source: deps.uploads }, { ...backoff, refusedRetryMs })

  const bundles = new BundleCache(log, files, join(config.dir, BUNDLES))
  const fetcher = new BundleFetcher(
    { clock, metrics, cache: bundles, files },
    { stallMs: BULK_STALL_MS, maxBundleBytes: config.maxBundleBytes ?? 64 * KIB * KIB },
  )
  const target: StateTarget = {
    async apply(state, dirs) {
      await deps.target.apply(state, dirs)
      inference.limit(state.policy?.maxInFlight ?? 0)
    },
  }
  const cache = new StateCache(log, files, config.dir)
  const states = new DesiredStates({ clock, log, random, target }, { cache, bundles, fetcher })

  const appliedRevision = () => {
    const { identity } = keeper
    return identity ? states.appliedRevision(identity.edgeId, identity.signingKeys) : 0n
  }
  const hello = (): Hello =>
    create(HelloSchema, {
      protocol: PROTOCOL,
      oldestProtocol: OLDEST_PROTOCOL,
      agentVersion: config.agentVersion,
      journalEpoch: deps.journalEpoch,
      appliedRevision: appliedRevision(),
      capabilities: ['inference', 'bundles', 'renew', 'ledger'],
      edgeTimeMs: BigInt(Math.round(clock.wall())),
      site: config.site,
    })

  const welcome = ({ signingKeys, centerTimeMs }: Welcome) => {
    keeper.trust(signingKeys)
    deps.centerTime?.(Number(centerTimeMs))
    const offMs = clock.wall() - Number(centerTimeMs)
    if (Math.abs(offMs) > CLOCK_OFF_MS) log.warn({ offMs }, "this machine's clock differs from the center's")
  }

  const offerState = (session: LinkSession, signed: SignedDesiredState) => {
    const identity = keeper.identity
    if (!identity) return
    const gone = new AbortController()
    void session.ended.then(() => gone.abort())
    states.offer({
      signed,
      edgeId: identity.edgeId,
      keys: identity.signingKeys,
      openBulk: () => keeper.openChannel(BULK_CHANNEL),
      answer: (value) => session.send({ case: 'desiredStateResult', value }),
      signal: gone.signal,
    })
  }

  let endReports: () => void = () => undefined
  const reportBy = (session: LinkSession) => {
    endReports()
    const send = (value: SubjectReport) => session.send({ case: 'subjectReport', value })
    const end = deps.reports?.attach(send) ?? (() => undefined)
    endReports = end
    void session.ended.then(end)
  }

  let links = 0
  const attached = (session: LinkSession) => {
    const { client, generation } = session
    if (session.serves('inference')) inference.attach({ client, generation })
    else log.warn('the center serves no inference: requests wait')
    if (session.serves('ledger')) uploads?.attach({ client, generation })
    reportBy(session)
    links += 1
    if (links > 1) metrics.reconnect()
    log.info({ generation: String(session.generation) }, 'linked to the center')
  }

  const changed = (state: LinkState) => {
    metrics.linkState(state)
    for (const listener of listeners) listener(state)
    if (state.s === 'ready') renewal.check()
  }

  const link = new Link(
    { clock, log, random },
    { ...backoff, refusedRetryMs, stableMs: STABLE_MS },
    {
      prepare: (signal) => keeper.prepare(signal),
      dial: () => keeper.openChannel(),
      hello,
      hopeless: () => keeper.hopeless(),
      welcome,
      attached,
      detached: ({ generation }) => {
        inference.detach(generation)
        uploads?.detach(generation)
      },
      draining: ({ generation }, idle) => {
        endReports()
        uploads?.detach(generation)
        inference.drain(idle)
      },
      changed,
      desiredState: offerState,
      command: (_session, command) => {
        // By the link of then: a renewal replaces the one that the command came by.
        void commands.take(command).then((value) => link.session?.send({ case: 'commandResult', value }))
      },
      reportsKept: (reportIds) => deps.reports?.acknowledged(reportIds),
      roundTrip: (ms) => metrics.roundTrip(ms),
      dropped: (reason) => metrics.frameDropped('link', reason),
      status: () => ({ waitingTurns: deps.waitingTurns(), channels: deps.channelHealth() }),
    },
  )
  const renewal = new Renewal(
    { clock, log },
    {
      identity: () => keeper.identity,
      client: () => (link.session?.serves('renew') ? link.session.client : undefined),
      become: (identity) => keeper.become(identity),
      moved: () => !link.session || keeper.isCurrent(link.session.client),
      move: (signal) => link.replace(signal),
    },
    stopping.signal,
  )
  const commands = new CommandDesk(clock, {
    renew: () => renewal.now(stopping.signal),
    ...(deps.erase ? { erase: deps.erase } : {}),
    ...(deps.turn ? { turn: deps.turn } : {}),
  })

  metrics.linkState(link.state)
  if (keeper.identity) await states.loadCached(keeper.identity.edgeId)
  if (!keeper.canConnect) log.error('this edge is not enrolled: give it a join token of the center')
  const running = keeper.canConnect ? link.run(stopping.signal) : untilAborted(stopping.signal)
  renewal.check()

  const done = running.then(async () => {
    link.move({ e: 'stopped' })
    renewal.stop()
    inference.close()
    uploads?.close()
    await states.stop()
    await keeper.settled()
  })
  return {
    get link() {
      return link.state
    },
    onLink(fn) {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
    get identity() {
      const held = keeper.identity
      if (!held) return undefined
      return { edgeId: held.edgeId, serial: held.certificate.serialNumber, notAfter: held.notAfter }
    },
    infer: (request, sink) => inference.infer(request, sink),
    get maxInFlight() {
      return inference.maxInFlight
    },
    renew: (signal) => renewal.now(signal),
    done,
    stop(reason) {
      if (!stopping.signal.aborted) log.info({ reason }, 'the uplink stops')
      stopping.abort()
      return done
    },
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
