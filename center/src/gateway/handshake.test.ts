import assert from 'node:assert/strict'
import { connect as connectTcp, createServer } from 'node:net'
import { test } from 'node:test'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { YizhanError } from '@yizhan/kernel'
import { startTestGateway, TestEdge, type TestGateway, testConfig } from './test-gateway.js'
import { TestCa, type TestCertificate } from './test-pki.js'

/** The code of the error with which a link attempt ended; the registry must not have heard of it. */
async function refusedLink(center: TestGateway, own: TestCertificate, ca = center.ca.cert): Promise<string> {
  const edge = new TestEdge(center.gateway.linkPort, ca, own)
  const code = await edge.connect().code()
  edge.rpc.close()
  assert.deepEqual(center.gateway.links(), [])
  assert.equal(await center.count('yizhan_gateway_refusals_total'), 0, 'no call came as far as a handler')
  return code
}

function tlsSocket(center: TestGateway, options: ConnectionOptions): Promise<TLSSocket | string> {
  return new Promise((resolve) => {
    const base = {
      host: 'localhost',
      port: center.gateway.linkPort,
      ca: center.ca.cert,
      ALPNProtocols: ['h2'],
    }
    const socket = connectTls({ ...base, ...options }, () => resolve(socket))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
  })
}

async function linksStillWork(center: TestGateway): Promise<void> {
  const { link } = await center.edge().link()
  assert.equal(center.gateway.links().length, 1)
  link.call.end()
  assert.equal(await link.code(), 'ok')
}

test('a certificate of another CA is refused in the handshake', async (t) => {
  const center = await startTestGateway(t)
  assert.equal(await refusedLink(center, new TestCa().edge('beijing-1')), 'unavailable')
  await linksStillWork(center)
})

test('a client without a certificate is refused in the handshake', async (t) => {
  const center = await startTestGateway(t)
  const socket = await tlsSocket(center, {})
  // In TLS 1.3 the client is done before the server has judged: the verdict arrives as the end of the connection.
  assert.ok(typeof socket === 'object')
  const end = await new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    socket.on('close', () => resolve('closed'))
    socket.resume()
  })
  assert.equal(end, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')
  await linksStillWork(center)
})

test('a certificate for servers only is refused in the handshake', async (t) => {
  const center = await startTestGateway(t)
  const own = center.ca.edge('beijing-1', { usage: ['server'] })
  assert.equal(await refusedLink(center, own), 'unavailable')
  await linksStillWork(center)
})

test('an expired certificate is refused in the handshake', async (t) => {
  const center = await startTestGateway(t)
  const own = center.ca.edge('beijing-1', { notAfter: Date.now() - 1_000 })
  assert.equal(await refusedLink(center, own), 'unavailable')
})

test('an edge does not talk to a center of another CA', async (t) => {
  const center = await startTestGateway(t)
  const code = await refusedLink(center, center.ca.edge('beijing-1'), new TestCa().cert)
  assert.equal(code, 'unavailable')
})

test('TLS 1.2 is refused, also after a reload', async (t) => {
  const center = await startTestGateway(t)
  const own = center.ca.edge('beijing-1')
  const old = { key: own.key, cert: own.cert, maxVersion: 'TLSv1.2' } as const
  assert.equal(await tlsSocket(center, old), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  assert.equal(
    await tlsSocket(center, { ...old, port: center.gateway.enrollPort }),
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  )
  center.tls.change({ ...center.ca.center(), ca: center.ca.cert })
  assert.equal(await tlsSocket(center, old), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  assert.equal(
    await tlsSocket(center, { ...old, port: center.gateway.enrollPort }),
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  )
  const modern = await tlsSocket(center, { key: own.key, cert: own.cert })
  assert.ok(typeof modern === 'object')
  assert.equal(modern.getProtocol(), 'TLSv1.3')
  modern.destroy()
})

test('a new certificate and a new CA are served without a restart, and open links stay', async (t) => {
  const center = await startTestGateway(t)
  const before = await center.edge().link()
  const nextCa = new TestCa()
  const both = `${center.ca.cert}${nextCa.cert}`
  center.tls.change({ ...nextCa.center(), ca: both })

  const own = nextCa.edge('beijing-1')
  const socket = await tlsSocket(center, { key: own.key, cert: own.cert, ca: nextCa.cert })
  assert.ok(typeof socket === 'object', 'the new certificate is the new CA’s')
  socket.destroy()
  assert.equal(center.gateway.links()[0]?.generation, Number(before.welcome.linkGeneration))

  const after = new TestEdge(center.gateway.linkPort, both, center.ca.edge('beijing-1'))
  const { welcome } = await after.link()
  assert.ok(welcome.linkGeneration > before.welcome.linkGeneration, 'the old CA is still trusted')
  after.rpc.close()

  center.tls.change({ ...nextCa.center(), ca: nextCa.cert })
  const late = new TestEdge(center.gateway.linkPort, both, center.ca.edge('beijing-1'))
  assert.equal(await late.connect().code(), 'unavailable', 'the old CA is no longer trusted')
  late.rpc.close()
})

test('an unusable new certificate is not taken: the old one serves on', async (t) => {
  const center = await startTestGateway(t)
  const { key } = center.ca.center()
  center.tls.change({ key, cert: 'no certificate', ca: center.ca.cert })
  center.tls.change({ key, cert: center.ca.center().cert, ca: center.ca.cert })
  await linksStillWork(center)
})

test('garbage on either port is survived', async (t) => {
  const center = await startTestGateway(t)
  const own = center.ca.edge('beijing-1')
  for (const port of [center.gateway.linkPort, center.gateway.enrollPort]) {
    await new Promise((resolve) => {
      const socket = connectTcp({ host: '127.0.0.1', port }, () =>
        socket.end(Buffer.alloc(4_096, 'garbage ')),
      )
      socket.on('error', resolve)
      socket.on('close', resolve)
      socket.resume()
    })
    const inside = await tlsSocket(center, { port, key: own.key, cert: own.cert })
    assert.ok(typeof inside === 'object')
    const closed = new Promise((resolve) => inside.on('close', resolve).on('error', resolve))
    inside.resume()
    inside.write(Buffer.alloc(4_096, 'GET / HTTP/1.1\r\n\r\n'))
    await closed
  }
  await linksStillWork(center)
})

test('a taken port is named with the setting that changes it', async (t) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.after(() => other.close())
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0
  for (const option of ['linkPort', 'enrollPort'] as const) {
    await assert.rejects(startTestGateway(t, { [option]: port }), (error: YizhanError) => {
      assert.equal(error.code, 'port_taken')
      assert.match(error.hint ?? '', new RegExp(`gateway\\.${option}`))
      return true
    })
  }
})

test('the enrolment port shows the CA to a caller that can only compare its hash', async (t) => {
  const center = await startTestGateway(t)
  const socket = await tlsSocket(center, { port: center.gateway.enrollPort, rejectUnauthorized: false })
  assert.ok(typeof socket === 'object')
  const { issuerCertificate } = socket.getPeerCertificate(true)
  assert.deepEqual(issuerCertificate?.raw, center.ca.der)
  socket.destroy()
})

test('the config has sound defaults', () => {
  const config = testConfig()
  assert.ok(config.keepaliveMs + config.keepaliveTimeoutMs <= 45_000, 'a half-open link is seen within 45 s')
  assert.ok(config.heartbeatMs * 3 <= 45_000)
})
