import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseIdentity, YizhanError } from '@yizhan/kernel'
import { openCa } from './certificate-authority.js'
import { openEdgeRegistry } from './edge-registry.js'
import { createEnrollment, type EnrollmentEvent } from './enrollment.js'
import { parseJoinToken } from './join-token-format.js'
import { createJoinTokens } from './join-tokens.js'
import { openSigner } from './signer.js'
import { readSigningRequest } from './signing-request.js'
import { edge, placeCa, refused, startBase, TRUST_DOMAIN, tenant } from './testing/fleet.js'
import { rsaKey, signingRequest } from './testing/made-request.js'

const HOUR = 3_600_000
const bj = edge('bj-01')
const [keyA, keyB] = [rsaKey(), rsaKey()]
const [requestA, requestB] = [signingRequest({ privateKey: keyA }), signingRequest({ privateKey: keyB })]

async function start(t: TestContext, limits = { perSource: 1_000, overall: 1_000 }) {
  const base = await startBase(t)
  const { system, clock, log } = base
  await placeCa(join(base.dir, 'ca'), clock.wall())
  const ca = await openCa({ clock, log }, { dir: join(base.dir, 'ca'), trustDomain: TRUST_DOMAIN })
  const signer = await openSigner({ log }, { dir: join(base.dir, 'ca') })
  const registry = await openEdgeRegistry({ system, clock, log })
  const tokens = createJoinTokens({ system, ca, registry, clock, log }, { limits })
  const events: EnrollmentEvent[] = []
  const state = { auditFails: false }
  const audit = async (event: EnrollmentEvent) => {
    if (state.auditFails) throw new YizhanError('disk_full', 'no room for the audit')
    events.push(event)
  }
  const enrollment = createEnrollment(
    { ca, tokens, registry, signer, clock, log, audit },
    { edgeTtlMs: 24 * HOUR },
  )
  const newToken = async (edgeId = bj) =>
    parseJoinToken(
      await tokens.create({
        edgeId,
        tenants: [tenant('acme')],
        site: 'beijing',
        ttlMs: HOUR,
        actor: 'user_1',
      }),
    ).secret
  const enroll = (token: string, csrDer: Uint8Array) =>
    enrollment.enroll({ token, csrDer, agentVersion: '0.1.0', address: '192.0.2.7:4711' })
  return { ca, clock, registry, signer, enrollment, events, state, newToken, enroll }
}

test('bad requests are refused and leave the token good', async (t) => {
  const { registry, newToken, enroll } = await start(t)
  const token = await newToken()
  await assert.rejects(enroll('', requestA), refused('unauthenticated'))
  await assert.rejects(enroll(token.slice(1), requestA), refused('unauthenticated'))
  await assert.rejects(enroll(token, new Uint8Array()), refused('invalid_argument'))
  await assert.rejects(enroll(token, new Uint8Array(5 * 1024)), refused('too_large'))
  await assert.rejects(
    enroll(token, signingRequest({ privateKey: rsaKey(1_024) })),
    refused('invalid_argument', /1024/),
  )
  assert.equal(registry.get(bj), undefined)
  assert.equal((await enroll(token, requestA)).edgeId, bj)
})

test('a caller without a good token never gets as far as the signing request', async (t) => {
  const { enroll } = await start(t)
  await assert.rejects(
    enroll(Buffer.alloc(32, 1).toString('base64url'), new Uint8Array([1])),
    refused('unauthenticated'),
  )
})

test('an enrolled edge has a certificate, the CA, the signing keys, and is in the registry', async (t) => {
  const { ca, registry, signer, events, newToken, enroll } = await start(t)
  const issued = await enroll(await newToken(), requestA)
  const identity = parseIdentity(issued.certificateDer)
  assert.equal(identity.uri, 'spiffe://yizhan.test/edge/bj-01')
  assert.equal(issued.trustDomain, 'yizhan.test')
  assert.deepEqual(issued.caDer, [ca.certificateDer])
  assert.deepEqual(issued.signingKeys, signer.publicKeys)
  assert.deepEqual(registry.get(bj)?.tenants, ['acme'])
  assert.equal(registry.get(bj)?.site, 'beijing')
  assert.ok(registry.keyCounts(bj, identity.spkiSha256))
  assert.deepEqual(
    events.map(({ type, edgeId, serial }) => [type, edgeId, serial]),
    [['enrolled', bj, identity.serial]],
  )
})

