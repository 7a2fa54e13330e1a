import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openEdgeRegistry } from './edge-registry.js'
import { edge, refused, startBase, tenant } from './testing/fleet.js'

const HOUR = 3_600_000
const [bj, sh] = [edge('bj-01'), edge('sh-01')]
const [acme, beta] = [tenant('acme'), tenant('beta')]
const hello = { journalEpoch: '1', agentVersion: '0.1.0', site: 'claimed' }

async function start(t: TestContext) {
  const base = await startBase(t)
  const open = () => openEdgeRegistry({ system: base.system, clock: base.clock, log: base.log })
  const registry = await open()
  const key = { spkiSha256: 'key a', notAfter: base.clock.wall() + HOUR }
  await registry.enrol(bj, { tokenId: 'token 1', tenants: [beta, acme, acme], site: 'beijing', key })
  return { base, clock: base.clock, registry, open, key }
}

test('an edge that is not there is not found, and nothing comes into being', async (t) => {
  const { registry, base } = await start(t)
  for (const attempt of [
    registry.openLink(sh, hello),
    registry.noteApplied(sh, 1),
    registry.noteRejected(sh, 1, 'data_corrupt', 'x'),
    registry.setTenants(sh, [acme]),
    registry.revoke(sh, 'user_1'),
    registry.addKey(sh, { spkiSha256: 'x', notAfter: 1 }),
  ]) {
    await assert.rejects(attempt, refused('not_found', /sh-01/))
  }
  registry.noteSeen(sh)
  assert.equal(registry.get(sh), undefined)
  assert.equal(registry.keyCounts(sh, 'x'), false)
  assert.equal((await base.system.scan('edges')).records.length, 1)
})

test('a damaged entry stops the start', async (t) => {
  const { base, open } = await start(t)
  for (const value of ['', 'null', '{}', '{"tenants":["UPPER"]}']) {
    await base.system.batch([
      { op: 'put', collection: 'edges', key: sh, value: new Uint8Array(Buffer.from(value)) },
    ])
    await assert.rejects(open(), refused('data_corrupt'))
  }
})

test('an enrolled edge is there with its tenants sorted and once, also after a restart', async (t) => {
  const { base, registry, open, clock } = await start(t)
  const entry = registry.get(bj)
  assert.deepEqual(entry, {
    edgeId: bj,
    tenants: [acme, beta],
    site: 'beijing',
    revoked: false,
    enrolledAt: clock.wall(),
    linkGeneration: 0,
    appliedRevision: 0,
    lastSeenAt: 0,
  })
  await base.restart()
  assert.deepEqual((await open()).list(), [entry])
})

test('link generations only grow, over restarts and when many links open at once', async (t) => {
  const { base, registry, open } = await start(t)
  const opened = await Promise.all(Array.from({ length: 20 }, () => registry.openLink(bj, hello)))
  assert.deepEqual(
    opened.map((link) => link.generation),
    Array.from({ length: 20 }, (_, i) => i + 1),
  )
  await base.restart()
  assert.equal((await (await open()).openLink(bj, hello)).generation, 21)
})

test('two centers on one store never give the same generation', async (t) => {
  const { registry, open } = await start(t)
  const other = await open()
  const links = await Promise.all(
    Array.from({ length: 10 }, (_, i) => (i % 2 ? registry : other).openLink(bj, hello)),
  )
  assert.equal(new Set(links.map((link) => link.generation)).size, 10)
})

test('a new journal epoch is noticed, the first one is not new', async (t) => {
  const { registry } = await start(t)
  assert.equal((await registry.openLink(bj, hello)).epochChanged, false)
  assert.equal((await registry.openLink(bj, hello)).epochChanged, false)
  assert.equal((await registry.openLink(bj, { ...hello, journalEpoch: '2' })).epochChanged, true)
  assert.equal((await registry.openLink(bj, { ...hello, journalEpoch: '2' })).epochChanged, false)
})

test('what an edge says of its site does not replace what the token said', async (t) => {
  const { registry, key } = await start(t)
  await registry.openLink(bj, hello)
  assert.equal(registry.get(bj)?.site, 'beijing')
  await registry.enrol(sh, { tokenId: 'token 2', tenants: [acme], site: '', key })
  await registry.openLink(sh, hello)
  assert.equal(registry.get(sh)?.site, 'claimed')
})

test('applied and rejected revisions are kept, and an applied one clears the rejection', async (t) => {
  const { base, registry, open } = await start(t)
  await registry.noteRejected(bj, 4, 'data_corrupt', 'digest differs')
  await base.restart()
  const later = await open()
  assert.deepEqual(later.get(bj)?.rejected, { revision: 4, code: 'data_corrupt', message: 'digest differs' })
  await later.noteApplied(bj, 5)
  assert.equal(later.get(bj)?.appliedRevision, 5)
  assert.equal(later.get(bj)?.rejected, undefined)
  for (const bad of [-1, 1.5, Number.NaN, 2 ** 60]) {
    await assert.rejects(later.noteApplied(bj, bad), refused('invalid_argument'))
  }
})

