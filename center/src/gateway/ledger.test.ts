import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EdgeId, YizhanError } from '@yizhan/kernel'
import {
  create,
  HeartbeatSchema,
  type KnownTurn,
  KnownTurnSchema,
  Ledger,
  TurnState,
  UploadKind,
  type UploadRecord,
  UploadRecordSchema,
  type UploadRequest,
  UploadRequestSchema,
  type UploadResponse,
} from '@yizhan/proto'
import type { EpochFences } from '../fleet/index.js'
import type { Source, Uploaded } from '../ledger/index.js'
import { transition, turnId } from '../ledger/testing/stand.js'
import type { TurnUploads } from './port.js'
import {
  ClientStream,
  connectFrame,
  edgeId,
  heartbeatFrame,
  helloFrame,
  startTestGateway,
  type TestEdge,
  type TestGateway,
  until,
} from './test-gateway.js'

const beijing = edgeId('beijing-1')
const EPOCH = '0000000000000007'

/** Notes what comes, and answers with what the test put there. */
class ScriptedUploads implements TurnUploads {
  readonly opened: Source[] = []
  readonly taken: Uploaded[][] = []
  asked = 0
  known: readonly KnownTurn[] = []
  at = 0n
  failure: YizhanError | undefined
  gate: Promise<void> = Promise.resolve()

  async open(source: Source) {
    this.opened.push(source)
    return { seq: this.at, known: this.known }
  }

  async take(_source: Source, records: readonly Uploaded[]) {
    this.asked += 1
    await this.gate
    if (this.failure) throw this.failure
    this.taken.push([...records])
    this.at = records.at(-1)?.seq ?? this.at
    return this.at
  }
}

class TestFences implements EpochFences {
  readonly #fenced = new Set<string>()
  readonly #listeners = new Set<(edge: EdgeId) => void>()

  has(edge: EdgeId, epoch: string): boolean {
    return this.#fenced.has(`${edge}/${epoch}`)
  }

