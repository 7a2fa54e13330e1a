import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { ManualClock, parseIdentity, silentLogger } from '@yizhan/kernel'
import { type CertificateAuthority, openCa } from './certificate-authority.js'
import { edge, placeCa, refused, scratch, TRUST_DOMAIN } from './testing/fleet.js'
import { dnsName, rsaKey, signingRequest, uriName } from './testing/made-request.js'

const DAY = 24 * 3_600_000
const bj = edge('bj-01')
const key = rsaKey()
const request = signingRequest({ privateKey: key })

// The real time, because TLS and openssl look at the dates.
const NOW = Date.now()

async function startCa(t: TestContext) {
  const dir = join(await scratch(t), 'ca')
  await placeCa(dir, NOW)
  const clock = new ManualClock(NOW)
  const deps = { clock, log: silentLogger() }
  const open = (trustDomain = TRUST_DOMAIN) => openCa(deps, { dir, trustDomain })
  return { dir, clock, open, path: join(dir, 'ca.pem'), ca: await open() }
}

test('a request for more names and for CA:TRUE gets a certificate with one name and no CA', async (t) => {
  const { ca } = await startCa(t)
  const greedy = signingRequest({
    privateKey: key,
    altNames: [
      uriName('spiffe://yizhan.test/edge/sh-02'),
      dnsName('center.example'),
      uriName('spiffe://yizhan.test/center'),
    ],
    wantsCa: true,
  })
  const certificate = new X509Certificate(ca.issueEdge(greedy, bj, DAY))
  assert.equal(certificate.subjectAltName, 'URI:spiffe://yizhan.test/edge/bj-01')
  assert.equal(certificate.ca, false)
  assert.equal(certificate.subject, 'O=Yizhan\nCN=bj-01')
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
})

test('an edge certificate is an identity that the kernel reads, with the key of the request and the dates asked for', async (t) => {
  const { ca, clock } = await startCa(t)
  const der = ca.issueEdge(request, bj, 7 * DAY)
  const identity = parseIdentity(der)
  assert.equal(identity.kind, 'edge')
  assert.equal(identity.kind === 'edge' && identity.edgeId, bj)
  assert.equal(identity.trustDomain, 'yizhan.test')
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  assert.equal(identity.spkiSha256, createHash('sha256').update(spki).digest('hex'))
  assert.equal(identity.notAfter, Math.floor((clock.wall() + 7 * DAY) / 1_000) * 1_000)
  assert.equal(identity.notBefore, Math.floor((clock.wall() - 5 * 60_000) / 1_000) * 1_000)
  assert.ok(new X509Certificate(der).verify(createPublicKey(ca.certificatePem)))
})

test('serial numbers have 127 random bits and are never alike', async (t) => {
  const { ca } = await startCa(t)
  const serials = Array.from({ length: 50 }, () => parseIdentity(ca.issueEdge(request, bj, DAY)).serial)
  assert.equal(new Set(serials).size, 50)
  assert.ok(serials.every((serial) => serial.length === 32 && Number.parseInt(serial.slice(0, 2), 16) < 0x80))
})

test('a certificate for minutes is dated back by less than its own life, and none outlives the CA', async (t) => {
  const { ca, clock } = await startCa(t)
  const short = parseIdentity(ca.issueEdge(request, bj, 60_000))
  assert.ok(clock.wall() - short.notBefore <= 31_000)
  const long = parseIdentity(ca.issueEdge(request, bj, 20 * 365 * DAY))
  assert.equal(long.notAfter, Date.parse(new X509Certificate(ca.certificateDer).validTo))
  assert.throws(() => ca.issueEdge(request, bj, 0), refused('invalid_argument'))
})

