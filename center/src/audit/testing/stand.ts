import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  asTenantId,
  ManualClock,
  plainSealer,
  type Sealer,
  silentLogger,
  type TenantId,
} from '@yizhan/kernel'
import { openSigner } from '../../fleet/index.js'
import { type AuditEntry, openStorage, type Row } from '../../storage/index.js'
import type { SignedAnchor } from '../anchor.js'
import { createAuditLog } from '../audit-log.js'

export function tenantId(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

export const acme = tenantId('acme')
export const log = silentLogger()

export function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'yizhan-audit-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The storage of a center with its audit log, for tests; closed with the test. */
export async function stand(
  t: TestContext,
  options: {
    readonly dir?: string
    readonly sealer?: Sealer
    readonly anchors?: readonly SignedAnchor[]
  } = {},
) {
  const dir = options.dir ?? scratch(t)
  const clock = new ManualClock()
  const storage = await openStorage(
    { log, sealer: options.sealer ?? plainSealer, clock },
    { dir: join(dir, 'data'), shards: 1, sync: 'never' },
  )
  t.after(() => storage.close())
  const { store, system, upkeep } = storage
  const signer = await openSigner({ log }, { dir: join(dir, 'ca') })
  const rows = (tenant: TenantId, signal: AbortSignal) => upkeep.rows(tenant, signal)
  const auditLog = createAuditLog({
    store,
    rows,
    signer,
    anchors: async () => options.anchors ?? [],
    clock,
  })

  /** A record and its entry, a second later than the last. */
  async function write(entry: Partial<AuditEntry> & { readonly key?: string } = {}): Promise<void> {
    const { key = 'k', ...rest } = entry
    clock.advance(1_000)
    await store.batch(acme, [{ op: 'put', collection: 'things', key, value: Buffer.from('v') }], {
      time: clock.wall(),
      actor: 'user_1',
      action: 'UPDATE',
      object: `things/${key}`,
      ...rest,
    })
  }

  async function auditRows(tenant: TenantId = acme): Promise<Row[]> {
    const found: Row[] = []
    for await (const page of rows(tenant, new AbortController().signal)) {
      found.push(...page.filter(({ kind }) => kind === 'audit'))
    }
    return found
  }

  return { dir, log, clock, storage, store, system, upkeep, signer, rows, auditLog, write, auditRows }
}

export type Stand = Awaited<ReturnType<typeof stand>>

/** Snapshots as bytes. */
export const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

export async function textOf(parts: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const part of parts) text += part
  return text
}

export async function* pagesOf<T>(...pages: readonly T[]): AsyncGenerator<T> {
  yield* pages
}