  async fence(edge: EdgeId, epochs: readonly string[]): Promise<void> {
    for (const epoch of epochs) this.#fenced.add(`${edge}/${epoch}`)
    for (const fn of this.#listeners) fn(edge)
  }

  onFenced(fn: (edge: EdgeId) => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }
}

type UploadClient = ClientStream<UploadRequest, UploadResponse>

const upload = (edge: TestEdge): UploadClient => new ClientStream(edge.rpc.bidi(Ledger.method.upload))

/** `record` as an edge sends it. */
function sent(seq: number, tenantId = 'acme', change = transition(turnId(1), { text: 'x' })): UploadRecord {
  return create(UploadRecordSchema, { seq: BigInt(seq), tenantId, record: change })
}

/** How the stream ended, or `answered` if it goes on. */
async function verdict(stream: { frames: { next(): Promise<unknown> }; code(): Promise<string> }) {
  return await Promise.race([stream.code(), stream.frames.next().then(() => 'answered')])
}

function request(linkGeneration: bigint, records: UploadRecord[] = [], more: Partial<UploadRequest> = {}) {
  const fields = { linkGeneration, journalEpoch: 7n, kind: UploadKind.TURNS, records, ...more }
  return create(UploadRequestSchema, fields)
}

async function started(center: TestGateway) {
  const edge = center.edge()
  const { link, welcome } = await edge.link()
  const generation = welcome.linkGeneration
  return { edge, link, generation, welcome, stream: upload(edge) }
}

async function start(t: Parameters<typeof startTestGateway>[0], options = {}) {
  const turns = new ScriptedUploads()
  const fences = new TestFences()
  const center = await startTestGateway(t, options, { turns, fences })
  return { center, turns, fences, ...(await started(center)) }
}

test('an upload needs a live link, and an edge that has its own tenants', async (t) => {
  const turns = new ScriptedUploads()
  const center = await startTestGateway(t, {}, { turns })
  assert.equal(await upload(center.edge()).code(), 'failed_precondition')
  const { stream, generation } = await started(center)
  stream.call.write(request(generation))
  await stream.next()
  const foreign = transition(turnId(1), { text: 'x', tenant: 'initech' })
  stream.call.write(request(generation, [sent(1), sent(2, 'initech', foreign)]))
  assert.equal(await verdict(stream), 'permission_denied')
  assert.deepEqual(turns.taken, [])
})

test('a message of another tenant under a tenant of the edge is refused', async (t) => {
  const { stream, generation, turns } = await start(t)
  stream.call.write(request(generation))
  await stream.next()
  stream.call.write(
    request(generation, [sent(1, 'acme', transition(turnId(1), { text: 'x', tenant: 'globex' }))]),
  )
  assert.equal(await verdict(stream), 'permission_denied')
  assert.deepEqual(turns.taken, [])
})

test('what is not an upload of turns, or is out of order, ends the stream', async (t) => {
  const { center, edge, stream, generation, turns } = await start(t)
  const codes: string[] = []
  const say = async (...requests: UploadRequest[]) => {
    const one = upload(edge)
    for (const each of requests) one.call.write(each)
    codes.push(await one.code())
  }
  for (const kind of [UploadKind.AUDIT, UploadKind.SAMPLES, UploadKind.METRICS, UploadKind.UNSPECIFIED])
    await say(request(generation, [], { kind }))
  await say(request(generation, [sent(1)]))
  await say(request(generation, [], { journalEpoch: 8n }))
  await say(request(generation), request(generation, [sent(2), sent(2)]))
  await say(request(generation), request(generation, [sent(3), sent(2)]))
  assert.deepEqual(codes, [
    ...Array(4).fill('unsupported'),
    'invalid_argument',
    'conflict',
    'invalid_argument',
    'invalid_argument',
  ])
  assert.deepEqual(turns.taken, [])
  assert.equal(await stream.code(), 'conflict', 'a newer stream takes the place of an older one')
  assert.ok((await center.count('yizhan_gateway_refusals_total', { rpc: 'upload' })) >= codes.length)
})

test('records are handed on in order and acknowledged once they are durable', async (t) => {
  const { center, stream, generation, turns, welcome } = await start(t)
  assert.ok(welcome.capabilities.includes('ledger'))
  turns.at = 4n
  stream.call.write(request(generation + 1n))
  stream.call.write(request(generation))
  const first = await stream.next()
  assert.deepEqual(
    [first.seq, first.journalEpoch, first.kind, first.linkGeneration, first.windowBytes],
    [4n, 7n, UploadKind.TURNS, generation, 8_192],
  )
  assert.equal(await center.count('yizhan_gateway_frames_dropped_total', { reason: 'generation' }), 1)
  let release: () => void = () => undefined
  turns.gate = new Promise((resolve) => {
    release = resolve
  })
  const change = transition(turnId(1), { text: 'x' })
  stream.call.write(request(generation, [sent(5, 'acme', change)]))
  await until(() => turns.asked === 1)
  const lost = create(UploadRecordSchema, {
    seq: 9n,
    record: { case: 'lost', value: { $typeName: 'yizhan.v1.LostRecords', from: 6n, to: 8n } },
  })
  const odd = sent(10, 'acme', transition('../../etc', { state: TurnState.DONE }))
  stream.call.write(request(generation, [lost, odd]))
  release()
  assert.equal((await stream.next()).seq, 5n)
  assert.equal((await stream.next()).seq, 10n)
  assert.deepEqual(turns.opened, [{ edge: beijing, epoch: EPOCH }])
  assert.deepEqual(
    turns.taken[0]?.map(({ kind, seq }) => [kind, seq]),
    [['change', 5n]],
  )
  assert.deepEqual(turns.taken[1], [
    { kind: 'lost', seq: 9n, count: 3n },
    { kind: 'skipped', seq: 10n },
  ])
})

test('requests that come while one is taken are taken together, no more of them than make a batch', async (t) => {
  const { center, turns, stream, generation } = await start(t)
  stream.call.write(request(generation))
  await stream.next()
  let release: () => void = () => undefined
  turns.gate = new Promise((resolve) => {
    release = resolve
  })
  const records = (from: number, count: number) => Array.from({ length: count }, (_, n) => sent(from + n))
  stream.call.write(request(generation, records(1, 1)))
  await until(() => turns.asked === 1)
  stream.call.write(request(generation, records(2, 30)))
  stream.call.write(request(generation, records(32, 33)))
  stream.call.write(request(generation, records(65, 10)))
  // Dropped and counted once everything before it is here.
  stream.call.write(request(generation + 1n))
  const dropped = () => center.count('yizhan_gateway_frames_dropped_total', { reason: 'generation' })
  await until(async () => (await dropped()) === 1)
  release()
  const answers = [await stream.next(), await stream.next(), await stream.next()]
  assert.deepEqual(
    answers.map(({ seq }) => seq),
    [1n, 64n, 74n],
  )
  assert.deepEqual(
    turns.taken.map(({ length }) => length),
    [1, 63, 10],
  )
})

test('the window is small until the round trip is known and quick, and is given back with each answer', async (t) => {
  const { center, link, stream, generation } = await start(t, { uploadWindowBytes: 20_000 })
  stream.call.write(request(generation))
  assert.equal((await stream.next()).windowBytes, 8_192)
  const beat = async (roundTripUs: number, sequence: bigint) => {
    const value = create(HeartbeatSchema, { sequence, roundTripUs })
    link.call.write(connectFrame(generation, { case: 'heartbeat', value }))
    while ((await link.next()).frame.case !== 'heartbeatAck');
  }
  const one = request(generation, [sent(1)])
  const grown = async (seq: number) => {
    stream.call.write(request(generation, [sent(seq)]))
    return (await stream.next()).windowBytes
  }
  const bytes = await grown(1)
  assert.ok(bytes > 0 && bytes < 1_000 && one.records.length === 1)
  await beat(2_000, 1n)
  assert.equal(await grown(2), 20_000 - 8_192 + bytes)
  await beat(900_000, 2n)
  assert.equal(await grown(3), 0)
  assert.equal(center.gateway.link(beijing)?.generation, Number(generation))
})

test('far more than the window ends the stream', async (t) => {
  const { stream, generation, turns } = await start(t)
  turns.gate = new Promise(() => undefined)
  stream.call.write(request(generation))
  await stream.next()
  const large = transition(turnId(1), { text: 'x'.repeat(200_000) })
  for (let seq = 1; seq <= 4; seq++) stream.call.write(request(generation, [sent(seq, 'acme', large)]))
  assert.equal(await stream.code(), 'overloaded')
})

test('a full disk ends the stream with RESOURCE_EXHAUSTED and acknowledges nothing', async (t) => {
  const { stream, generation, turns } = await start(t)
  stream.call.write(request(generation))
  await stream.next()
  turns.failure = new YizhanError('disk_full', 'the disk is full')
  stream.call.write(request(generation, [sent(1)]))
  const end = await stream.ended
  assert.ok(end !== 'ok')
  assert.deepEqual([end.code, end.retryable, end.traits.grpc], ['disk_full', true, 'RESOURCE_EXHAUSTED'])
  assert.deepEqual(stream.frames.left, [])
})

test('turns of an earlier journal are told whole, in as many answers as they need', async (t) => {
  const { stream, generation, turns } = await start(t)
  turns.known = Array.from({ length: 3_000 }, (_, n) =>
    create(KnownTurnSchema, {
      turnId: turnId(n),
      tenantId: 'acme',
      channelId: 'web',
      platformId: 'p'.repeat(60),
    }),
  )
  stream.call.write(request(generation))
  const told: string[] = []
  let answers = 0
  while (told.length < turns.known.length) {
    told.push(...(await stream.next()).known.map((known) => known.turnId))
    answers += 1
  }
  assert.ok(answers > 1)
  assert.deepEqual(
    told,
    turns.known.map((known) => known.turnId),
  )
})

test('a revoked edge’s upload ends at once', async (t) => {
  const { center, stream, generation } = await start(t)
  stream.call.write(request(generation))
  await stream.next()
  await center.registry.revoke(beijing)
  assert.equal(await stream.code(), 'unauthenticated')
})

test('a fenced journal loses its link with everything on it, and is refused with the reason', async (t) => {
  const { edge, link, stream, generation, fences } = await start(t)
  const infer = edge.infer()
  stream.call.write(request(generation))
  await stream.next()
  await fences.fence(beijing, [EPOCH])
  link.call.write(heartbeatFrame(generation, 1n))
  assert.equal(await verdict(link), 'epoch_fenced')
  assert.deepEqual([await stream.code(), await infer.code()], ['epoch_fenced', 'epoch_fenced'])
  const again = edge.connect()
  again.call.write(helloFrame({}))
  const { frame } = await again.next()
  assert.equal(frame.case, 'refused')
  assert.deepEqual([frame.value.failure?.code, frame.value.mayDrain], ['epoch_fenced', false])

  const fresh = edge.connect()
  const hello = helloFrame({})
  if (hello.frame.case === 'hello') hello.frame.value.journalEpoch = 8n
  fresh.call.write(hello)
  assert.equal((await fresh.next()).frame.case, 'welcome')
})
