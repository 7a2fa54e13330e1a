import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type TrainedModel, trainInWorker } from '@yizhan/intent'
import {
  asTenantId,
  type Logger,
  ManualClock,
  plainSealer,
  silentLogger,
  type TenantId,
} from '@yizhan/kernel'
import { createOwnQuotas, type OwnQuotas } from '../../admission/index.js'
import type { Signer } from '../../fleet/port.js'
import { createPersonas, type Personas } from '../../inference/index.js'
import { createKnowledge } from '../../retrieval/index.js'
import { find } from '../../retrieval/testing/find.js'
import { openStorage, type Storage, type Store } from '../../storage/index.js'
import { BundleStore } from '../bundle-store.js'
import {
  type ApplyOptions,
  type ApplyReport,
  type CatalogDeps,
  openTenantCatalog,
  type TenantCatalog,
} from '../catalog.js'
import type { TenantSource } from '../source.js'
import type { TrainingSet } from '../try-out.js'

export const log: Logger = silentLogger()
const { privateKey } = generateKeyPairSync('ed25519')
export const signer: Signer = { current: { keyId: 'k1', privateKey }, publicKeys: [] }
export const never: AbortSignal = new AbortController().signal
export const acme = tenantId('acme')

export function tenantId(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

export const FILES = {
  'tenant.yaml': 'apiVersion: yizhan/v1\ntenant: acme\nname: Acme\nlanguages: [zh, en]\n',
  'intents/it.yaml': 'it.vpn:\n  ask: |\n    怎么连 VPN\n    connect to the VPN\n  reply: {zh: 安全接入}\n',
  'intents/hr.yaml': 'hr.leave: {ask: 怎么请假, reply: {forward: {knowledge: [hr]}}}\n',
  'knowledge.yaml': 'hr: {files: [knowledge/*.md]}\n',
  'knowledge/leave.md': '# 请假制度\n\n年假需要提前三天在系统里提交申请。\n',
  'tests/smoke.yaml': '- {say: 怎么连VPN, expect: {intent: it.vpn, by: edge, has: 安全接入}}\n',
}

export function directory(
  changes: Readonly<Record<string, string | undefined>> = {},
): Map<string, Uint8Array> {
  const entries = Object.entries({ ...FILES, ...changes })
  return new Map(
    entries.flatMap(([path, text]) => (text === undefined ? [] : [[path, Buffer.from(text)] as const])),
  )
}

const models = new Map<string, Promise<TrainedModel>>()

/** The real training, once for the same examples. */
export function train({ examples, negatives }: TrainingSet): Promise<TrainedModel> {
  const key = JSON.stringify([examples, negatives])
  const known = models.get(key) ?? trainInWorker({ examples, negatives, profile: 'fast', signal: never })
  models.set(key, known)
  return known
}

interface Place {
  readonly dir: string
  readonly clock: ManualClock
}

export async function place(t: TestContext): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-catalog-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return { dir, clock: new ManualClock(1_700_000_000_000) }
}

interface Center {
  readonly catalog: TenantCatalog
  readonly storage: Storage
  readonly knowledge: ReturnType<typeof createKnowledge>
  readonly personas: Personas
  readonly aiMarks: Personas
  readonly quotas: OwnQuotas
  readonly trained: TenantSource[]
  /** As a restart: another storage, another catalog, the same disk. */
  restart(partsOn?: PartsOn): Promise<Center>
}

/** What takes the place of a real part. */
type PartsOn = (storage: Storage) => Partial<CatalogDeps>

export async function start(t: TestContext, at: Place, partsOn: PartsOn = () => ({})): Promise<Center> {
  const storage = await openStorage(
    { log, sealer: plainSealer, clock: at.clock },
    { dir: join(at.dir, 'data'), shards: 2 },
  )
  t.after(() => storage.close())
  const knowledge = createKnowledge({ log })
  const personas = createPersonas()
  const aiMarks = createPersonas()
  const quotas = createOwnQuotas()
  const trained: TenantSource[] = []
  const parts = partsOn(storage)
  const catalog = await openTenantCatalog({
    store: storage.store,
    system: storage.system,
    bundles: new BundleStore(join(at.dir, 'bundles'), signer),
    knowledge,
    personas,
    aiMarks,
    quotas,
    clock: at.clock,
    log,
    ...parts,
    train(source, signal) {
      trained.push(source)
      return parts.train ? parts.train(source, signal) : train(source)
    },
  })
  const restart = async (next?: PartsOn) => {
    await storage.close()
    return start(t, at, next)
  }
  return { catalog, storage, knowledge, personas, aiMarks, quotas, trained, restart }
}

export async function applied(
  catalog: TenantCatalog,
  files = directory(),
  options: Omit<ApplyOptions, 'actor'> = {},
): Promise<ApplyReport> {
  const outcome = await catalog.apply(files, { actor: 'user_1', ...options }, never)
  assert.ok('report' in outcome, JSON.stringify(outcome))
  return outcome.report
}

export async function filesInStore(store: Store): Promise<string[]> {
  const { records } = await store.scan(acme, 'tenant-files')
  return records.map(({ key }) => key)
}

/** Everything that an apply may change. */
export async function stateOf({ catalog, storage, knowledge }: Center) {
  const { records } = await storage.store.scan(acme, 'tenant-files')
  const { entries } = await storage.store.audit(acme)
  return {
    current: catalog.current(acme),
    list: catalog.list(),
    files: records.map(({ key, value, version }) => [key, Buffer.from(value).toString('utf8'), version]),
    audit: entries.length,
    found: (await find(knowledge, acme, '年假 提前 申请')).length,
  }
}
