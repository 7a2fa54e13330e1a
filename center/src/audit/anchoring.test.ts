import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { compileConfig, YizhanError } from '@yizhan/kernel'
import type { ScopeHead } from '../storage/index.js'
import { signAnchor } from './anchor.js'
import { auditConfigSchema } from './anchor-config.js'
import { anchoring, anchorOf, anchorsIn, LOOK_MS, later, MINUTE, secretFile } from './testing/anchoring.js'
import { freePort, httpReceiver, streamReceiver, udpReceiver } from './testing/receivers.js'
import { acme, scratch, stand, tenantId } from './testing/stand.js'

for (const [what, target] of [
  ['two kinds at once', { file: '/a', webhook: { url: 'http://x', secretFile: '/b' } }],
  ['no kind', {}],
  ['a port of 0', { syslog: { host: 'x', port: 0 } }],
  ['an unknown facility', { syslog: { host: 'x', port: 514, facility: 24 } }],
  ['another protocol', { webhook: { url: 'ftp://x', secretFile: '/b' } }],
  ['a webhook without a secret', { webhook: { url: 'https://x' } }],
] as const) {
  test(`settings of a target with ${what} are refused`, () => {
    const compiler = compileConfig(auditConfigSchema)
    assert.equal(compiler.check({ anchor: { to: [target] } }).ok, false)
  })
}

test('settings have defaults, and take every kind of target', () => {
  const compiler = compileConfig(auditConfigSchema)
  const none = compiler.check({})
  assert.ok(none.ok)
  assert.equal(
    JSON.stringify(none.value),
    JSON.stringify({ anchor: { entries: 1_000, everyMs: 15 * MINUTE, to: [] } }),
  )
  const to = [
    { file: '/mnt/log/anchors.jsonl' },
    { syslog: { host: 'log.example', port: 6514, transport: 'tls', caFile: '/etc/ca.pem' } },
    { webhook: { url: 'https://x/anchors', secretFile: '/run/secrets/x' } },
  ]
  const all = compiler.check({ anchor: { to } })
  assert.ok(all.ok)
  assert.equal(JSON.stringify(all.value.anchor.to), JSON.stringify(to))
})

test('a webhook whose secret is missing or short is refused at the start, without the secret in the message', async (t) => {
  const s = await stand(t)
  const short = join(scratch(t), 'short')
  writeFileSync(short, 'only so long')
  for (const path of [short, '/nowhere/at/all']) {
    await assert.rejects(
      anchoring(t, s, [{ webhook: { url: 'http://127.0.0.1:1/', secretFile: path } }]),
      (thrown: unknown) => {
        assert.ok(thrown instanceof YizhanError && thrown.code === 'config_invalid')
        assert.doesNotMatch(thrown.message, /only so long/)
        return true
      },
    )
  }
})

test('the head is anchored at the start, after so many entries, after so long, and at the stop', async (t) => {
  const s = await stand(t)
  const path = join(scratch(t), 'log', 'anchors.jsonl')
  const udp = await udpReceiver(t)
  const syslog = { syslog: { host: '127.0.0.1', port: udp.port } }
  await s.write()
  const a = await anchoring(t, s, [{ file: path }, syslog])
  assert.match(await udp.inbox.next(), /"sequence":1,/)
  await a.delivered()
  await s.write()
  await later(s.clock, LOOK_MS)
  for (let n = 0; n < 2; n++) await s.write()
  await later(s.clock, LOOK_MS)
  // One entry more was not enough, three are.
  assert.match(await udp.inbox.next(), /"sequence":4,/)
  await a.delivered()
  await s.write()
  for (let waited = 0; waited < 15 * MINUTE; waited += LOOK_MS) await later(s.clock, LOOK_MS)
  assert.match(await udp.inbox.next(), /"sequence":5,/)
  await a.delivered()
  await s.write()
  await a.stop()
  assert.match(await udp.inbox.next(), /"sequence":6,/)
  assert.deepEqual(anchorsIn(s, path), [1, 4, 5, 6])
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(udp.inbox.all.length, 4)
  assert.equal(await a.metric('yizhan_audit_anchors_total'), 4)
})

test('what a target lacked when the center stopped it gets after the restart, once', async (t) => {
  const dir = scratch(t)
  const port = await freePort()
  const to = [{ syslog: { host: '127.0.0.1', port, transport: 'tcp' as const } }]
  const first = await stand(t, { dir })
  await first.write()
  const down = await anchoring(t, first, to)
  assert.equal((await down.told.next()).level, 'warn')
  await first.write()
  await down.stop()
  await first.storage.close()
  const receiver = await streamReceiver(t, { port })
  for (let life = 0; life < 2; life++) {
    const s = await stand(t, { dir })
    const up = await anchoring(t, s, to)
    if (life === 0) assert.equal(anchorOf(s, await receiver.inbox.next()).sequence, 2)
    await up.stop()
    await s.storage.close()
  }
  assert.equal(receiver.inbox.all.length, 1)
})