test('an applied revision that is known already writes nothing', async (t) => {
  const { base, registry } = await start(t)
  await registry.noteApplied(bj, 5)
  const before = (await base.system.get('edges', bj))?.version
  await registry.noteApplied(bj, 5)
  assert.equal((await base.system.get('edges', bj))?.version, before)
})

test('last seen is in memory and is written along with the next change', async (t) => {
  const { base, clock, registry, open } = await start(t)
  clock.advance(5_000)
  registry.noteSeen(bj)
  assert.equal(registry.get(bj)?.lastSeenAt, clock.wall())
  assert.equal(registry.list()[0]?.lastSeenAt, clock.wall())
  await registry.noteApplied(bj, 1)
  await base.restart()
  assert.equal((await open()).get(bj)?.lastSeenAt, clock.wall())
})

test('a change of tenants is told once it is durable, and no change is not told', async (t) => {
  const { base, registry, open } = await start(t)
  const told: string[] = []
  const off = registry.onTenants((id) => told.push(id))
  await registry.setTenants(bj, [beta, acme])
  assert.deepEqual(told, [])
  await registry.setTenants(bj, [beta])
  assert.deepEqual(told, [bj])
  off()
  await registry.setTenants(bj, [])
  assert.deepEqual(told, [bj])
  await base.restart()
  assert.deepEqual((await open()).get(bj)?.tenants, [])
})

test('a revoked edge stays revoked: no link, no key, no tenants, no enrolment; listeners are told once', async (t) => {
  const { base, registry, open, key } = await start(t)
  const told: string[] = []
  registry.onRevoked((id) => told.push(`${id} ${registry.get(id)?.revoked}`))
  await registry.revoke(bj, 'user_1')
  await registry.revoke(bj, 'user_2')
  assert.deepEqual(told, ['bj-01 true'])
  assert.equal(registry.keyCounts(bj, 'key a'), false)
  await base.restart()
  const later = await open()
  const denied = refused('permission_denied', /revoked/)
  await assert.rejects(later.openLink(bj, hello), denied)
  await assert.rejects(later.addKey(bj, key), denied)
  await assert.rejects(later.setTenants(bj, [beta]), denied)
  await assert.rejects(later.enrol(bj, { tokenId: 'token 9', tenants: [acme], site: '', key }), denied)
  assert.equal(later.get(bj)?.revoked, true)
})

test('a renewed key counts beside the former one until that expires', async (t) => {
  const { clock, registry } = await start(t)
  await registry.addKey(bj, { spkiSha256: 'key b', notAfter: clock.wall() + 2 * HOUR })
  assert.deepEqual([registry.keyCounts(bj, 'key a'), registry.keyCounts(bj, 'key b')], [true, true])
  assert.equal(registry.keyCounts(bj, 'key c'), false)
  clock.advance(HOUR)
  assert.deepEqual([registry.keyCounts(bj, 'key a'), registry.keyCounts(bj, 'key b')], [false, true])
})

test('enrolled again with another token the former keys count no more; a token seen before changes nothing', async (t) => {
  const { clock, registry, key } = await start(t)
  clock.jumpWall(-10 * HOUR)
  const again = { spkiSha256: 'key b', notAfter: clock.wall() + HOUR }
  await registry.enrol(bj, { tokenId: 'token 2', tenants: [beta], site: 'new', key: again })
  assert.deepEqual([registry.keyCounts(bj, 'key a'), registry.keyCounts(bj, 'key b')], [false, true])
  assert.deepEqual([registry.get(bj)?.tenants, registry.get(bj)?.site], [[beta], 'new'])
  await registry.enrol(bj, { tokenId: 'token 1', tenants: [acme], site: 'old', key })
  assert.deepEqual([registry.keyCounts(bj, 'key a'), registry.get(bj)?.site], [false, 'new'])
})

test('an edge that renews without end keeps its sixteen newest keys', async (t) => {
  const { clock, registry } = await start(t)
  const notAfter = clock.wall() + HOUR
  for (let i = 1; i <= 16; i++) await registry.addKey(bj, { spkiSha256: `key ${i}`, notAfter })
  assert.equal(registry.keyCounts(bj, 'key a'), false)
  assert.ok(registry.keyCounts(bj, 'key 1') && registry.keyCounts(bj, 'key 16'))
  await registry.addKey(bj, { spkiSha256: 'key 1', notAfter })
  assert.ok(registry.keyCounts(bj, 'key 1') && registry.keyCounts(bj, 'key 2'))
})
