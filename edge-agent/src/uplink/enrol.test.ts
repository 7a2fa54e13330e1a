import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ManualClock, silentLogger, systemClock, YizhanError } from '@yizhan/kernel'
import { enrol } from './enrol.js'
import { openIdentityStore } from './identity-store.js'
import { TestCa } from './testing/ca.js'
import { startTestCenter, type TestCenter } from './testing/center.js'
import { testDirectory } from './testing/edge.js'
import { EDGE_ID, TRUST_DOMAIN } from './testing/registrar.js'
import { testFiles } from './testing/sealed.js'

const deps = { clock: systemClock, log: silentLogger(), files: testFiles }

function configFor(center: TestCenter, dir: string, token = center.registrar.token) {
  const { signal } = new AbortController()
  return { enrollAddress: center.enrollAddress, token, dir, agentVersion: '0.1.0', signal }
}

const fails = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof YizhanError && error.code === code && message.test(error.message)

function pinOf(ca: TestCa): string {
  return ca.pin.toString('base64url')
}

/** Listens in front of `target` and counts the bytes that clients send after their TLS handshake. */
async function eavesdrop(t: TestContext, target: string) {
  const sockets = new Set<Socket>()
  const seen = { connections: 0 }
  const server = createServer((near) => {
    seen.connections += 1
    const far = connect({ host: '127.0.0.1', port: Number(target.split(':')[1]) })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { address: `127.0.0.1:${port}`, seen }
}

test('a server with another CA gets nothing: one look, no request', async (t) => {
  const center = await startTestCenter(t)
  const { address, seen } = await eavesdrop(t, center.enrollAddress)
  const token = `yzj1.${center.registrar.secret}.${pinOf(new TestCa())}`
  const config = { ...configFor(center, testDirectory(t), token), enrollAddress: address }
  await assert.rejects(
    enrol(deps, config),
    fails('unauthenticated', /not the center that this join token is for/),
  )
  assert.equal(seen.connections, 1)
  assert.equal(center.registrar.enrollments.all.length, 0)
})

test('a server that shows the pinned CA beside a certificate of its own gets nothing', async (t) => {
  const real = new TestCa()
  const ca = new TestCa()
  // Anyone may show the real CA's certificate; the leaf is not issued by it.
  ca.shownInstead = real.certificate
  const impostor = await startTestCenter(t, { ca })
  const token = `yzj1.${impostor.registrar.secret}.${pinOf(real)}`
  const attempt = enrol(deps, configFor(impostor, testDirectory(t), token))
  await assert.rejects(attempt, fails('unauthenticated', /not issued by the pinned CA/))
  assert.equal(impostor.registrar.enrollments.all.length, 0)
})

for (const uri of [`spiffe://${TRUST_DOMAIN}/edge/${EDGE_ID}`, 'https://center.example']) {
  test(`a certificate of the right CA that names ${uri} is no center`, async (t) => {
    const center = await startTestCenter(t, { uri })
    const attempt = enrol(deps, configFor(center, testDirectory(t)))
    await assert.rejects(attempt, fails('unauthenticated', /not a center|not one of ours/))
    assert.equal(center.registrar.enrollments.all.length, 0)
  })
}

test('a token that the center does not know is refused, and nothing is kept but the key', async (t) => {
  const center = await startTestCenter(t)
  const dir = testDirectory(t)
  const token = `yzj1.${randomBytes(16).toString('base64url')}.${pinOf(center.ca)}`
  await assert.rejects(
    enrol(deps, configFor(center, dir, token)),
    fails('permission_denied', /token is not valid/),
  )
  assert.equal(existsSync(join(dir, 'identity.json')), false)
})

test('a clock that is far off is named as such', async (t) => {
  const center = await startTestCenter(t)
  const clock = new ManualClock(Date.now() - 30 * 86_400_000)
  await assert.rejects(
    enrol({ ...deps, clock }, configFor(center, testDirectory(t))),
    fails('clock_skew', /here it is/),
  )
})

test('an edge enrols with the pinned center and keeps what it got, readable by it alone', async (t) => {
  const center = await startTestCenter(t)
  const dir = testDirectory(t)
  const identity = await enrol(deps, configFor(center, dir))
  assert.equal(identity.edgeId, EDGE_ID)
  assert.equal(identity.trustDomain, TRUST_DOMAIN)
  const [request] = center.registrar.enrollments.all
  assert.equal(request?.token, center.registrar.secret)
  assert.equal(statSync(join(dir, 'identity.json')).mode & 0o777, 0o600)
  assert.doesNotMatch(readFileSync(join(dir, 'identity.json'), 'latin1'), /PRIVATE|certificate|bj-01/)
  assert.equal(existsSync(join(dir, 'enrolment-key.pem')), false)
  const kept = await (await openIdentityStore(deps, dir)).load()
  assert.equal(kept?.certificate.fingerprint256, identity.certificate.fingerprint256)
})

test('a call whose answer was lost is repeated with the same key and gets the same certificate', async (t) => {
  const center = await startTestCenter(t)
  const dir = testDirectory(t)
  center.registrar.loseAnswers = 1
  await assert.rejects(enrol(deps, configFor(center, dir)), fails('unavailable', /lost/))
  assert.equal(statSync(join(dir, 'enrolment-key.pem')).mode & 0o777, 0o600)
  assert.doesNotMatch(readFileSync(join(dir, 'enrolment-key.pem'), 'latin1'), /PRIVATE/)
  await enrol(deps, configFor(center, dir))
  const [first, second] = center.registrar.enrollments.all.map(({ csrDer }) =>
    createHash('sha256').update(csrDer).digest('hex'),
  )
  assert.equal(first, second)
})

test('an enrolment can be called off', async (t) => {
  const center = await startTestCenter(t)
  const config = { ...configFor(center, testDirectory(t)), signal: AbortSignal.abort(new Error('stop')) }
  await assert.rejects(enrol(deps, config), /stop/)
})
