import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { asTenantId, ManualClock, plainSealer, type Sealer, type TenantId, YizhanError } from '@yizhan/kernel'
import type { AuditEntry, AuditRecord, Change, Store, StoredRecord, SystemStore } from './port.js'

/** What a suite hands to the engine that it opens, so that it has time and keys in its hand. */
export interface StorageGiven {
  readonly clock: ManualClock
  readonly sealer: Sealer
}

export interface OpenedStorage {
  readonly store: Store
  readonly system: SystemStore
  close(): Promise<void>
}

/** A place that an engine can open, close and open again. */
export interface StoragePlace {
  open(given: StorageGiven): Promise<OpenedStorage>
}

export type PlaceOf = (t: TestContext) => Promise<StoragePlace>

/** One storage that is open until the test ends; by default with plain sealing. */
export async function openedStorage(
  t: TestContext,
  place: PlaceOf,
  sealer: Sealer = plainSealer,
): Promise<OpenedStorage & { readonly clock: ManualClock }> {
  const clock = new ManualClock()
  const storage = await (await place(t)).open({ clock, sealer })
  t.after(() => storage.close())
  return { store: storage.store, system: storage.system, close: () => storage.close(), clock }
}

/** Plain sealing that knows persons whose key is destroyed. */
export function forgettingSealer(): Sealer & { readonly erased: Set<string> } {
  const erased = new Set<string>()
  return {
    id: 'forgetting',
    erased,
    async sealAll(items) {
      if (items.some(({ context }) => erased.has(context.subject ?? ''))) {
        throw new YizhanError('erased', 'the person was erased')
      }
      return plainSealer.sealAll(items)
    },
    async openAll(items) {
      const opened = await plainSealer.openAll(items)
      return opened.map((one, i) => (erased.has(items[i]?.context.subject ?? '') ? { s: 'erased' } : one))
    },
  }
}

export function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

export const acme: TenantId = tenant('acme')
export const audit: AuditEntry = {
  time: 1_800_000_000_000,
  actor: 'user_1',
  action: 'UPDATE',
  object: 'things',
}

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
export const text = (record: StoredRecord | undefined): string | undefined =>
  record && Buffer.from(record.value).toString('utf8')
export const keysOf = (list: readonly { readonly key: string }[]): string[] => list.map(({ key }) => key)

export function put(
  key: string,
  value: string,
  more: Partial<Extract<Change, { op: 'put' }>> = {},
): Extract<Change, { op: 'put' }> {
  return { op: 'put', collection: 'things', key, value: bytes(value), ...more }
}

export function remove(key: string, more: Partial<Extract<Change, { op: 'delete' }>> = {}): Change {
  return { op: 'delete', collection: 'things', key, ...more }
}

export const code =
  (expected: string) =>
  (thrown: unknown): boolean =>
    thrown instanceof YizhanError && thrown.code === expected

/** As it was written. */
export function withoutChain({ sequence, hash, ...entry }: AuditRecord): AuditEntry {
  assert.ok(sequence >= 1)
  assert.match(hash, /^[0-9a-f]{64}$/)
  return entry
}

/** All items of a list that is read page by page. */
export async function everyPage<P extends { readonly cursor?: string }, I>(
  read: (page: { readonly limit: number; readonly cursor?: string }) => Promise<P>,
  limit: number,
  items: (page: P) => readonly I[],
): Promise<I[]> {
  const all: I[] = []
  let cursor: string | undefined
  do {
    const page = await read({ limit, ...(cursor === undefined ? {} : { cursor }) })
    all.push(...items(page))
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}
