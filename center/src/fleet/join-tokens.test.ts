import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { formatJoinToken, parseJoinToken } from './join-token-format.js'
import { createJoinTokens, type NewToken } from './join-tokens.js'
import { edge, refused, startBase, tenant } from './testing/fleet.js'

const HOUR = 3_600_000
const CA_PIN = createHash('sha256').update('the CA').digest('hex')
const bj = edge('bj-01')
const wanted: NewToken = {
  edgeId: bj,
  tenants: [tenant('acme')],
  site: 'beijing',
  ttlMs: HOUR,
  actor: 'user_1',
}
const remote = '192.0.2.7:4711'

async function start(t: TestContext, limits = { perSource: 1_000, overall: 1_000 }) {
  const base = await startBase(t)
  const revoked = new Set<string>()
  const registry = {
    get: (id: typeof bj) => ({
      ...{ edgeId: id, tenants: [], site: '', revoked: revoked.has(id), enrolledAt: 0 },
      ...{ linkGeneration: 0, appliedRevision: 0, lastSeenAt: 0 },
    }),
  }
  const { clock, log } = base
  const open = () =>
    createJoinTokens({ system: base.system, ca: { spkiSha256: CA_PIN }, registry, clock, log }, { limits })
  const tokens = open()
  let issued = 0
  const claim = (spkiSha256: string) => () => ({
    spkiSha256,
    issue: () => {
      issued += 1
      return new Uint8Array([issued])
    },
  })
  return { base, clock, tokens, open, claim, revoked, issued: () => issued }
}

const secretOf = (token: string) => parseJoinToken(token).secret

test('what is not a join token is not read as one', () => {
  const secret = Buffer.alloc(32, 1).toString('base64url')
  const good = formatJoinToken({ secret, caSpkiSha256: CA_PIN })
  assert.deepEqual(parseJoinToken(` ${good}\n`), { secret, caSpkiSha256: CA_PIN })
  const bad = [
    '',
    'yzj1',
    good.slice(1),
    good.slice(0, -1),
    `${good}A`,
    good.replace('yzj1', 'yzj2'),
    good.replace('.', '..'),
  ]
  // The last character carries two bits that count for nothing: another spelling of the same bytes.
  const respelled = `${good.slice(0, -1)}${String.fromCharCode(good.charCodeAt(good.length - 1) + 1)}`
  for (const text of [...bad, respelled])
    assert.throws(() => parseJoinToken(text), refused('invalid_argument', /join token/))
})

test('bad wishes for a token are refused', async (t) => {
  const { tokens, revoked } = await start(t)
  for (const ttlMs of [0, -1, 999, Number.NaN, Number.POSITIVE_INFINITY, 31 * 24 * HOUR]) {
    await assert.rejects(tokens.create({ ...wanted, ttlMs }), refused('invalid_argument', /30 days/))
  }
  await assert.rejects(tokens.create({ ...wanted, tenants: [] }), refused('invalid_argument', /tenant/))
  await assert.rejects(
    tokens.create({ ...wanted, site: 'x'.repeat(201) }),
    refused('invalid_argument', /site/),
  )
  await assert.rejects(tokens.create({ ...wanted, actor: '' }), refused('invalid_argument', /actor/))
  revoked.add(bj)
  await assert.rejects(tokens.create(wanted), refused('failed_precondition', /revoked/))
})

test('a token carries the pin of the CA, and its secret is not in the store', async (t) => {
  const { tokens, base } = await start(t)
  const token = await tokens.create(wanted)
  const { secret, caSpkiSha256 } = parseJoinToken(token)
  assert.equal(caSpkiSha256, CA_PIN)
  const { records } = await base.system.scan('join-tokens')
  const text = records.map((record) => record.key + Buffer.from(record.value).toString('utf8')).join()
  assert.equal(text.includes(secret), false)
  assert.equal(text.includes(Buffer.from(secret, 'base64url').toString('hex')), false)
})

test('a token that is unknown, malformed or another one is refused alike, and claims nothing', async (t) => {
  const { tokens, claim, issued } = await start(t)
  await tokens.create(wanted)
  for (const secret of [
    '',
    'x',
    Buffer.alloc(32, 9).toString('base64url'),
    'A'.repeat(500),
    '../../etc/passwd',
    '\0'.repeat(43),
  ]) {
    await assert.rejects(
      tokens.redeem({ secret, remote }, claim('k')),
      refused('unauthenticated', /not known/),
    )
  }
  assert.equal(issued(), 0)
})

