import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TenantId } from '@yizhan/kernel'
import {
  BundleKind,
  DesiredStateSchema,
  fromBinary,
  type SignedDesiredState,
  TenantPhase,
} from '@yizhan/proto'
import { createDesiredStates } from './desired-states.js'
import { openEdgeRegistry } from './edge-registry.js'
import { openSigner } from './signer.js'
import { edge, refused, startBase, tenant } from './testing/fleet.js'

const [bj, sh] = [edge('bj-01'), edge('sh-01')]
const [acme, beta] = [tenant('acme'), tenant('beta')]
const digest = (digit: string) => digit.repeat(64)

async function start(t: TestContext) {
  const base = await startBase(t)
  const signer = await openSigner({ log: base.log }, { dir: join(base.dir, 'keys') })
  const applied = new Map<TenantId, { digest: string; sizeBytes: number; offlineLeaseMs?: number }>()
  const listeners = new Set<(id: TenantId) => void>()
  const bundles = {
    current: (id: TenantId) => applied.get(id),
    onChange(fn: (id: TenantId) => void) {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
    apply(id: TenantId, name: string, offlineLeaseMs?: number) {
      const lease = offlineLeaseMs === undefined ? {} : { offlineLeaseMs }
      applied.set(id, { digest: name, sizeBytes: 1_000, ...lease })
      for (const fn of listeners) fn(id)
    },
    listeners,
  }
  const open = async (maxInFlight = 0) => {
    const { system, clock, log } = base
    const registry = await openEdgeRegistry({ system, clock, log })
    const deps = { system, registry, bundles, signer, clock, maxInFlight }
    return { registry, states: createDesiredStates(deps) }
  }
  const { registry, states } = await open()
  const key = { spkiSha256: 'key', notAfter: base.clock.wall() + 1_000 }
  await registry.enrol(bj, { tokenId: '1', tenants: [beta, acme], site: '', key })
  await registry.enrol(sh, { tokenId: '2', tenants: [beta], site: '', key })
  return { base, clock: base.clock, signer, bundles, registry, states, open }
}

test('how many requests an edge may have at the center is told to it, and another number is another revision', async (t) => {
  const { states, open } = await start(t)
  const before = await states.current(bj)
  const { states: wider } = await open(500)
  const after = await wider.current(bj)
  assert.deepEqual([read(before).policy?.maxInFlight, read(after).policy?.maxInFlight], [0, 500])
  assert.ok(after.revision > before.revision)
})

const read = (signed: SignedDesiredState) => fromBinary(DesiredStateSchema, signed.payload)

test('an unknown edge has no state and a revoked one gets none', async (t) => {
  const { registry, states } = await start(t)
  await assert.rejects(states.current(edge('nobody')), refused('not_found'))
  await registry.revoke(bj, 'user_1')
  await assert.rejects(states.current(bj), refused('permission_denied', /revoked/))
})

test('a bundle without a SHA-256 digest is our own fault, and no state comes of it', async (t) => {
  const { base, bundles, states } = await start(t)
  for (const bad of ['', 'zz', digest('A'), `${digest('a')}\n`]) {
    bundles.apply(acme, bad)
    await assert.rejects(states.current(bj), refused('internal', /digest/))
  }
  assert.equal(await base.system.get('desired-states', bj), undefined)
})

test('a state names the tenants that have a bundle, sorted, with their digests', async (t) => {
  const { clock, bundles, states } = await start(t)
  bundles.apply(beta, digest('b'))
  const first = await states.current(bj)
  assert.deepEqual(
    read(first).tenants.map((served) => served.tenantId),
    ['beta'],
  )
  bundles.apply(acme, digest('a'))
  const state = read(await states.current(bj))
  assert.equal(state.revision, 2n)
  assert.equal(state.edgeId, bj)
  assert.equal(state.createdMs, BigInt(clock.wall()))
  assert.deepEqual(
    state.tenants.map(({ tenantId, phase, bundleDigest }) => [
      tenantId,
      phase,
      Buffer.from(bundleDigest).toString('hex'),
    ]),
    [
      ['acme', TenantPhase.SERVING, digest('a')],
      ['beta', TenantPhase.SERVING, digest('b')],
    ],
  )
  assert.deepEqual(
    state.bundles.map(({ tenantId, kind, sizeBytes, digest: bytes }) => [
      tenantId,
      kind,
      sizeBytes,
      bytes.length,
    ]),
    [
      ['acme', BundleKind.TENANT, 1_000n, 32],
      ['beta', BundleKind.TENANT, 1_000n, 32],
    ],
  )
  assert.ok(state.policy)
})

test('the signature holds over the context and the payload, and over nothing else', async (t) => {
  const { signer, states } = await start(t)
  const signed = await states.current(bj)
  const [published] = signer.publicKeys
  assert.ok(published)
  assert.equal(signed.keyId, published.keyId)
  const key = createPublicKey({ key: Buffer.from(published.spkiDer), format: 'der', type: 'spki' })
  const holds = (bytes: Uint8Array) => verify(null, bytes, key, signed.signature)
  assert.ok(holds(Buffer.concat([Buffer.from('yizhan-desired-state-v1\n'), signed.payload])))
  assert.equal(holds(signed.payload), false)
})

test('the same content is the same state, byte for byte, also later, at once and after a restart', async (t) => {
  const { base, clock, bundles, states, open } = await start(t)
  bundles.apply(acme, digest('a'))
  const all = await Promise.all(Array.from({ length: 20 }, () => states.current(bj)))
  assert.deepEqual(new Set(all.map((state) => state.revision)), new Set([1]))
  clock.advance(60_000)
  bundles.apply(acme, digest('a'))
  assert.deepEqual(await states.current(bj), all[0])
  await base.restart()
  assert.deepEqual(await (await open()).states.current(bj), all[0])
})

test('the revision grows with each change, a roll-back included, and each edge has its own', async (t) => {
  const { base, bundles, registry, states, open } = await start(t)
  bundles.apply(acme, digest('a'))
  assert.equal((await states.current(bj)).revision, 1)
  bundles.apply(acme, digest('b'))
  assert.equal((await states.current(bj)).revision, 2)
  await base.restart()
  const later = await open()
  bundles.apply(acme, digest('a'))
  assert.equal((await later.states.current(bj)).revision, 3)
  await later.registry.setTenants(bj, [beta])
  const without = await later.states.current(bj)
  assert.equal(without.revision, 4)
  assert.deepEqual(read(without).tenants, [])
  assert.equal((await later.states.current(sh)).revision, 1)
  assert.equal(registry.get(sh)?.revoked, false)
})

test('an edge that is ahead of a restored store gets a revision above its own', async (t) => {
  const { registry, states } = await start(t)
  assert.equal((await states.current(bj)).revision, 1)
  await registry.noteApplied(bj, 40)
  assert.equal((await states.current(bj)).revision, 41)
  await registry.noteApplied(bj, 41)
  assert.equal((await states.current(bj)).revision, 41)
  await registry.noteRejected(bj, 50, 'data_corrupt', 'x')
  assert.equal((await states.current(bj)).revision, 51)
})

test('a revision that no center ever gave does not push the count to its end', async (t) => {
  const { registry, states } = await start(t)
  await registry.noteApplied(bj, Number.MAX_SAFE_INTEGER)
  assert.equal((await states.current(bj)).revision, 1)
})

test('a state that cannot be read is damage, not a new beginning', async (t) => {
  const { base, states } = await start(t)
  await states.current(bj)
  await base.system.batch([
    { op: 'put', collection: 'desired-states', key: bj, value: new Uint8Array([0xff, 0xff]) },
  ])
  await assert.rejects(states.current(bj), refused('data_corrupt', /desired state of bj-01/))
})

test('listeners hear which edges a bundle or a change of tenants is about, until they leave', async (t) => {
  const { bundles, registry, states } = await start(t)
  const heard: string[] = []
  const off = states.onChange((edges) => heard.push(edges.join()))
  bundles.apply(beta, digest('b'))
  bundles.apply(acme, digest('a'))
  bundles.apply(tenant('nobody'), digest('c'))
  await registry.setTenants(sh, [acme])
  await registry.revoke(bj, 'user_1')
  bundles.apply(acme, digest('d'))
  assert.deepEqual(heard, ['bj-01,sh-01', 'bj-01', 'sh-01', 'sh-01'])
  off()
  bundles.apply(acme, digest('e'))
  await registry.setTenants(sh, [beta])
  assert.equal(heard.length, 4)
  assert.equal(bundles.listeners.size, 0)
})

test('an edge gets the shortest offline lease of its tenants, and none if no tenant has one', async (t) => {
  const { bundles, states } = await start(t)
  const leaseOf = async () => read(await states.current(bj)).policy?.offlineLeaseMs
  bundles.apply(acme, digest('a'))
  bundles.apply(beta, digest('b'), 0)
  assert.equal(await leaseOf(), 0n)
  bundles.apply(acme, digest('a'), 90_000_000)
  assert.equal(await leaseOf(), 90_000_000n)
  bundles.apply(beta, digest('b'), 3_600_000)
  assert.equal(await leaseOf(), 3_600_000n)
  assert.equal(read(await states.current(sh)).policy?.offlineLeaseMs, 3_600_000n)
})
