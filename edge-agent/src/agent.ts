import { fileURLToPath } from 'node:url'
import {
  adminSocketPath,
  createMetrics,
  createSealer,
  hostPort,
  type Logger,
  openKek,
  openKeyStore,
  openStateDir,
  type Running,
  sealedFiles,
  startAdminServer,
  startSealOffload,
  startTracing,
  startWithUndo,
  systemClock,
  YizhanError,
} from '@yizhan/kernel'
import { type ChannelAdapter, refuseOpenBind, startMqttChannel } from './channels/index.js'
import type { EdgeConfig } from './config.js'
import { createIntake } from './intake/index.js'
import { startIntentService, TriedModels } from './intent/index.js'
import { createUploadFeed, OffTime, openJournal, openLedger, UploadMark } from './ledger/index.js'
import {
  carryOutTurnCommand,
  channelHealth,
  infoOf,
  OperatingModes,
  registerOpsRoutes,
  type StatusParts,
  startHttp,
  type TurnHands,
  tenantTarget,
} from './ops/index.js'
import { Eraser, OfflineLease, openPersons } from './privacy/index.js'
import { startReplies } from './replies/index.js'
import { startTurns, supersededLine, type Turns } from './router/index.js'
import { checkMessages, loadSkills } from './skills/index.js'
import { type LiveTenant, TenantHost } from './tenants/index.js'
import { bundleReader, startUplink, tracedUplink, type Uplink } from './uplink/index.js'

export interface Agent extends Running {
  /** Where people reach it: the chat page, the broker. */
  readonly ready: { readonly chat: string; readonly mqtt: string }
}

const WEB_DIR = fileURLToPath(new URL('../web', import.meta.url))

/**
 * Builds the agent in the order in which a message goes back to front: what answers stands before what asks. `stop`
 * closes in reverse: channels take nothing new, turns and replies under way finish or stay in the ledger, the link says
 * goodbye, the journal closes last.
 */
