import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { silentLogger, systemClock, type YizhanError } from '@yizhan/kernel'
import { acme, code, put, tenant, text } from '../contract-place.js'
import { problems, write } from '../engine-place.js'
import { verifyBatches } from './testing/acked-batches.js'
import { openOn, postgres } from './testing/place.js'
import { mayMount, ROLES, removeServer, startServer } from './testing/server.js'

const shared = tenant('shared')

test('a server that crashes in batches and comes back loses nothing acknowledged, and the engine goes on by itself', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await openOn(server, database, { clock: systemClock })
  t.after(() => engine.close())
  const acked = new Set<string>()
  const refused = new Map<string, number>()
  const open = { more: true }
  let goal: { readonly count: number; reached(): void } | undefined
  const reaching = (count: number) =>
    new Promise<void>((reached) => {
      goal = { count, reached }
    })
  // A client that was refused tries again once the server is back.
  let back = Promise.resolve()
  const writer = async (name: string) => {
    for (let i = 0; open.more; i++) {
      const key = `${name}-${i}`
      const scope = i % 2 === 0 ? shared : tenant(name)
      const changes = [put(key, 'v', { collection: 'one' }), put(key, 'v', { collection: 'two' })]
      await write(engine, scope, changes).then(
        () => {
          acked.add(`${scope} ${key}`)
          if (goal && acked.size >= goal.count) goal.reached()
        },
        (thrown: { readonly code: string }) => {
          refused.set(thrown.code, (refused.get(thrown.code) ?? 0) + 1)
          return back
        },
      )
    }
  }
  const writers = ['w0', 'w1', 'w2', 'w3'].map(writer)
  for (let crash = 0; crash < 3; crash++) {
    let isBack: () => void = () => undefined
    back = new Promise((resolve) => {
      isBack = resolve
    })
    await server.stop('immediate')
    await server.start()
    isBack()
    await reaching(acked.size + 40)
  }
  open.more = false
  await Promise.all(writers)
  const stored = await verifyBatches(engine, acked)
  t.diagnostic(
    `${acked.size} acknowledged, 0 lost, ${stored - acked.size} more; refused: ${JSON.stringify([...refused])}`,
  )
  assert.deepEqual(
    [...refused.keys()].filter((code) => code !== 'unavailable'),
    [],
  )
})

test('a connection that the server ended while it lay idle costs no call', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await openOn(server, database)
  t.after(() => engine.close())
  const endAll = () =>
    server.admin(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '${ROLES.app}' AND datname = $1`,
      'postgres',
      [database],
    )
  await write(engine, acme, [put('k', 'v')])
  await endAll()
  assert.equal(text(await engine.get(acme, 'things', 'k')), 'v')
  await endAll()
  assert.deepEqual(await write(engine, acme, [put('k', 'w')]), [2])
  assert.deepEqual(await problems(engine, acme), [])
})

test('a server that is away makes calls unavailable, and they work again when it is back', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await openOn(server, database)
  t.after(() => engine.close())
  await write(engine, acme, [put('k', 'v')])
  await server.stop()
  await assert.rejects(engine.get(acme, 'things', 'k'), code('unavailable'))
  await assert.rejects(write(engine, acme, [put('k', 'w')]), code('unavailable'))
  await assert.rejects(engine.tenants(), code('unavailable'))
  await server.start()
  assert.equal(text(await engine.get(acme, 'things', 'k')), 'v')
  assert.deepEqual(await write(engine, acme, [put('k', 'w')]), [2])
  assert.deepEqual(await engine.tenants(), [acme])
})

test('a full disk of the server refuses writes as such, serves reads, and loses nothing acknowledged', async (t) => {
  if (!mayMount()) {
    assert.notEqual(process.env.YIZHAN_TEST_REQUIRE, 'all', 'no right to mount a tmpfs in a namespace')
    return t.skip('SKIPPED: no PostgreSQL, or no right to mount a tmpfs in a namespace')
  }
  const server = await startServer(silentLogger(), { smallDisk: '80m' })
  t.after(() => removeServer(server))
  const database = await server.database('small')
  const engine = await openOn(server, database)
  t.after(() => engine.close())
  const acked = new Map<string, Uint8Array>()
  const outcomes: string[] = []
  const writeOne = async () => {
    const key = `k${outcomes.length}`
    const value = new Uint8Array(randomBytes(512 * 1024))
    const outcome = await write(engine, acme, [put(key, '', { value })]).then(
      () => 'ok',
      (thrown: YizhanError) => thrown.code,
    )
    if (outcome === 'ok') acked.set(key, value)
    outcomes.push(outcome)
    return outcome
  }
  await server.admin(
    'CREATE TABLE ballast AS SELECT repeat(md5(i::text), 30) FROM generate_series(1, 20000) i',
    database,
  )
  while ((await writeOne()) === 'ok') assert.ok(outcomes.length < 400, 'the disk never filled')
  assert.deepEqual([await writeOne(), await writeOne()], ['disk_full', 'disk_full'])
  assert.equal(outcomes[acked.size], 'disk_full')
  const intact = async () => {
    for (const [key, value] of acked) {
      assert.deepEqual((await engine.get(acme, 'things', key))?.value, value)
    }
    assert.deepEqual(await problems(engine, acme), [])
  }
  await intact()
  await server.admin('DROP TABLE ballast', database)
  assert.deepEqual([await writeOne(), await writeOne()], ['ok', 'ok'])
  await intact()
  t.diagnostic(`${acked.size} of ${outcomes.length} writes acknowledged, 0 lost`)
})
