import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { trainInWorker } from '@yizhan/intent'
import {
  adminSocketPath,
  createMetrics,
  createOutbound,
  hostPort,
  type Logger,
  openStateDir,
  type Running,
  readFileIfExists,
  type StateDir,
  startAdminServer,
  startTracing,
  startWithUndo,
  systemClock,
  writeFileAtomic,
} from '@yizhan/kernel'
import { type ApiParts, refuseOpenApi, registerOwnerRoutes, registerRoutes, startApi } from './api/index.js'
import { centerDeeds, createAuditLog, createCenterAudit, startAnchoring } from './audit/index.js'
import { type CenterConfig, ERASURE_LOG_FILE } from './config.js'
import {
  createDesiredStates,
  createEnrollment,
  createJoinTokens,
  openCa,
  openEdgeCommands,
  openEdgeRegistry,
  openEpochFences,
  openServerCertificate,
  openSigner,
} from './fleet/index.js'
import { openApiKeys, startFront } from './front/index.js'
import { startGateway } from './gateway/index.js'
import { createExtractive, REQUEST_BOOK_DEFAULTS } from './inference/index.js'
import { createAsk, createPageFetcher, openLibrary } from './knowledge/index.js'
import { createAskers, LedgerMetrics, TurnDesk, TurnReplica, takeOver, turnsSource } from './ledger/index.js'
import { memorySource } from './memory/index.js'
import { ModelDesk, modelsSource } from './models/index.js'
import { openData } from './open-data.js'
import { openInference } from './open-inference.js'
import {
  attachmentsSource,
  Consents,
  createPrivacy,
  openErasureLog,
  policiesOf,
  resumeBuffersSource,
  retentionOf,
  SubjectDirectory,
} from './privacy/index.js'
import {
  LessonBook,
  Proposer,
  SampleDesk,
  SampleIntake,
  samplePolicyOf,
  tenantsInForce,
} from './samples/index.js'
import { BundleStore, type LessonsOf, openTenantCatalog, perVersion, trainedLately } from './tenants/index.js'

export interface Center extends Running {
  /** Where it is reached: host:port of the two listeners for edges, URLs of the API and the front. */
  readonly ready: {
    readonly link: string
    readonly enroll: string
    readonly api: string
    readonly front?: string
  }
}

/**
 * Builds the center, what is closed last first. `stop` drains: edges are asked to leave, running answers end with
 * their links (edges present them again), requests at the API finish, then the store closes.
 */