test('a lost answer burns nothing: the same token and key get the same bytes, another key nothing', async (t) => {
  const { registry, newToken, enroll } = await start(t)
  const token = await newToken()
  const first = await enroll(token, requestA)
  assert.deepEqual((await enroll(token, requestA)).certificateDer, first.certificateDer)
  await assert.rejects(enroll(token, requestB), refused('permission_denied', /another key/))
  assert.equal(registry.keyCounts(bj, parseIdentity(first.certificateDer).spkiSha256), true)
})

test('of two keys that use a token at once one is enrolled, and only its certificate counts', async (t) => {
  const { registry, newToken, enroll } = await start(t)
  const token = await newToken()
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => enroll(token, i % 2 ? requestA : requestB)),
  )
  const certificates = results.flatMap((result) =>
    result.status === 'fulfilled' ? [result.value.certificateDer] : [],
  )
  assert.equal(certificates.length, 10)
  assert.equal(new Set(certificates.map((der) => Buffer.from(der).toString('hex'))).size, 1)
  const counts = [requestA, requestB].map((csr) => registry.keyCounts(bj, spkiOf(csr)))
  assert.deepEqual(counts.filter(Boolean).length, 1)
})

test('a failed audit gives no certificate; once it works again the same token goes on', async (t) => {
  const { registry, state, newToken, enroll, enrollment } = await start(t)
  const token = await newToken()
  state.auditFails = true
  await assert.rejects(enroll(token, requestA), refused('disk_full'))
  assert.equal(registry.get(bj), undefined)
  state.auditFails = false
  await enroll(token, requestA)
  state.auditFails = true
  await assert.rejects(enrollment.renew(bj, requestB), refused('disk_full'))
  assert.equal(registry.keyCounts(bj, spkiOf(requestB)), false)
})

test('a token for an edge that was revoked meanwhile is worth nothing', async (t) => {
  const { registry, newToken, enroll } = await start(t)
  const early = await newToken()
  await enroll(await newToken(), requestA)
  await registry.revoke(bj, 'user_1')
  await assert.rejects(enroll(early, requestB), refused('permission_denied', /revoked/))
  await assert.rejects(newToken(), refused('failed_precondition', /revoked/))
})

test('guessing tokens is stopped by address', async (t) => {
  const { newToken, enroll } = await start(t, { perSource: 3, overall: 100 })
  const token = await newToken()
  for (let i = 0; i < 3; i++)
    await assert.rejects(
      enroll(Buffer.alloc(32, i).toString('base64url'), requestA),
      refused('unauthenticated'),
    )
  await assert.rejects(enroll(token, requestA), refused('overloaded'))
})

test('a renewal gives a fresh certificate for the new key, and the former one counts on', async (t) => {
  const { clock, registry, events, newToken, enroll, enrollment } = await start(t)
  const first = parseIdentity((await enroll(await newToken(), requestA)).certificateDer)
  clock.advance(12 * HOUR)
  const second = parseIdentity((await enrollment.renew(bj, requestB)).certificateDer)
  assert.equal(second.uri, first.uri)
  assert.notEqual(second.serial, first.serial)
  assert.equal(second.notAfter - first.notAfter, 12 * HOUR)
  assert.deepEqual(
    [registry.keyCounts(bj, first.spkiSha256), registry.keyCounts(bj, second.spkiSha256)],
    [true, true],
  )
  assert.deepEqual(
    events.map((event) => event.type),
    ['enrolled', 'renewed'],
  )
  clock.advance(13 * HOUR)
  assert.deepEqual(
    [registry.keyCounts(bj, first.spkiSha256), registry.keyCounts(bj, second.spkiSha256)],
    [false, true],
  )
})

test('an edge that is unknown, revoked or too eager is not renewed, nor one with a bad request', async (t) => {
  const { clock, registry, newToken, enroll, enrollment } = await start(t)
  await assert.rejects(enrollment.renew(bj, requestA), refused('permission_denied', /not registered/))
  await enroll(await newToken(), requestA)
  await assert.rejects(enrollment.renew(bj, new Uint8Array([1])), refused('invalid_argument'))
  for (let i = 0; i < 5; i++) await enrollment.renew(bj, requestA)
  await assert.rejects(enrollment.renew(bj, requestA), refused('overloaded'))
  clock.advance(60_000)
  await enrollment.renew(bj, requestA)
  await registry.revoke(bj, 'user_1')
  await assert.rejects(enrollment.renew(bj, requestA), refused('permission_denied', /revoked/))
})

function spkiOf(csr: Uint8Array): string {
  return readSigningRequest(csr).spkiSha256
}
