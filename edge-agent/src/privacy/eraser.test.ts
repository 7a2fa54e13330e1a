import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type ManualClock, silentLogger } from '@yizhan/kernel'
import { create, type EraseCommand, EraseCommandSchema, type Message, SenderSchema } from '@yizhan/proto'
import { temporaryDir } from '../ledger/testing.js'
import { heldSkill, startTestEdge, sure, type TestEdge } from '../router/testing.js'
import { Eraser } from './eraser.js'
import { identityDigest } from './person.js'
import { filesWith } from './testing.js'

const SALT = Buffer.from('a salt of the erasure')
const NAMES = ['u-erased-1', 'Han-erased', '4711-erased']

const from = (id: string, name = ''): Partial<Message> => ({
  sender: create(SenderSchema, { id, name }),
  conversationId: `acme/web/${id}`,
  platformId: `${id}/${Math.random()}`,
})
const theirs = () => from('u-erased-1', 'Han-erased')

function command(sender: string, fields: Partial<EraseCommand> = {}): EraseCommand {
  const digest = Buffer.from(identityDigest(SALT, { tenant: 'acme', channel: 'web', sender }), 'hex')
  return create(EraseCommandSchema, {
    tenantId: 'acme',
    subjectId: 'sub_1',
    erasureId: 'era_1',
    salt: SALT,
    identityDigests: [digest],
    ...fields,
  })
}

function eraserOf(edge: TestEdge, clock: ManualClock): Eraser {
  const { ledger, journal, turns, privacy } = edge
  return new Eraser({
    ...privacy,
    ledger,
    journal,
    turns: Promise.resolve(turns),
    clock,
    log: silentLogger(),
  })
}

const { signal } = new AbortController()

async function start(t: TestContext, options: Parameters<typeof startTestEdge>[2] = {}) {
  const dir = await temporaryDir(t)
  const edge = await startTestEdge(t, dir, options)
  edge.classifier.known.set('vpn', sure('it.vpn'))
  return { dir, edge, eraser: eraserOf(edge, edge.clock) }
}

for (const [what, fields] of [
  ['without a tenant', { tenantId: '' }],
  ['without an id', { erasureId: '' }],
  ['with an id that would be a path', { erasureId: '../x' }],
  ['with an account that is no digest', { identityDigests: [new Uint8Array(31)] }],
  ['with too many accounts', { identityDigests: Array.from({ length: 1_001 }, () => new Uint8Array(32)) }],
] satisfies [string, Partial<EraseCommand>][]) {
  test(`an erasure ${what} is refused, and nothing is touched`, async (t) => {
    const { edge, eraser } = await start(t)
    const id = await edge.say('vpn', theirs())
    await edge.final(id)
    await assert.rejects(eraser.erase(command('u-erased-1', fields), signal), { code: 'invalid_argument' })
    assert.equal(edge.ledger.get(id)?.message.text, 'vpn')
  })
}

test('an erased person is in no file; ids, states and what de-duplicates stay, and others are untouched', async (t) => {
  const { dir, edge, eraser } = await start(t)
  const message = { ...theirs(), platformId: 'u-erased-1/again' }
  const id = await edge.say('4711-erased is my number', message)
  await edge.until(() => edge.uplink.requests.length === 1)
  edge.uplink.requests[0]?.finish('So 4711-erased it is.')
  await edge.final(id)
  const other = await edge.say('vpn', from('u-other'))
  await edge.final(other)
  await edge.privacy.consents.say({ tenant: 'acme', channel: 'web', sender: 'u-erased-1' }, [
    { purpose: 'answers', kind: 'given', version: '1', locale: 'en', report: true },
  ])
  await edge.until(() => edge.ledger.open().length === 0)
  for (const name of NAMES) assert.notDeepEqual(await filesWith(dir, name), [], name)

  const erased = await eraser.erase(command('u-erased-1'), signal)
  assert.deepEqual(erased, { turns: 1, records: 2, ended: 0, consents: 1, reports: 1, quarantined: 0 })
  for (const name of NAMES) assert.deepEqual(await filesWith(dir, name), [], name)
  const { message: left, state, final, emptied } = edge.ledger.get(id) ?? assert.fail()
  assert.deepEqual(
    [left.text, left.sender, left.conversationId, state, final, emptied],
    ['', undefined, '', 'done', undefined, 'all'],
  )
  assert.equal(edge.ledger.get(other)?.message.text, 'vpn')
  const again = await edge.accept(
    create((await import('@yizhan/proto')).MessageSchema, {
      ...(edge.ledger.get(other)?.message ?? assert.fail()),
      ...message,
      text: 'pushed again',
    }),
  )
  assert.deepEqual(again, { outcome: 'duplicate', turnId: id })

  await edge.kill()
  const next = await startTestEdge(t, dir, { clock: edge.clock })
  assert.equal(next.ledger.lost, 0)
  assert.deepEqual(next.ledger.open(), [])
  assert.equal(next.ledger.get(id)?.state, 'done')
  assert.equal(next.ledger.get(id)?.emptied, 'all')
  assert.equal(next.ledger.get(other)?.message.text, 'vpn')
  assert.deepEqual(
    await next.privacy.consents.standings({ tenant: 'acme', channel: 'web', sender: 'u-erased-1' }),
    {},
  )
})