test('the CA is the same after a restart, and its key is for its owner only', async (t) => {
  const { ca, open, path } = await startCa(t)
  const again = await open()
  assert.deepEqual(again.certificateDer, ca.certificateDer)
  assert.equal(again.spkiSha256, ca.spkiSha256)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await chmod(path, 0o644)
  await open()
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('of several starts at the same time one makes the CA and all use it', async (t) => {
  const dir = join(await scratch(t), 'ca')
  const deps = { clock: new ManualClock(Date.now()), log: silentLogger() }
  const started = await Promise.all(
    Array.from({ length: 3 }, () => openCa(deps, { dir, trustDomain: 'yizhan.test' })),
  )
  assert.equal(new Set(started.map((ca) => ca.spkiSha256)).size, 1)
  assert.equal((await openCa(deps, { dir, trustDomain: 'yizhan.test' })).spkiSha256, started[0]?.spkiSha256)
})

test('a damaged CA stops the start and is left as it is', async (t) => {
  const { open, path, dir } = await startCa(t)
  const whole = await readFile(path, 'utf8')
  const other = await openCa(
    { clock: new ManualClock(Date.now()), log: silentLogger() },
    { dir: `${dir}2`, trustDomain: 'yizhan.test' },
  )
  const otherKey = (await readFile(join(`${dir}2`, 'ca.pem'), 'utf8')).slice(other.certificatePem.length)
  const damaged = [
    '',
    'garbage',
    whole.slice(0, 200),
    whole.slice(0, whole.indexOf('-----BEGIN PRIVATE')),
    whole.slice(whole.indexOf('-----BEGIN PRIVATE')),
    whole.slice(0, whole.indexOf('-----BEGIN PRIVATE')) + otherKey,
    other.certificatePem + otherKey,
  ]
  for (const content of damaged) {
    await writeFile(path, content)
    await assert.rejects(open(), refused('data_corrupt', /ca\.pem/))
    assert.equal(await readFile(path, 'utf8'), content)
  }
  await rm(path)
  await assert.rejects(open(), refused('data_corrupt', /key is gone/))
  await writeFile(path, whole)
  await open()
})

test('another trust domain, or one that is none, is a config error', async (t) => {
  const { open } = await startCa(t)
  await assert.rejects(open('other.test'), refused('config_invalid', /another trust domain/))
  for (const bad of ['', 'UPPER.test', 'a..b', '-a', 'a/b', 'a b']) {
    await assert.rejects(open(bad), refused('config_invalid', /trust domain/))
  }
})

test('a clock before the first day of the CA is called by its name, and so is an expired CA', async (t) => {
  const { open, clock } = await startCa(t)
  clock.jumpWall(-DAY)
  await assert.rejects(open(), refused('clock_skew', /clock/))
  clock.jumpWall(DAY + 10 * 366 * DAY)
  await assert.rejects(open(), refused('failed_precondition', /expired/))
})

test('names and addresses for the server certificate are checked', async (t) => {
  const { ca } = await startCa(t)
  for (const dns of ['', 'a b', '*.example', 'a,DNS:b', '127.0.0.1', 'a\0b', `${'a'.repeat(64)}.b`]) {
    await assert.rejects(
      ca.issueServer({ dnsNames: [dns], ips: [], ttlMs: DAY }),
      refused('invalid_argument'),
    )
  }
  await assert.rejects(
    ca.issueServer({ dnsNames: [], ips: ['localhost'], ttlMs: DAY }),
    refused('invalid_argument'),
  )
})

test('the server certificate has the identity of the center and the names under which it is reached', async (t) => {
  const { ca } = await startCa(t)
  const server = await ca.issueServer({
    dnsNames: ['localhost', 'center.example'],
    ips: ['127.0.0.1', '::1'],
    ttlMs: DAY,
  })
  const certificate = new X509Certificate(server.certificatePem)
  assert.equal(parseIdentity(certificate.raw).kind, 'center')
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  assert.ok(certificate.checkPrivateKey(createPrivateKey(server.keyPem)))
  assert.deepEqual(certificate.subjectAltName?.split(', '), [
    'URI:spiffe://yizhan.test/center',
    'DNS:localhost',
    'DNS:center.example',
    'IP Address:127.0.0.1',
    'IP Address:0:0:0:0:0:0:0:1',
  ])
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'])
})

test('TLS 1.3 takes both certificates for what they are, and neither for the other', async (t) => {
  const { ca } = await startCa(t)
  const server = await ca.issueServer({ dnsNames: ['localhost'], ips: ['127.0.0.1'], ttlMs: DAY })
  const clientCert = new X509Certificate(ca.issueEdge(request, bj, DAY)).toString()
  const clientKey = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  const good = { cert: clientCert, key: clientKey }
  const own = { cert: server.certificatePem, key: server.keyPem }
  assert.equal(await handshake(t, ca, own, good), 'bj-01')
  assert.match(await handshake(t, ca, own, own), /certificate|unsuitable|closed|hang up/i)
  assert.match(await handshake(t, ca, good, good), /purpose|altnames|unsuitable/i)
  assert.match(await handshake(t, ca, own, {}), /certificate|closed|hang up/i)
})

test('openssl accepts the chain for its purpose only', async (t) => {
  if (spawnSync('openssl', ['version']).status !== 0) {
    assert.notEqual(process.env.YIZHAN_TEST_REQUIRE, 'all', 'the command openssl is missing')
    return t.skip('SKIPPED: the command openssl is missing')
  }
  const { ca, path, dir } = await startCa(t)
  const edgePem = join(dir, 'edge.pem')
  await writeFile(edgePem, new X509Certificate(ca.issueEdge(request, bj, DAY)).toString())
  const serverPem = join(dir, 'server.pem')
  await writeFile(
    serverPem,
    (await ca.issueServer({ dnsNames: ['localhost'], ips: [], ttlMs: DAY })).certificatePem,
  )
  const verify = (purpose: string, file: string) =>
    spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', path, file], {
      encoding: 'utf8',
    })
  assert.equal(verify('sslclient', edgePem).status, 0, verify('sslclient', edgePem).stderr)
  assert.notEqual(verify('sslserver', edgePem).status, 0)
  assert.equal(verify('sslserver', serverPem).status, 0, verify('sslserver', serverPem).stderr)
  assert.notEqual(verify('sslclient', serverPem).status, 0)
  const { stdout } = spawnSync('openssl', ['x509', '-in', edgePem, '-noout', '-text'], { encoding: 'utf8' })
  assert.match(stdout, /CA:FALSE/)
  assert.match(stdout, /TLS Web Client Authentication/)
  assert.match(stdout, /X509v3 Subject Key Identifier/)
  assert.match(stdout, /X509v3 Authority Key Identifier/)
  assert.doesNotMatch(stdout, /TLS Web Server|Certificate Sign|DNS:/)
})

interface Shown {
  readonly cert?: string
  readonly key?: string
}

/** The CN that the server saw, or why one side refused. */
async function handshake(
  t: TestContext,
  ca: CertificateAuthority,
  server: Shown,
  client: Shown,
): Promise<string> {
  const tls = { ca: ca.certificatePem, minVersion: 'TLSv1.3' as const }
  const listener = createServer({ ...tls, ...server, requestCert: true, rejectUnauthorized: true })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => listener.close(resolve)))
  const address = listener.address()
  assert.ok(typeof address === 'object' && address)
  return new Promise((resolve) => {
    listener.on('secureConnection', (socket) => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.on('error', () => undefined)
      socket.end()
    })
    listener.on('tlsClientError', (error) => resolve(error.message))
    const socket = connect({ ...tls, ...client, host: '127.0.0.1', port: address.port })
    socket.on('error', (error) => resolve(error.message))
    socket.resume()
  })
}