export async function startAgent(
  deps: {
    readonly log: Logger
    readonly version: string
    /** `$CREDENTIALS_DIRECTORY` of a systemd service. */
    readonly credentialsDirectory?: string | undefined
  },
  config: EdgeConfig,
): Promise<Agent> {
  const { log, version } = deps
  const clock = systemClock
  const startedAt = clock.wall()

  return startWithUndo(
    async (life) => {
      refuseOpenBind(config.mqtt.auth.mode, config.mqtt.host, 'mqtt.host')
      refuseOpenBind(config.mqtt.auth.mode, config.http.host, 'http.host')
      const metrics = createMetrics({ processMetrics: true })
      const tracing = await startTracing({ name: 'yizhan-edge', version }, config.telemetry)
      life.onStop('traces', () => tracing.stop())
      const dir = life.add('state directory', await openStateDir({ log }, config.stateDir))

      // What lies on this disk is sealed with keys of this edge.
      const keysDir = dir.file('keys')
      const kek = await openKek(config.keys.kek, {
        defaultFile: dir.file('kek'),
        keysDir,
        credentialsDirectory: deps.credentialsDirectory,
        clock,
      })
      const keys = await openKeyStore({ kek, log, clock }, { dir: keysDir })
      life.onStop('key store', () => keys.close())
      const offload = startSealOffload()
      life.onStop('sealing thread', () => offload.stop())
      const sealer = createSealer({
        keyring: keys,
        algorithm: config.keys.algorithm,
        offload,
        onWorn: (tenant) => keys.sealWorn(tenant),
      })
      const files = sealedFiles(sealer, 'edge-file')
      const readBundleFile = bundleReader(files)

      // The truth of this edge: every turn, fsynced.
      let fail: (error: Error) => void = () => undefined
      const fatal = new Promise<void>((_resolve, reject) => {
        fail = reject
      })
      // It may come before anybody listens, while the rest still starts.
      fatal.catch(() => undefined)
      const journal = await openJournal(
        { clock, log, sealer, metrics, onFatal: (error) => fail(error) },
        { dir: dir.file('journal'), ...config.journal },
      )
      life.onStop('journal', () => journal.close(), 10_000)
      const persons = await openPersons(
        { sealer, clock, log, secret: await keys.lookupKey(null) },
        dir.file('privacy'),
      )
      life.onStop('records of persons', () => persons.close(), 10_000)
      const { consents, outbox } = persons
      const mark = await UploadMark.open({ journal, log }, dir.file('upload.json'))
      life.onStop('mark of the upload', () => mark.close())
      const offTime = await OffTime.open({ journal, log }, dir.file('off-time.json'))
      life.onStop('time off', () => offTime.close(), 10_000)
      const ledger = await openLedger(
        {
          journal,
          clock,
          log,
          metrics,
          digest: persons.digest,
          keep: () => mark.keep(),
          offSince: (age) => offTime.since(age),
        },
        { retentionMs: config.turns.keepMs, dedupeMs: config.turns.dedupeMs },
      )
      life.onStop('ledger', () => ledger.close(), 10_000)

      // How a person is taken out of all of that: by a command of the center, or when it was away for too long.
      let turnsStand: (turns: Turns) => void = () => undefined
      const standing = new Promise<Turns>((resolve) => {
        turnsStand = resolve
      })
      const eraser = new Eraser({ ...persons, ledger, journal, turns: standing, clock, log })
      const ends = new AbortController()
      const lease = await OfflineLease.open(
        { files, clock, log, destroy: async () => void (await eraser.eraseAll(ends.signal)) },
        dir.file('lease'),
      )
      life.onStop('offline lease', async () => {
        ends.abort(new YizhanError('unavailable', 'the agent stops'))
        await lease.stop()
      })

      // What this edge answers by itself: models and answers of its tenants, switched together.
      const tenants = new TenantHost({ log, check: checkMessages })
      const skills = await loadSkills({ log, clock }, config.skills.dir)
      const tried = await TriedModels.open({ log }, { path: dir.file('tried-models.json') })
      const intents = life.add(
        'intents',
        await startIntentService({ log, clock, metrics, readBundleFile, tried }),
      )

      let turns: Turns | undefined

      // The center, whether it is there or not. It is told of turns of the tenants that are served here.
      const uploads = createUploadFeed({
        journal,
        ledger,
        mark,
        log,
        metrics,
        serves: (tenant) => !tenants.isApplied || tenants.get(tenant) !== undefined,
        underWay: () => (turns ? turns.load.running + turns.load.waiting : 0),
      })
      let handsStand: (hands: TurnHands) => void = () => undefined
      const hands = new Promise<TurnHands>((resolve) => {
        handsStand = resolve
      })
      const target = tenantTarget({
        tenants,
        intents,
        readBundleFile,
        log,
        onPolicy: ({ offlineLeaseMs }) => lease.set(offlineLeaseMs),
      })
      const channels: ChannelAdapter[] = []
      const uplink: Uplink = life.add(
        'uplink',
        await startUplink(
          {
            clock,
            log,
            metrics,
            random: Math.random,
            target,
            files,
            journalEpoch: ledger.epoch,
            erase: async (command) => JSON.stringify(await eraser.erase(command, ends.signal)),
            reports: outbox,
            uploads,
            centerTime: (ms) => offTime.heard(ms),
            turn: async (command, order) => carryOutTurnCommand(await hands, command, order),
            channelHealth: () => channelHealth(tenants, channels),
            // The link may be up before the turns stand.
            waitingTurns: () => turns?.waitingForCenter() ?? 0,
          },
          {
            linkAddress: config.center.link,
            ...(config.center.enroll === undefined ? {} : { enrollAddress: config.center.enroll }),
            ...(config.center.joinToken === undefined ? {} : { token: config.center.joinToken }),
            dir: dir.file('uplink'),
            agentVersion: version,
            site: config.site,
            ...config.uplink,
          },
        ),
      )

      // A journal that was taken over does nothing more: the next start begins a new one.
      const endIfFenced = () => {
        const { link } = uplink
        if (link.s !== 'refused' || link.code !== 'epoch_fenced') return
        const fenced = new YizhanError('epoch_fenced', link.reason)
        void journal.fence().then(() => fail(fenced), fail)
      }
      uplink.onLink(endIfFenced)
      endIfFenced()

      // Since when it is there or away; how often it tried in between says nothing to people.
      let linkSince = clock.wall()
      let linkUp = uplink.link.s === 'ready'
      if (linkUp) lease.linked()
      uplink.onLink(() => {
        if ((uplink.link.s === 'ready') === linkUp) return
        linkUp = !linkUp
        linkSince = clock.wall()
        if (linkUp) lease.linked()
        else lease.lost()
      })

      // A turn's way: replies stand before the router that makes them, intake before the channels that hand in.
      const replies = life.add(
        'replies',
        await startReplies(
          { ledger, clock, log, metrics, superseded: (turn) => supersededLine(tenants, turn) },
          config.replies,
        ),
        10_000,
      )
      const classifier = {
        classify: (
          { tenant, digest }: Pick<LiveTenant, 'tenant' | 'digest'>,
          text: string,
          signal: AbortSignal,
        ) => intents.classify(tenant, digest, text, signal),
      }
      turns = life.add(
        'turns',
        startTurns(
          {
            ledger,
            tenants,
            classifier,
            skills,
            replies,
            uplink: tracedUplink(uplink, tracing),
            clock,
            log,
            metrics,
            consents,
            policy: () => ({ ...target.policy, leaseOver: lease.isShut }),
          },
          config.turns,
        ),
        10_000,
      )
      turnsStand(turns)
      const intake = createIntake(
        { ledger, turns, tenants, log, metrics },
        { ...config.turns, maxTextChars: config.chat.maxTextChars },
      )
      const modes = new OperatingModes({ clock, log, metrics, uplink, turns })
      const offModes = modes.start()
      life.onStop('operating mode', async () => offModes())
      const status: StatusParts = {
        version,
        site: config.site,
        startedAt,
        chat: {
          showRoute: config.chat.showRoute,
          maxTextChars: config.chat.maxTextChars,
          attachments: false,
          demo: config.chat.demoSocket !== undefined,
        },
        uplink,
        linkSince: () => linkSince,
        tenants,
        channels,
        journal,
        mark,
        ledger,
        turns,
        modes,
        lease,
        reports: outbox,
      }
      const mqtt = life.add(
        'mqtt',
        await startMqttChannel(
          {
            clock,
            log,
            metrics,
            inbound: intake.accept,
            edge: () => uplink.identity?.edgeId ?? '',
            info: () => infoOf(status),
            tickets: turns.tickets,
            onInfoChange: (fn) => {
              let told = turns.waitingForCenter()
              const waits = ledger.onChange(() => {
                if (turns.waitingForCenter() === told) return
                told = turns.waitingForCenter()
                fn()
              })
              const off = [uplink.onLink(fn), tenants.onChange(fn), modes.onChange(fn), waits]
              return () => {
                for (const each of off) each()
              }
            },
          },
          {
            ...config.mqtt,
            allowedOrigins: config.http.allowedOrigins,
            showRoute: config.chat.showRoute,
            maxTextChars: config.chat.maxTextChars,
          },
        ),
      )
      channels.push(mqtt)
      const detach = replies.attach(mqtt)
      handsStand({
        turns,
        accept: intake.accept,
        servesChannel: (channelId) => channels.some(({ id }) => id === channelId),
      })
      life.onStop('mqtt replies', async () => detach())
      log.info({ turns: intake.replay() }, 'turns of an earlier run go on')

      // People: the page, and the operators of this machine.
      const http = life.add(
        'http',
        await startHttp(
          { tenants, channel: mqtt, metrics, log },
          {
            ...config.http,
            authMode: config.mqtt.auth.mode,
            webDir: WEB_DIR,
            demoSocket: config.chat.demoSocket,
          },
        ),
      )
      const socketPath = adminSocketPath(dir.path)
      const ops = { ...status, clock, uplink, ledger, turns }
      life.add(
        'admin socket',
        await startAdminServer({ log }, { socketPath, routes: (app) => registerOpsRoutes(app, ops) }),
      )

      return {
        ready: { chat: http.url, mqtt: `mqtt://${hostPort(config.mqtt.host, mqtt.port)}` },
        ...life.running([fatal, mqtt.done, http.done]),
      }
    },
    (report) => log.warn(report, 'a part did not stop as it should'),
  )
}
