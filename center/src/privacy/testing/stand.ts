import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  asEdgeId,
  asTenantId,
  type EdgeId,
  ManualClock,
  silentLogger,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { create, SigningKeySchema } from '@yizhan/proto'
import { keyIdOf, openEdgeCommands, type Signer } from '../../fleet/index.js'
import type { AuditRecord, Store } from '../../storage/index.js'
import { EdgeErasures } from '../edge-erasures.js'
import { openErasureLog, readErasureLog } from '../erasure-log.js'
import { Erasures } from '../erasures.js'
import { LegalHolds } from '../holds.js'
import type { FleetEdge, PrivacySource } from '../port.js'
import { SubjectDirectory } from '../subject-directory.js'
import { sealedStorage } from './sealed-storage.js'

export const DAY = 86_400_000
export const acme = tenant('acme')
export const globex = tenant('globex')
export const by = { actor: 'user_1' }
export const anna = { channel: 'web', sender: 'anna.schmidt@acme.example' }
export const never: AbortSignal = new AbortController().signal

export function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

export function edge(name: string): EdgeId {
  const id = asEdgeId(name)
  assert.ok(id)
  return id
}

/** For assert.rejects: a YizhanError with this code. */
export function refused(code: string) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError, String(thrown))
    assert.equal(thrown.code, code, thrown.message)
    return true
  }
}

export function testSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spkiDer = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const keyId = keyIdOf(spkiDer)
  return { current: { keyId, privateKey }, publicKeys: [create(SigningKeySchema, { keyId, spkiDer })] }
}

/** A fleet that a test moves about. */
export class TestFleet {
  readonly edges = new Map<EdgeId, FleetEdge & { readonly tenants: readonly TenantId[] }>()

  set(
    name: string,
    state: Partial<Omit<FleetEdge, 'edge'>> = {},
    tenants: readonly TenantId[] = [acme],
  ): void {
    const id = edge(name)
    this.edges.set(id, { edge: id, linked: false, revoked: false, lastSeenAt: 0, tenants, ...state })
  }

  edgesOf(id: TenantId): readonly FleetEdge[] {
    return [...this.edges.values()].filter(({ tenants }) => tenants.includes(id))
  }
}

export interface StandOptions {
  readonly sources?: readonly PrivacySource[]
  readonly leaseMs?: number
  readonly backupHorizonMs?: number
  /** Called at each step of an erasure; what it throws breaks the step off, before or in the middle of its work. */
  readonly fail?: (step: 'log' | 'key' | 'records' | 'compact') => void
}

/** The parts of an erasure on real, sealing storage. */
export async function stand(t: TestContext, options: StandOptions = {}) {
  const clock = new ManualClock()
  const storage = await sealedStorage(t, clock)
  const log = silentLogger()
  const signer = testSigner()
  const logPath = join(storage.dir, 'elsewhere', 'erasures.jsonl')
  const fleet = new TestFleet()
  const compacted: TenantId[] = []
  let erasureLog = await openErasureLog({ signer, log }, { paths: [logPath] })
  t.after(() => erasureLog.close())

  const fail = options.fail ?? (() => undefined)

  const build = async () => {
    const { system, keys } = storage
    const store = brokenDeletes(storage.store, () => fail('records'))
    const commands = await openEdgeCommands({ system, clock, log })
    const subjects = new SubjectDirectory({ store, keys, clock })
    const holds = new LegalHolds({ store, clock })
    const edges = new EdgeErasures({ commands, fleet, leaseMs: async () => options.leaseMs ?? 0, clock, log })
    const erasures = new Erasures(
      {
        store,
        system,
        keys: {
          lookupKey: (id) => keys.lookupKey(id),
          erasedAt: (id, subject) => keys.erasedAt(id, subject),
          async destroySubject(id, subject) {
            const destroyed = await keys.destroySubject(id, subject)
            fail('key')
            return destroyed
          },
        },
        subjects,
        holds,
        edges,
        erasureLog: {
          async append(entry) {
            await erasureLog.append(entry)
            fail('log')
          },
        },
        sources: options.sources ?? [],
        upkeep: {
          async compact(id) {
            fail('compact')
            compacted.push(id)
          },
        },
        auditRetentionMs: async () => 180 * DAY,
        clock,
        log,
      },
      { backupHorizonMs: options.backupHorizonMs ?? 0 },
    )
    return { store, system, keys, commands, subjects, holds, edges, erasures }
  }
  let parts = await build()
  return {
    clock,
    signer,
    fleet,
    compacted,
    logPath,
    storage,
    /** As they are since the last restart. */
    get parts() {
      return parts
    },
    async restart(): Promise<void> {
      await erasureLog.close()
      await storage.reopen()
      erasureLog = await openErasureLog({ signer, log }, { paths: [logPath] })
      parts = await build()
    },
    async logged() {
      return (await readErasureLog(logPath, signer.publicKeys)).entries
    },
    /** A record of a person, as other parts write them. */
    async write(subject: string, collection: string, key: string, value: string, expiresAt?: number) {
      const put = { op: 'put', collection, key, value: Buffer.from(value), subject } as const
      await storage.store.batch(acme, [expiresAt === undefined ? put : { ...put, expiresAt }], {
        time: clock.wall(),
        actor: 'bot_1',
        action: 'CREATE',
        object: `${collection}/${key}`,
        subject,
        after: Buffer.from(value),
      })
    },
    async audit(id: TenantId = acme): Promise<AuditRecord[]> {
      const all: AuditRecord[] = []
      let cursor: string | undefined
      do {
        const page = await storage.store.audit(id, cursor === undefined ? {} : { cursor })
        all.push(...page.entries)
        cursor = page.cursor
      } while (cursor !== undefined)
      return all
    },
  }
}

export type Stand = Awaited<ReturnType<typeof stand>>

/** Deletes one record of a page, then breaks off, as a crash between two pages does. */
function brokenDeletes(store: Store, fail: () => void): Store {
  return {
    get: (...args) => store.get(...args),
    getMany: (...args) => store.getMany(...args),
    scan: (...args) => store.scan(...args),
    places: (...args) => store.places(...args),
    audit: (...args) => store.audit(...args),
    head: (...args) => store.head(...args),
    close: () => store.close(),
    async batch(id, changes, audit) {
      if (changes.length > 1 && changes.every(({ op }) => op === 'delete')) {
        try {
          fail()
        } catch (thrown) {
          await store.batch(id, changes.slice(0, 1), audit)
          throw thrown
        }
      }
      return await store.batch(id, changes, audit)
    },
  }
}