export async function startCenter(
  deps: {
    readonly log: Logger
    readonly version: string
    /** `$CREDENTIALS_DIRECTORY` of a systemd service. */
    readonly credentialsDirectory?: string | undefined
  },
  config: CenterConfig,
): Promise<Center> {
  const { log } = deps
  const clock = systemClock
  const startedAt = clock.wall()

  return startWithUndo(
    async (life) => {
      // The gateway is opened after what asks it.
      let isLinked: (edge: string) => boolean = () => false
      const dir = life.add('state directory', await openStateDir({ log }, config.stateDir))
      refuseOpenApi(config.api.host)
      const metrics = createMetrics({ processMetrics: true })
      const tracing = await startTracing({ name: 'yizhan-center', version: deps.version }, config.telemetry)
      life.onStop('traces', () => tracing.stop())

      // What outlives the process.
      const data = await openData({ ...deps, life, dir, clock }, config)
      const { storage, files, keys, backups } = data
      const { store, system } = storage
      const centerAudit = createCenterAudit({ store, system, clock })

      // Who is who.
      const { trustDomain, certificates } = config
      const ca = await openCa({ clock, log }, { dir: dir.file('ca'), trustDomain })
      const serverCertificate = await openServerCertificate(
        { ca, clock, log },
        {
          dnsNames: certificates.dnsNames,
          ips: certificates.ips,
          ttlMs: certificates.serverTtlMs,
        },
      )
      life.add('server certificate', serverCertificate)
      const signer = await openSigner({ log }, { dir: dir.file('ca') })
      const registry = await openEdgeRegistry({ system, clock, log })
      const tokens = createJoinTokens({ system, ca, registry, clock, log })
      const commands = await openEdgeCommands({ system, clock, log })
      const fences = await openEpochFences({ system, clock })
      const enrollment = createEnrollment(
        { ca, tokens, registry, signer, clock, log },
        { edgeTtlMs: certificates.edgeTtlMs },
      )

      const outbound = createOutbound()
      life.onStop('outbound connections', () => outbound.close())

      // The heads of the tenants' audits, signed, to places that this machine cannot rewrite.
      const anchoring = life.add(
        'audit anchors',
        await startAnchoring(
          {
            tenants: () => storage.upkeep.tenantIds(),
            head: (tenant) => store.head(tenant),
            system,
            signer,
            fetch: outbound.fetch,
            clock,
            log,
            metrics,
            hostname: hostname(),
          },
          config.audit.anchor,
        ),
        10_000,
      )

      const subjects = new SubjectDirectory({ store, keys, clock })

      // What answers a question.
      const { knowledge, personas, aiMarks, ownQuotas, engines, pool, admission, quotas, ...inference } =
        await openInference(
          {
            ...{ life, dir, system, store, keys, files, subjects, tracing, clock, log, metrics },
            memoryRetention: async (tenant) => retentionOf(await policies.of(tenant), 'memory'),
          },
          config,
        )
      const { writer, memory, requests } = inference

      // Tenants, and what each edge shall run.
      const bundles = new BundleStore(dir.file('bundles'), signer)
      const train = trainedLately(({ examples, negatives, file }, signal) =>
        trainInWorker({ examples, negatives, languages: file.languages, signal }),
      )
      const lessons: LessonsOf = (tenant, actor, signal) => lessonBook.lessons(tenant, { actor }, signal)
      const catalog = await openTenantCatalog({
        ...{ store, system, bundles, knowledge, personas, aiMarks, quotas: ownQuotas },
        ...{ train, lessons, clock, log },
      })
      const library = await openLibrary({ store, knowledge, clock, log }, storage.upkeep.tenantIds())
      knowledge.allPut()
      const pages = createPageFetcher(config.knowledge)
      life.onStop('page fetcher', () => pages.close())
      const wanted = { system, registry, bundles: catalog, signer, clock }
      const desiredStates = createDesiredStates({ ...wanted, maxInFlight: config.gateway.maxInFlight })

      // Persons: what is held of them, what they agreed to, and that it goes when they say so.
      const erasureLog = await openErasureLog({ signer, log }, { paths: erasureLogPaths(config, dir) })
      life.onStop('erasure log', () => erasureLog.close())
      for (const { tenant, subject } of await erasureLog.read()) {
        if (keys.erasedAt(tenant, subject) !== undefined) continue
        log.warn({ tenant, subject }, 'a person of the erasure log had a key: it is destroyed')
        await keys.destroySubject(tenant, subject)
      }

      // What the edges' ledgers say of turns, and what people do to them.
      const tenants = () => storage.upkeep.tenantIds()
      const askers = createAskers({ subjects, keys, commands })
      const policies = policiesOf(catalog)
      // Questions that the local models may learn from, as far as their askers agree.
      const samplePolicy = samplePolicyOf({
        catalog,
        consents: new Consents({ store, policies, clock }),
        subjects,
      })
      const samples = new SampleIntake({ store, keys, policy: samplePolicy, clock })
      const lessonBook = new LessonBook({ store, policy: samplePolicy, clock })
      const models = new ModelDesk({ store, catalog, bundles, train, lessons, clock, log })
      const ledgerMetrics = new LedgerMetrics(metrics)
      const replica = new TurnReplica({
        ...{ store, system, registry, askers, metrics: ledgerMetrics, clock, log },
        followers: [samples, ...(memory ? [memory] : [])],
      })
      for (const tenant of tenants()) await replica.recount(tenant)
      const desk = new TurnDesk({ store, replica, commands, registry, tenants, clock, log })
      await desk.start()
      life.onStop('turns', () => desk.stop())
      const takeover = { store, replica, desk, fences, registry, metrics: ledgerMetrics, tenants, clock, log }

      const privacy = createPrivacy(
        {
          ...{ store, system, keys, subjects, policies },
          upkeep: storage.upkeep,
          tenants: () => storage.upkeep.tenantIds(),
          fleet: { registry, commands, linked: (edge) => isLinked(edge) },
          erasureLog,
          signer,
          sources: [
            turnsSource({ store, replica, desk }),
            modelsSource({ models, log }),
            attachmentsSource({ files, store }),
            memorySource({ store, memory }),
            resumeBuffersSource({ clock, keepMs: REQUEST_BOOK_DEFAULTS.keepMs }),
          ],
          clock,
          log,
        },
        config.privacy,
      )

      // The doors: edges, other programs, people.
      const gateway = life.add(
        'gateway',
        await startGateway(
          {
            ...{ clock, log, metrics, registry, desiredStates, bundles, requests, signer, enrollment },
            ...{ commands, fences, trustDomain },
            subjectReports: privacy.reports,
            turns: replica,
            tls: serverCertificate,
          },
          config.gateway,
        ),
        15_000,
      )
      isLinked = (edge) => gateway.links().some(({ edgeId }) => edgeId === edge)
      const privacyUpkeep = life.add('privacy', privacy.start(), 20_000)
      const apiKeys = await openApiKeys({ store, clock, tenants: tenants() })
      const { port: frontPort } = config.front
      const front =
        frontPort === undefined
          ? undefined
          : life.add(
              'front',
              await startFront(
                {
                  keys: apiKeys,
                  backends: pool.members.map(({ backend }) => backend),
                  embedders: engines.embedders,
                  admission,
                  retriever: knowledge,
                  tls: serverCertificate,
                  clock,
                  log,
                  metrics,
                },
                { ...config.front, port: frontPort },
              ),
            )
      let stopping: string | undefined
      const parts: ApiParts = {
        metrics,
        catalog,
        files,
        privacy,
        apiKeys,
        upkeep: storage.upkeep,
        audit: centerAudit,
        registry,
        pool,
        quotas,
        explain: knowledge.explain,
        library,
        pages,
        ask: createAsk({ knowledge, backend: createExtractive({ clock, terms: knowledge }) }),
        auditLog: createAuditLog({
          store,
          rows: (tenant, signal) => storage.upkeep.rows(tenant, signal),
          signer,
          anchors: (tenant) => anchoring.anchors(tenant),
          clock,
        }),
        tokens,
        proposer: new Proposer({
          store,
          keys,
          policy: samplePolicy,
          examples: perVersion(catalog, ({ examples }) => examples),
          writer,
          clock,
        }),
        models,
        samples: new SampleDesk({
          store,
          policy: samplePolicy,
          tenants: tenantsInForce({ catalog, bundles, clock }),
          clock,
        }),
        turns: {
          desk,
          memory,
          takeOver: (edge, options, by) => takeOver(takeover, edge, options, by),
        },
        progress: async (tenant) =>
          await Promise.all(
            registry
              .list()
              .filter((edge) => !edge.revoked && edge.tenants.includes(tenant))
              .map(async ({ edgeId, site, appliedRevision, rejected }) => {
                const { revision } = await desiredStates.current(edgeId)
                const linked = gateway.link(edgeId) !== undefined
                const refused = rejected?.revision === revision ? { rejected: rejected.message } : {}
                return { edge: edgeId, site, linked, applied: appliedRevision === revision, ...refused }
              }),
          ),
        notReady: () => stopping,
        status: () => ({
          version: deps.version,
          startedAt: new Date(startedAt).toISOString(),
          links: gateway.links(),
          edges: registry.list().length,
          tenants: catalog.list(),
          inference: { backends: pool.state(), ...requests.stats() },
        }),
      }
      const token = await apiToken(dir.file('api-token'))
      const api = life.add(
        'api',
        await startApi({ ...parts, log }, { host: config.api.host, port: config.api.port, token }),
      )
      const routes = {
        socketPath: adminSocketPath(dir.path),
        routes: (app: Parameters<typeof registerRoutes>[0]) => {
          registerRoutes(app, parts, 'admin')
          registerOwnerRoutes(
            app,
            { ...parts, keys, backups, deeds: (cursor) => centerDeeds(system, cursor) },
            'admin',
          )
        },
      }
      life.add('admin socket', await startAdminServer({ log }, routes))

      // The last to start is the first to stop.
      life.onStop('readiness', async (reason) => {
        stopping = `stopping: ${reason}`
      })

      return {
        ready: {
          link: hostPort(config.gateway.host, gateway.linkPort),
          enroll: hostPort(config.gateway.host, gateway.enrollPort),
          api: api.url,
          ...(front ? { front: front.url } : {}),
        },
        ...life.running([
          keys.done,
          storage.done,
          privacyUpkeep.done,
          anchoring.done,
          gateway.done,
          api.done,
          ...(front ? [front.done] : []),
        ]),
      }
    },
    (report) => log.warn(report, 'a part did not stop as it should'),
  )
}

/** Where the erasure log lies; off the box is better than the default. */
function erasureLogPaths(config: CenterConfig, dir: StateDir): readonly string[] {
  const { erasureLog } = config.privacy
  return erasureLog.length > 0 ? erasureLog : [dir.file(ERASURE_LOG_FILE)]
}

async function apiToken(path: string): Promise<string> {
  const known = await readFileIfExists(path)
  if (known) return Buffer.from(known).toString('utf8').trim()
  const token = randomBytes(32).toString('base64url')
  await writeFileAtomic(path, `${token}\n`, { mode: 0o600 })
  return token
}
