import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock, YizhanError } from '@yizhan/kernel'
import { acme, code, put, remove, tenant, text } from '../contract-place.js'
import { problems, write } from '../engine-place.js'
import type { OpenedPostgres } from './open.js'
import { CuttingProxy } from './testing/cutting-proxy.js'
import { type EngineGiven, openOn, postgres } from './testing/place.js'
import type { TestServer } from './testing/server.js'

async function opened(
  t: TestContext,
  server: TestServer,
  database: string,
  given: EngineGiven = {},
): Promise<OpenedPostgres> {
  const engine = await openOn(server, database, given)
  t.after(() => engine.close())
  return engine
}

/** A center behind a proxy that breaks its commits, and one with a connection of its own to look by. */
async function behindProxy(t: TestContext, outcomeTimeoutMs = 20_000) {
  const server = await postgres(t)
  if (!server) return undefined
  const database = await server.database()
  const proxy = new CuttingProxy(server.port)
  await proxy.start()
  t.after(() => proxy.stop())
  const config = { port: proxy.port, outcomeTimeoutMs }
  const engine = await opened(t, server, database, { clock: systemClock, config })
  return { proxy, engine, witness: await opened(t, server, database) }
}

for (const scope of [acme, null]) {
  const whose = scope === null ? 'the system' : 'a tenant'
  for (const first of [true, false]) {
    for (const how of ['lose answer', 'lose it', 'hang'] as const) {
      test(`a write of ${whose} whose connection breaks in the ${first ? 'first' : 'next'} commit (${how}) is made once`, async (t) => {
        const s = await behindProxy(t)
        if (!s) return
        if (!first) await write(s.engine, scope, [put('before', 'v')])
        s.proxy.cutNext(how)
        const wrote = write(s.engine, scope, [put('k', 'once', { expectedVersion: 0 })])
        assert.deepEqual(await wrote, [1])
        assert.equal(s.proxy.cuts, 1)
        assert.equal((await s.witness.get(scope, 'things', 'k'))?.version, 1)
        const head = await s.witness.head(scope)
        assert.equal(head?.auditSequence, scope === null ? 0 : first ? 1 : 2)
        assert.deepEqual(await problems(s.witness, scope), [])
        assert.deepEqual(await write(s.engine, scope, [put('k', 'twice')]), [2])
      })
    }
  }
}

test('if nobody can be asked for the outcome, the caller is told that it is not known', async (t) => {
  const s = await behindProxy(t, 300)
  if (!s) return
  await write(s.engine, acme, [put('before', 'v')])
  s.proxy.cutNext('lose answer')
  s.proxy.refuse()
  await assert.rejects(write(s.engine, acme, [put('k', 'v')]), (thrown) => {
    assert.ok(thrown instanceof YizhanError)
    assert.equal(thrown.code, 'unavailable')
    assert.equal(thrown.retryable, true)
    assert.deepEqual(thrown.details, { outcome: 'unknown' })
    return true
  })
  assert.equal(text(await s.witness.get(acme, 'things', 'k')), 'v', 'and here it was made')
})

for (const scope of [acme, null]) {
  const whose = scope === null ? 'the system' : 'one tenant'
  test(`two centers that write ${whose} at once lose and double nothing`, async (t) => {
    const server = await postgres(t)
    if (!server) return
    const database = await server.database()
    const centers = [await opened(t, server, database), await opened(t, server, database)]
    const done = { ok: 0, conflict: 0 }
    const count = async (engine: OpenedPostgres, i: number) => {
      const key = `counter-${i % 3}`
      const now = (await engine.get(scope, 'things', key))?.version ?? 0
      const terms = [{ name: 'at', value: String(now) }]
      const changes = [put(key, String(now + 1), { expectedVersion: now, terms }), put(`own-${i}`, 'v')]
      await write(engine, scope, changes).then(
        () => {
          done.ok += 1
        },
        (thrown) => {
          assert.ok(code('conflict')(thrown), String(thrown))
          done.conflict += 1
        },
      )
    }
    for (let round = 0; round < 10; round++) {
      await Promise.all(centers.flatMap((engine) => [0, 1, 2, 3, 4].map((i) => count(engine, round * 5 + i))))
    }
    t.diagnostic(`${done.ok} written, ${done.conflict} refused as conflicts`)
    assert.equal(done.ok + done.conflict, 100)
    assert.ok(done.conflict > 0, 'the centers never met')
    const [first = assert.fail(), second = assert.fail()] = centers
    const counters = await first.getMany(scope, 'things', ['counter-0', 'counter-1', 'counter-2'])
    assert.equal(
      counters.reduce((sum, record) => sum + (record?.version ?? 0), 0),
      done.ok,
    )
    assert.equal((await second.head(scope))?.auditSequence, scope === null ? 0 : done.ok)
    assert.deepEqual(await problems(second, scope), [])
  })
}