test('one target that is down holds up no other, and what waits is one head for each tenant', async (t) => {
  const s = await stand(t)
  const udp = await udpReceiver(t)
  const down = { syslog: { host: '127.0.0.1', port: await freePort(), transport: 'tcp' as const } }
  for (const name of ['acme', 'clinic']) {
    const entry = { time: s.clock.wall(), actor: 'user_1', action: 'READ', object: 'things' } as const
    await s.store.batch(tenantId(name), [], entry)
  }
  const a = await anchoring(t, s, [down, { syslog: { host: '127.0.0.1', port: udp.port } }])
  await a.told.next()
  for (let n = 2; n <= 5; n++) {
    await s.write()
    await a.anchorNow()
  }
  for (let n = 1; n <= 6; n++) await udp.inbox.next()
  assert.equal(await a.metric('yizhan_audit_anchors_waiting{target="syslog'), 2)
})

test('a file whose last line was cut short, or that was taken away, takes whole lines again', async (t) => {
  const s = await stand(t)
  const path = join(scratch(t), 'anchors.jsonl')
  writeFileSync(path, '{"hash":"half a li')
  await s.write()
  const first = await anchoring(t, s, [{ file: path }])
  await first.stop()
  assert.equal(readFileSync(path, 'utf8').split('\n')[0], '{"hash":"half a li')
  assert.deepEqual(anchorsIn(s, path), [1])
  rmSync(path)
  await s.write()
  const second = await anchoring(t, s, [{ file: path }])
  await second.stop()
  assert.deepEqual(anchorsIn(s, path), [2])
})

test('the anchors in files are known to a verification, and forged ones among them are told and passed over', async (t) => {
  const s = await stand(t)
  const other = await stand(t)
  const path = join(scratch(t), 'anchors.jsonl')
  await s.write()
  const a = await anchoring(t, s, [{ file: path }])
  await a.anchorNow()
  await a.delivered()
  for (let n = 0; n < 3; n++) await s.write()
  await a.stop()
  const forged = signAnchor(other.signer, acme, { sequence: 2, hash: 'f'.repeat(64) }, s.clock.wall())
  appendFileSync(path, `some other line\n${JSON.stringify(forged)}\n`)
  const known = await a.anchors(acme)
  assert.deepEqual(
    known.map(({ sequence }) => sequence),
    [4, 1, 4],
  )
  const told = a.told.all.at(-1)
  assert.deepEqual([told?.level, told?.bad], ['error', [{ line: 4, what: 'unknown-key' }]])
  const signal = new AbortController().signal
  const verdict = await s.auditLog.verify(acme, known, signal)
  assert.deepEqual(verdict.s === 'whole' && verdict.anchors, 3)
})

test('an audit that ends before its anchor is an alarm, and is anchored anew', async (t) => {
  const s = await stand(t)
  const path = join(scratch(t), 'anchors.jsonl')
  for (let n = 0; n < 3; n++) await s.write()
  const heads: ScopeHead[] = []
  const real = await s.store.head(acme)
  assert.ok(real)
  const [second] = (await s.store.audit(acme, { from: 2, limit: 1 })).entries
  heads.push(real, { ...real, auditSequence: 2, auditHash: second?.hash ?? '' })
  const a = await anchoring(t, s, [{ file: path }], { deps: { head: async () => heads[0] } })
  await a.anchorNow()
  await a.delivered()
  heads.shift()
  await a.anchorNow()
  await a.stop()
  assert.equal(await a.metric('yizhan_audit_rollbacks_total'), 1)
  const alarm = a.told.all.find(({ level }) => level === 'error')
  assert.deepEqual([alarm?.tenant, alarm?.ends, alarm?.anchored], ['acme', 2, 3])
  assert.deepEqual(anchorsIn(s, path), [3, 2])
})

test('a tenant whose head cannot be read keeps no other from being anchored', async (t) => {
  const s = await stand(t)
  const path = join(scratch(t), 'anchors.jsonl')
  await s.write()
  const entry = { time: s.clock.wall(), actor: 'user_1', action: 'READ', object: 'things' } as const
  await s.store.batch(tenantId('aaa'), [], entry)
  const a = await anchoring(t, s, [{ file: path }], {
    deps: {
      async head(tenant) {
        if (tenant === 'aaa') throw new YizhanError('data_corrupt', 'the head cannot be read')
        return s.store.head(tenant)
      },
    },
  })
  await a.stop()
  assert.deepEqual(anchorsIn(s, path), [1])
  assert.ok(a.told.all.some(({ level, tenant }) => level === 'error' && tenant === 'aaa'))
})

test('a webhook that never answers does not hold up the stop', async (t) => {
  const s = await stand(t)
  await s.write()
  const hook = await httpReceiver(t, () => undefined)
  const a = await anchoring(t, s, [{ webhook: { url: hook.url, secretFile: secretFile(t) } }])
  await hook.inbox.next()
  const stopping = a.stop()
  await setImmediate()
  await later(s.clock, 3_000)
  await stopping
})
