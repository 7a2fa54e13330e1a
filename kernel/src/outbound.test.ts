import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import tls, { type SecureVersion } from 'node:tls'
import { YizhanError } from './errors.js'
import { createOutbound } from './outbound.js'
import { issueByOpenssl } from './testing/openssl.js'
import { requireTls13 } from './tls.js'

interface Host {
  readonly url: string
  readonly port: number
  readonly cert: string
}

/** An HTTPS server that speaks exactly one version of TLS and answers with the version that it saw. */
async function startHost(t: TestContext, version: SecureVersion): Promise<Host | undefined> {
  const issued = issueByOpenssl(t, process.env, 'DNS:localhost')
  if (!issued) return undefined
  const { key, cert } = issued
  const only = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }
  const server = createServer({ key, cert, ...only }, (request, response) => {
    response.end(request.socket instanceof tls.TLSSocket ? request.socket.getProtocol() : 'plain')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `https://localhost:${port}/`, port, cert }
}

function requireTls13During(t: TestContext): void {
  const before = tls.DEFAULT_MIN_VERSION
  t.after(() => {
    tls.DEFAULT_MIN_VERSION = before
  })
  requireTls13(tls)
}

test('after requireTls13 an ordinary client refuses a host that stops at TLS 1.2', async (t) => {
  const host = await startHost(t, 'TLSv1.2')
  if (!host) return
  requireTls13During(t)
  const socket = tls.connect({ port: host.port, host: '127.0.0.1', servername: 'localhost', ca: host.cert })
  const [failure] = await once(socket, 'error').catch((thrown) => [thrown])
  assert.match(String(failure), /protocol version|alert|ssl/i)
})

test('the outbound client still reaches it, and takes 1.3 where the host has it', async (t) => {
  requireTls13During(t)
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const host = await startHost(t, version)
    if (!host) return
    const outbound = createOutbound({ ca: host.cert })
    t.after(() => outbound.close())
    const response = await outbound.fetch(host.url)
    assert.equal(await response.text(), version)
  }
})

test('the outbound client refuses TLS 1.1 and certificates that it does not trust', async (t) => {
  const old = await startHost(t, 'TLSv1.1')
  const stranger = await startHost(t, 'TLSv1.3')
  if (!old || !stranger) return
  const outbound = createOutbound({ ca: old.cert })
  t.after(() => outbound.close())
  await assert.rejects(outbound.fetch(old.url))
  await assert.rejects(outbound.fetch(stranger.url))
})

test('a closed outbound client takes no request, whether it had one before or not', async (t) => {
  const host = await startHost(t, 'TLSv1.3')
  if (!host) return
  for (const hadOne of [false, true]) {
    const outbound = createOutbound({ ca: host.cert })
    if (hadOne) assert.equal(await (await outbound.fetch(host.url)).text(), 'TLSv1.3')
    await outbound.close()
    const closed = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'unavailable'
    await assert.rejects(outbound.fetch(host.url), closed)
    await assert.rejects(outbound.request(host.url), closed)
    await outbound.destroy()
  }
})