test('two centers that write the first of many tenants at once both succeed', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const centers = [await opened(t, server, database), await opened(t, server, database)]
  const tenants = Array.from({ length: 20 }, (_, i) => tenant(`t${i}`))
  await Promise.all(
    tenants.flatMap((id) =>
      centers.map((engine, i) => write(engine, id, [put('same', 'v'), put(`own-${i}`, 'v'), remove('none')])),
    ),
  )
  const [first = assert.fail()] = centers
  for (const id of tenants) {
    assert.equal((await first.head(id))?.auditSequence, 2)
    assert.equal((await first.get(id, 'things', 'same'))?.version, 2)
    assert.deepEqual(await problems(first, id), [])
  }
})

test('deadlocks and failed serializations are repeated inside, and other refusals are not', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await opened(t, server, database)
  await write(engine, acme, [put('k', 'v')])
  await server.admin(
    `CREATE SEQUENCE public.tries; GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT ALL ON SEQUENCE public.tries TO PUBLIC;
    CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.key LIKE 'once-%' AND nextval('public.tries') % 3 <> 0
        THEN RAISE EXCEPTION USING ERRCODE = split_part(NEW.key, '-', 2); END IF;
      IF NEW.key LIKE 'always-%' THEN RAISE EXCEPTION USING ERRCODE = split_part(NEW.key, '-', 2); END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER fail BEFORE INSERT ON yizhan.records FOR EACH ROW EXECUTE FUNCTION public.fail();`,
    database,
  )
  assert.deepEqual(await write(engine, acme, [put('once-40P01', 'v'), put('a', 'v')]), [1, 1])
  assert.deepEqual(await write(engine, acme, [put('once-40001', 'v')]), [1])
  for (const [state, expected] of [
    ['40001', 'unavailable'],
    ['53100', 'disk_full'],
    ['53200', 'overloaded'],
    ['57014', 'deadline_exceeded'],
    ['58030', 'storage_failed'],
    ['XX001', 'data_corrupt'],
    ['22000', 'internal'],
  ] as const) {
    const before = await engine.head(acme)
    const refused = write(engine, acme, [put('b', 'v'), put(`always-${state}`, 'v')])
    await assert.rejects(refused, code(expected), state)
    assert.deepEqual(await engine.head(acme), before)
    assert.equal(await engine.get(acme, 'things', 'b'), undefined)
  }
  assert.deepEqual(await problems(engine, acme), [])
})

test('reads of many tenants that come together are answered each with its own', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await opened(t, server, database)
  const tenants = Array.from({ length: 7 }, (_, i) => tenant(`t${i}`))
  for (const id of tenants) {
    await write(engine, id, [
      put('a', `${id} a`),
      put('b', `${id} b`),
      put('b', `${id} c`, { collection: 'notes' }),
    ])
  }
  for (let round = 0; round < 3; round++) {
    const asked = Array.from({ length: 400 }, (_, i) => {
      const id = tenants[i % 7] ?? acme
      const [collection, key, expected] =
        i % 3 === 0
          ? ['things', 'a', `${id} a`]
          : i % 3 === 1
            ? ['notes', 'b', `${id} c`]
            : ['notes', 'a', undefined]
      return { id, collection, key, expected }
    })
    const found = await Promise.all(
      asked.map(({ id, collection = '', key = '' }) => engine.get(id, collection, key)),
    )
    assert.deepEqual(
      found.map(text),
      asked.map(({ expected }) => expected),
    )
  }
})

test('an error of the database quotes no row', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await opened(t, server, database)
  await server.admin("ALTER TABLE yizhan.records ADD CONSTRAINT never CHECK (key <> 'secret-key')", database)
  await assert.rejects(write(engine, acme, [put('secret-key', 'v', { subject: 'subject-1' })]), (thrown) => {
    assert.ok(thrown instanceof YizhanError)
    const all = JSON.stringify([thrown.message, thrown.details, thrown.hint, String(thrown.cause)])
    assert.match(all, /23514/)
    assert.doesNotMatch(all, /secret-key|subject-1/)
    assert.deepEqual(Object.keys(thrown.cause ?? {}), [])
    return true
  })
})

test('more callers than connections wait their turn, and too many are refused', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await opened(t, server, database, { config: { poolMax: 2 } })
  await write(engine, acme, [put('k', 'v')])
  const calls = Array.from({ length: 4_500 }, () =>
    engine.head(acme).then(
      (head) => head?.records,
      (thrown: YizhanError) => thrown.code,
    ),
  )
  const sessions =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'yizhan_app' AND datname = $1"
  const { rows } = await server.admin(sessions, 'postgres', [database])
  assert.ok(rows[0].n <= 2, `${rows[0].n} connections`)
  const answers = await Promise.all(calls)
  assert.equal(answers.filter((answer) => answer === 'overloaded').length, 4_500 - 4_096 - 2)
  assert.equal(answers.filter((answer) => answer === 1).length, 4_096 + 2)
})