test('asked twice, an erasure is carried out once; with another account of the person it is carried out for that', async (t) => {
  const { edge, eraser } = await start(t)
  await edge.final(await edge.say('vpn', theirs()))
  await edge.until(() => edge.ledger.open().length === 0)
  const first = await eraser.erase(command('u-erased-1'), signal)
  await edge.final(await edge.say('vpn', theirs()))
  await edge.until(() => edge.ledger.open().length === 0)
  assert.deepEqual({ ...(await eraser.erase(command('u-erased-1'), signal)), at: 0 }, { ...first, at: 0 })
  await edge.final(await edge.say('vpn', from('u-second')))
  await edge.until(() => edge.ledger.open().length === 0)
  assert.equal((await eraser.erase(command('u-second'), signal)).turns, 1)
})

test('what runs, waits and is held is ended without a word, and its request at the center is cancelled', async (t) => {
  const held = heldSkill()
  const { dir, edge, eraser } = await start(t, { skills: [held.skill] })
  edge.classifier.known.set('slow 4711-erased', sure('slow'))
  const asked = await edge.say('why 4711-erased', theirs())
  await edge.until(() => edge.uplink.requests.length === 1)
  const running = await edge.say('slow 4711-erased', { ...theirs(), conversationId: 'acme/web/room-x' })
  await edge.until(() => held.waiting.has('slow 4711-erased'))
  const queued = await edge.say('vpn', theirs())
  const others = await edge.say('others', from('u-other'))
  await edge.until(() => edge.uplink.requests.length === 2)
  assert.equal((await eraser.erase(command('u-erased-1'), signal)).ended, 3)
  for (const id of [asked, running, queued]) assert.equal(edge.ledger.get(id)?.state, 'cancelled')
  assert.deepEqual(
    edge.uplink.requests.map(({ cancelled }) => cancelled),
    ['erased', undefined],
  )
  for (const name of NAMES) assert.deepEqual(await filesWith(dir, name), [], name)
  held.answer('slow 4711-erased', 'too late')
  edge.uplink.requests[1]?.finish('still answered')
  assert.equal((await edge.final(others)).text, 'still answered')
  assert.deepEqual(edge.channel.texts, ['still answered'])
})

test('a final that waits for its asker is not delivered any more', async (t) => {
  const { dir, edge, eraser } = await start(t)
  let reachable = false
  let came: (conversation: string) => void = () => undefined
  const deliver = edge.channel.deliver.bind(edge.channel)
  edge.channel.deliver = async (turn, reply) => (reachable ? deliver(turn, reply) : ('unreachable' as never))
  edge.channel.onReachable = () => () => undefined
  edge.replies.attach(
    Object.assign(Object.create(edge.channel), {
      onReachable: (fn: typeof came) => {
        came = fn
        return () => undefined
      },
    }),
  )
  const id = await edge.say('vpn', theirs())
  await edge.until(() => edge.ledger.get(id)?.final?.state === 'pending')
  await eraser.erase(command('u-erased-1'), signal)
  reachable = true
  came('acme/web/u-erased-1')
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.deepEqual(edge.channel.shown, [])
  assert.equal(edge.ledger.get(id)?.state, 'abandoned')
  for (const name of NAMES) assert.deepEqual(await filesWith(dir, name), [], name)
})

test('what others quoted of the person goes, and what they said stays', async (t) => {
  const { dir, edge, eraser } = await start(t)
  const quoted = {
    $typeName: 'yizhan.v1.Quoted',
    platformId: '',
    senderId: 'u-erased-1',
    text: '4711-erased',
  } as const
  const id = await edge.say('vpn', { ...from('u-other'), quoted: quoted as never })
  await edge.final(id)
  await edge.until(() => edge.ledger.open().length === 0)
  await eraser.erase(command('u-erased-1'), signal)
  assert.equal(edge.ledger.get(id)?.message.text, 'vpn')
  assert.equal(edge.ledger.get(id)?.message.quoted, undefined)
  for (const name of NAMES) assert.deepEqual(await filesWith(dir, name), [], name)
})

test('the conversation is forgotten: what was said before goes to nobody with a later question', async (t) => {
  const { edge, eraser } = await start(t)
  await edge.final(await edge.say('vpn', theirs()))
  await eraser.erase(command('u-erased-1'), signal)
  await edge.say('why', theirs())
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.requests[0]?.request.history, [])
})

test('an aborted erasure says so and is carried out when it is asked for again', async (t) => {
  const { dir, edge, eraser } = await start(t)
  await edge.final(
    await edge.say('4711-erased', theirs()).then(async (id) => {
      await edge.until(() => edge.uplink.requests.length === 1)
      edge.uplink.requests[0]?.finish('ok')
      return id
    }),
  )
  await edge.until(() => edge.ledger.open().length === 0)
  await assert.rejects(eraser.erase(command('u-erased-1'), AbortSignal.abort(new Error('stop'))), /stop/)
  assert.notDeepEqual(await filesWith(dir, '4711-erased'), [])
  await eraser.erase(command('u-erased-1'), signal)
  assert.deepEqual(await filesWith(dir, '4711-erased'), [])
})

test('everybody at once, as when the offline lease is over', async (t) => {
  const { dir, edge, eraser } = await start(t)
  for (const who of ['u-erased-1', 'u-second']) {
    await edge.final(await edge.say('vpn', from(who)))
    await edge.privacy.consents.say({ tenant: 'acme', channel: 'web', sender: who }, [
      { purpose: 'answers', kind: 'given', version: '1', locale: 'en', report: true },
    ])
  }
  await edge.until(() => edge.ledger.open().length === 0)
  const erased = await eraser.eraseAll(signal)
  assert.deepEqual([erased.turns, erased.consents, erased.reports], [2, 2, 2])
  for (const name of ['u-erased-1', 'u-second']) assert.deepEqual(await filesWith(dir, name), [], name)
  assert.equal(edge.privacy.outbox.waiting, 0)
})