test('the same token with the same key gets the same certificate, also after a restart; another key is refused', async (t) => {
  const { base, tokens, open, claim, issued } = await start(t)
  const secret = secretOf(await tokens.create(wanted))
  const first = await tokens.redeem({ secret, remote }, claim('key a'))
  assert.deepEqual(first.grant, { ...first.grant, edgeId: bj, tenants: ['acme'], site: 'beijing' })
  assert.deepEqual(await tokens.redeem({ secret, remote }, claim('key a')), first)
  await assert.rejects(
    tokens.redeem({ secret, remote }, claim('key b')),
    refused('permission_denied', /another key/),
  )
  await base.restart()
  const later = open()
  assert.deepEqual(await later.redeem({ secret, remote }, claim('key a')), first)
  await assert.rejects(
    later.redeem({ secret, remote }, claim('key b')),
    refused('permission_denied', /another key/),
  )
  assert.equal(issued(), 1)
})

test('of a hundred that use a token at once with different keys exactly one wins', async (t) => {
  const { base, tokens, claim } = await start(t)
  const secret = secretOf(await tokens.create(wanted))
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) => tokens.redeem({ secret, remote }, claim(`key ${i}`))),
  )
  const won = results.filter((result) => result.status === 'fulfilled')
  assert.equal(won.length, 1)
  for (const result of results) {
    if (result.status === 'rejected') refused('permission_denied', /another key/)(result.reason)
  }
  const [record] = (await base.system.scan('join-tokens')).records
  assert.equal(record?.version, 2)
})

test('a hundred that use a token at once with the same key get the same certificate', async (t) => {
  const { tokens, claim } = await start(t)
  const secret = secretOf(await tokens.create(wanted))
  const results = await Promise.all(
    Array.from({ length: 100 }, () => tokens.redeem({ secret, remote }, claim('key a'))),
  )
  assert.equal(new Set(results.map(({ certificateDer }) => certificateDer.join())).size, 1)
})

test('a claim that fails leaves the token unused', async (t) => {
  const { tokens, claim } = await start(t)
  const secret = secretOf(await tokens.create(wanted))
  const failing = () => {
    throw new TypeError('a bad signing request')
  }
  await assert.rejects(tokens.redeem({ secret, remote }, failing), TypeError)
  await tokens.redeem({ secret, remote }, claim('key a'))
})

test('a token expires by the wall clock, even for the key that used it', async (t) => {
  const { tokens, clock, claim } = await start(t)
  const unused = secretOf(await tokens.create(wanted))
  const used = secretOf(await tokens.create(wanted))
  clock.advance(HOUR - 1)
  await tokens.redeem({ secret: used, remote }, claim('key a'))
  clock.advance(1)
  await assert.rejects(
    tokens.redeem({ secret: unused, remote }, claim('key a')),
    refused('unauthenticated', /expired/),
  )
  await assert.rejects(
    tokens.redeem({ secret: used, remote }, claim('key a')),
    refused('unauthenticated', /expired/),
  )
  clock.jumpWall(-2 * HOUR)
  await tokens.redeem({ secret: unused, remote }, claim('key b'))
})

test('failed attempts run out by address and altogether; good ones do not count', async (t) => {
  const { tokens, clock, claim } = await start(t, { perSource: 3, overall: 5 })
  const secret = secretOf(await tokens.create(wanted))
  for (let i = 0; i < 20; i++) await tokens.redeem({ secret, remote }, claim('key a'))
  const guess = (from: string) =>
    assert.rejects(
      tokens.redeem({ secret: Buffer.alloc(32, 9).toString('base64url'), remote: from }, claim('x')),
      refused('unauthenticated'),
    )
  for (let i = 0; i < 3; i++) await guess(`192.0.2.7:${i}`)
  await assert.rejects(tokens.redeem({ secret, remote }, claim('key a')), refused('overloaded'))
  await guess('192.0.2.8:1')
  await guess('192.0.2.9:1')
  await assert.rejects(
    tokens.redeem({ secret, remote: '192.0.2.10:1' }, claim('key a')),
    refused('overloaded'),
  )
  clock.advance(60_000)
  await tokens.redeem({ secret, remote }, claim('key a'))
})

test('tokens that expired long ago are forgotten when a new one is made', async (t) => {
  const { base, tokens, clock } = await start(t)
  await tokens.create(wanted)
  clock.jumpWall(20 * 24 * HOUR)
  await tokens.create(wanted)
  assert.equal((await base.system.scan('join-tokens')).records.length, 2)
  clock.jumpWall(20 * 24 * HOUR)
  await tokens.create(wanted)
  assert.equal((await base.system.scan('join-tokens')).records.length, 2)
})
