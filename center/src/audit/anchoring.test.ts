import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  compileConfig,
  createLogger,
  createMetrics,
  createOutbound,
  type ManualClock,
  systemClock,
  YizhanError,
} from '@yizhan/kernel'
import { openCa } from '../fleet/index.js'
import type { ScopeHead } from '../storage/index.js'
import { anchorInLine, anchorKeys, checkAnchor, signAnchor } from './anchor.js'
import { type AnchorConfig, type AnchorTargetConfig, auditConfigSchema } from './anchor-config.js'
import { type AnchoringDeps, startAnchoring } from './anchoring.js'
import { freePort, httpReceiver, Inbox, streamReceiver, udpReceiver } from './testing/receivers.js'
import { acme, type Stand, scratch, stand, tenantId } from './testing/stand.js'

const MINUTE = 60_000
const LOOK_MS = 30_000
const SECRET = 'a secret of the webhook'

/** The moment at which so many wait for the clock, then so much later. */
async function later(clock: ManualClock, ms: number, waiting = 1): Promise<void> {
  while (clock.pending < waiting) await setImmediate()
  clock.advance(ms)
}

/** An anchoring beside a storage, stopped with the test; `told` has its log. */
async function anchoring(
  t: TestContext,
  s: Stand,
  to: readonly AnchorTargetConfig[],
  more: Partial<AnchorConfig> & { readonly deps?: Partial<AnchoringDeps> } = {},
) {
  const outbound = createOutbound()
  const metrics = createMetrics()
  const told = new Inbox<Record<string, unknown>>()
  const log = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => told.put(JSON.parse(line)) },
  })
  const { deps = {}, ...config } = more
  const running = await startAnchoring(
    {
      tenants: () => s.upkeep.tenantIds(),
      head: (tenant) => s.store.head(tenant),
      system: s.system,
      signer: s.signer,
      fetch: outbound.fetch,
      clock: s.clock,
      log,
      metrics,
      hostname: 'center 1',
      random: () => 1,
      ...deps,
    },
    { entries: 3, everyMs: 15 * MINUTE, to: [...to], ...config },
  )
  let stopped = false
  const stop = async () => {
    stopped = true
    await running.stop('the test says so')
    await running.done
    await outbound.close()
  }
  t.after(async () => {
    if (!stopped) await stop()
  })
  const metric = async (name: string) => {
    const line = (await metrics.render()).split('\n').find((one) => one.startsWith(name))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  /** Once every target has what there is. */
  const delivered = async () => {
    const waits = /^yizhan_audit_anchors_waiting\{.*\} [1-9]/m
    while (waits.test(await metrics.render())) await setImmediate()
  }
  return {
    anchors: running.anchors.bind(running),
    anchorNow: running.anchorNow.bind(running),
    stop,
    told,
    metric,
    delivered,
  }
}

function secretFile(t: TestContext): string {
  const path = join(scratch(t), 'secret')
  writeFileSync(path, `${SECRET}\n`, { mode: 0o600 })
  return path
}

function anchorOf(s: Stand, text: string) {
  const anchor = anchorInLine(text)
  assert.ok(anchor, text)
  assert.equal(checkAnchor(anchor, anchorKeys(s.signer.publicKeys)), 'valid')
  return anchor
}

function anchorsIn(s: Stand, path: string): number[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => (line.startsWith('{"hash') && line.endsWith('}') ? [anchorOf(s, line).sequence] : []))
}

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

test('a message of syslog is one of RFC 5424, over UDP, and over TCP and TLS with counted octets', async (t) => {
  const s = await stand(t)
  await s.write()
  const ca = await openCa(
    { clock: systemClock, log: s.log },
    { dir: join(s.dir, 'ca'), trustDomain: 'test.local' },
  )
  const certificate = await ca.issueServer({ dnsNames: [], ips: ['127.0.0.1'], ttlMs: 3_600_000 })
  const caFile = join(s.dir, 'syslog-ca.pem')
  writeFileSync(caFile, ca.certificatePem)
  const udp = await udpReceiver(t)
  const tcp = await streamReceiver(t)
  const tls = await streamReceiver(t, { tls: { key: certificate.keyPem, cert: certificate.certificatePem } })
  const at = { host: '127.0.0.1' } as const
  await anchoring(t, s, [
    { syslog: { ...at, port: udp.port } },
    { syslog: { ...at, port: tcp.port, transport: 'tcp', facility: 4 } },
    { syslog: { ...at, port: tls.port, transport: 'tls', caFile } },
  ])
  for (const [receiver, priority] of [
    [udp, 13 * 8 + 5],
    [tcp, 4 * 8 + 5],
    [tls, 13 * 8 + 5],
  ] as const) {
    const message = await receiver.inbox.next()
    const [, pri, time, json = ''] =
      /^<(\d+)>1 (\S+) center1 yizhan-center - audit-anchor - (\{.*\})$/.exec(message) ?? []
    assert.equal(pri, String(priority), message)
    const anchor = anchorOf(s, json)
    assert.deepEqual([anchor.time, anchor.sequence], [time, 1])
    // What a log daemon writes in front of it is no hindrance.
    assert.deepEqual(anchorOf(s, message), anchor)
  }
})

