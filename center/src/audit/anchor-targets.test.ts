import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@yizhan/kernel'
import { openCa } from '../fleet/index.js'
import { anchoring, anchorOf, later, SECRET, secretFile } from './testing/anchoring.js'
import { httpReceiver, streamReceiver, udpReceiver } from './testing/receivers.js'
import { acme, stand } from './testing/stand.js'

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
