import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock, plainSealer, silentLogger } from '@yizhan/kernel'
import { acme, audit, keysOf, put } from '../contract-place.js'
import { openStorage } from '../storage.js'
import { openPostgresEngine } from './open.js'
import { postgres } from './testing/place.js'

const never = new AbortController().signal

test('a tenant that moves to PostgreSQL and back reads the same, and every list goes on where it was', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-pg-move-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const clock = new ManualClock()
  const deps = { log: silentLogger(), sealer: plainSealer, clock }
  const openEngine = (given: Parameters<typeof openPostgresEngine>[0]) =>
    openPostgresEngine(given, server.config(database))
  const { store, upkeep, close } = await openStorage({ ...deps, openEngine }, { dir, shards: 1 })
  t.after(close)
  for (let i = 0; i < 7; i++) {
    const terms = [{ name: 'by', value: `键${i % 3}` }]
    const more = { terms, subject: 's1', expiresAt: clock.wall() + 10 + (i % 2) }
    await store.batch(acme, [put(`键${i}`, String(i)), put(`timed-${i}`, String(i), more)], audit)
  }
  const expiredBefore = clock.wall() + 1_000
  type Cursor = { readonly cursor?: string }
  const lists: Record<string, (page: Cursor) => Promise<{ items: readonly unknown[] } & Cursor>> = {
    scan: async (page) => {
      const { records, ...more } = await store.scan(acme, 'things', { limit: 3, ...page })
      return { items: keysOf(records), ...more }
    },
    backwards: async (page) => {
      const { records, ...more } = await store.scan(acme, 'things', { limit: 3, reverse: true, ...page })
      return { items: keysOf(records), ...more }
    },
    index: async (page) => {
      const { records, ...more } = await store.scan(acme, 'things', {
        limit: 2,
        index: { name: 'by' },
        ...page,
      })
      return { items: keysOf(records), ...more }
    },
    person: async (page) => {
      const { places, ...more } = await store.places(acme, { subject: 's1' }, { limit: 2, ...page })
      return { items: keysOf(places), ...more }
    },
    expiring: async (page) => {
      const { places, ...more } = await store.places(acme, { expiredBefore }, { limit: 2, ...page })
      return { items: keysOf(places), ...more }
    },
    audit: async (page) => {
      const { entries, ...more } = await store.audit(acme, { limit: 2, ...page })
      return { items: entries.map(({ hash }) => hash), ...more }
    },
  }
  const whole = new Map<string, unknown[]>()
  for (const [name, list] of Object.entries(lists))
    whole.set(name, await inPages(list, async () => undefined))
  const before = await store.head(acme)
  const to = ['postgres', 'shard-0']
  for (const [name, list] of Object.entries(lists)) {
    const moved = await inPages(list, async () => {
      to.push(to.shift() ?? '')
      await upkeep.move(acme, to.at(-1) ?? '', never)
    })
    assert.deepEqual(moved, whole.get(name), name)
    assert.ok(moved.length >= 7, name)
  }
  assert.deepEqual(await store.head(acme), before)
  await upkeep.move(acme, 'postgres', never)
  assert.deepEqual((await upkeep.check(acme, never)).problems, [])
  assert.deepEqual(await store.batch(acme, [put('键0', 'next', { expectedVersion: 1 })], audit), [2])
})

/** All items of a list, with something between every two pages. */
async function inPages(
  list: (page: { readonly cursor?: string }) => Promise<{ items: readonly unknown[]; cursor?: string }>,
  between: () => Promise<void>,
): Promise<unknown[]> {
  const all: unknown[] = []
  let cursor: string | undefined
  do {
    const page = await list(cursor === undefined ? {} : { cursor })
    all.push(...page.items)
    cursor = page.cursor
    await between()
  } while (cursor !== undefined)
  return all
}
