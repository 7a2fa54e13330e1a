import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Storage, StorageDeps } from '@yizhan/center/storage'
import {
  asTenantId,
  createSealer,
  fileKek,
  openKeyStore,
  plainSealer,
  type Sealer,
  silentLogger,
  systemClock,
  type TenantId,
} from '@yizhan/kernel'
import { type Load, underLoad } from './writers.js'

export const VALUE_BYTES = 1_024
export const RECORDS = 20_000
export const READS = 20_000
export const WARM_UP = 2_000
export const WRITERS = [16, 256] as const

export interface Measured {
  readonly writes: readonly Load[]
  /** Into the system's store, which has no audit: what a raw put is most like. */
  readonly withoutAudit: readonly Load[]
  readonly reads: Load
}

/** One tenant; every write is a batch of one record and its audit entry. */
export async function measure(
  { store, system }: Pick<Storage, 'store' | 'system'>,
  records = RECORDS,
): Promise<Measured> {
  const tenant = asTenantId('bench') as TenantId
  const value = new Uint8Array(randomBytes(VALUE_BYTES))
  const write = (prefix: string) => (i: number) =>
    store.batch(tenant, [{ op: 'put', collection: 'records', key: `${prefix}${i}`, value }], {
      time: 1_800_000_000_000,
      actor: 'bench',
      action: 'CREATE',
      object: `records/${prefix}${i}`,
    })
  await underLoad(WARM_UP, 64, write('warm-'))
  const writes: Load[] = []
  const withoutAudit: Load[] = []
  for (const writers of WRITERS) {
    writes.push(await underLoad(records, writers, write(`w${writers}-`)))
    withoutAudit.push(
      await underLoad(records, writers, (i) =>
        system.batch([{ op: 'put', collection: 'records', key: `w${writers}-${i}`, value }]),
      ),
    )
  }
  const last = `w${WRITERS.at(-1)}-`
  const reads = await underLoad(READS, 16, (i) => store.get(tenant, 'records', `${last}${(i * 7) % records}`))
  return { writes, withoutAudit, reads }
}

/** A sealer over a real key store; undefined: none. */
export async function sealerIn(
  dir: string,
  algorithm: 'sm4' | 'aes-256-gcm' | undefined,
): Promise<{ readonly sealer: Sealer; close(): Promise<void> }> {
  if (algorithm === undefined) return { sealer: plainSealer, close: async () => undefined }
  const deps: Pick<StorageDeps, 'log' | 'clock'> = { log: silentLogger(), clock: systemClock }
  const kek = await fileKek(join(dir, 'kek'), { mayCreate: true })
  const keys = await openKeyStore({ ...deps, kek }, { dir: join(dir, 'keys') })
  return { sealer: createSealer({ keyring: keys, algorithm }), close: () => keys.close() }
}

export async function inDirectory<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-bench-'))
  try {
    return await work(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