test('a receiver of TLS with a certificate of somebody else gets nothing', async (t) => {
  const s = await stand(t)
  await s.write()
  const open = async (name: string) =>
    openCa({ clock: systemClock, log: s.log }, { dir: join(s.dir, name), trustDomain: 'test.local' })
  const [ours, theirs] = [await open('ours'), await open('theirs')]
  const { keyPem, certificatePem } = await theirs.issueServer({
    dnsNames: [],
    ips: ['127.0.0.1'],
    ttlMs: 3_600_000,
  })
  const caFile = join(s.dir, 'syslog-ca.pem')
  writeFileSync(caFile, ours.certificatePem)
  const tls = await streamReceiver(t, { tls: { key: keyPem, cert: certificatePem } })
  const a = await anchoring(t, s, [
    { syslog: { host: '127.0.0.1', port: tls.port, transport: 'tls', caFile } },
  ])
  const warned = await a.told.next()
  assert.equal(warned.level, 'warn')
  await a.stop()
  assert.deepEqual(tls.inbox.all, [])
})

test('a request to a webhook is signed with time and nonce', async (t) => {
  const s = await stand(t)
  await s.write()
  const hook = await httpReceiver(t)
  await anchoring(t, s, [{ webhook: { url: hook.url, secretFile: secretFile(t) } }])
  const { headers, body } = await hook.inbox.next()
  const { anchors } = JSON.parse(body)
  assert.equal(anchorOf(s, JSON.stringify(anchors[0])).sequence, 1)
  const timestamp = headers['x-yizhan-timestamp']
  const nonce = headers['x-yizhan-nonce']
  assert.equal(Number(timestamp), Math.floor(s.clock.wall() / 1_000))
  assert.match(String(nonce), /^[0-9a-f]{32}$/)
  const mac = createHmac('sha256', SECRET).update(`${timestamp}.${nonce}.${body}`).digest('hex')
  assert.equal(headers['x-yizhan-signature'], `v1=${mac}`)
})

test('a webhook that fails for a while is asked ever more rarely, and then gets the newest head alone', async (t) => {
  const s = await stand(t)
  await s.write()
  const answers = [503, 302, 500]
  const hook = await httpReceiver(t, () => answers.shift() ?? 200)
  const a = await anchoring(t, s, [{ webhook: { url: hook.url, secretFile: secretFile(t) } }])
  const sent = async () => {
    const { body, headers } = await hook.inbox.next()
    return { sequence: JSON.parse(body).anchors[0].sequence, nonce: headers['x-yizhan-nonce'] }
  }
  const first = await sent()
  assert.equal(first.sequence, 1)
  const warned = await a.told.next()
  assert.deepEqual([warned.level, warned.waiting, warned.failures], ['warn', 1, 1])
  assert.doesNotMatch(JSON.stringify(warned), new RegExp(SECRET))
  assert.equal(await a.metric('yizhan_audit_anchors_waiting'), 1)
  const entry = { time: s.clock.wall(), actor: 'user_1', action: 'READ', object: 'things' } as const
  for (let n = 0; n < 3; n++) await s.store.batch(acme, [], entry)
  await a.anchorNow()
  // One timer looks for new entries, the other is the wait: 1 s, then 2 s, then 4 s.
  await later(s.clock, 999, 2)
  assert.equal(hook.inbox.all.length, 1)
  await later(s.clock, 1, 2)
  const second = await sent()
  assert.equal(second.sequence, 4)
  assert.notEqual(second.nonce, first.nonce)
  await a.told.next()
  assert.ok(((await a.metric('yizhan_audit_anchor_lag_seconds')) ?? 0) >= 1)
  await later(s.clock, 2_000, 2)
  await sent()
  await a.told.next()
  await later(s.clock, 4_000, 2)
  assert.equal((await sent()).sequence, 4)
  const again = await a.told.next()
  assert.equal(again.msg, 'audit anchors are delivered again')
  await a.stop()
  assert.equal(hook.inbox.all.length, 4)
  assert.equal(await a.metric('yizhan_audit_anchor_failures_total'), 3)
  assert.equal(await a.metric('yizhan_audit_anchors_waiting'), 0)
  assert.equal(await a.metric('yizhan_audit_anchor_lag_seconds'), 0)
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
