import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import {
  CreditSchema,
  create,
  FinishReason,
  type InferRequest,
  type InferResponse,
  SubmitSchema,
  type Welcome,
} from '@yizhan/proto'
import type { AttemptEnd } from '../inference/port.js'
import type { InferClient, TestEdge, TestGateway } from './test-gateway.js'
import { edgeId, inferFrame, startTestGateway, submitFrame, tenantId, until } from './test-gateway.js'

type Frame = InferResponse['frame']
type Case<C> = Extract<Frame, { case: C }>

const credit = (attempt: number, ackSeq: number, windowBytes: number): InferRequest['frame'] => ({
  case: 'credit',
  value: create(CreditSchema, { attempt, ackSeq, windowBytes }),
})
const cancel = (reason: string): InferRequest['frame'] => ({
  case: 'cancel',
  value: { $typeName: 'yizhan.v1.Cancel', reason },
})
const endAck = (attempt: number): InferRequest['frame'] => ({
  case: 'endAck',
  value: { $typeName: 'yizhan.v1.EndAck', attempt },
})
const end: AttemptEnd = {
  lastSeq: 2,
  textSha256: Buffer.alloc(32, 7),
  citations: [],
  model: 'extractive',
  finish: 'no-answer',
  usage: { inputTokens: 5, outputTokens: 6, queueMs: 7, firstTokenMs: 8 },
}

interface Linked {
  readonly edge: TestEdge
  readonly infer: InferClient
  readonly generation: bigint
  readonly welcome: Welcome
}

async function linked(center: TestGateway, name = 'beijing-1'): Promise<Linked> {
  const edge = center.edge(name)
  const { welcome } = await edge.link()
  return { edge, infer: edge.infer(), generation: welcome.linkGeneration, welcome }
}

async function next<C extends Frame['case']>(infer: InferClient, expected: C) {
  const response = await infer.next()
  assert.equal(response.frame.case, expected)
  return { ...response, value: (response.frame as Case<C>).value as NonNullable<Case<C>['value']> }
}

async function failedCode(infer: InferClient, requestId: string): Promise<string> {
  const failed = await next(infer, 'failed')
  assert.equal(failed.requestId, requestId)
  return failed.value.failure?.code ?? 'none'
}

const dropped = (center: TestGateway, reason: string) =>
  center.count('yizhan_gateway_frames_dropped_total', { rpc: 'infer', reason })

test('a tenant that the registry does not have for this edge fails that request alone', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  for (const tenant of ['initech', '', 'ACME', '../acme', 'acme\0']) {
    infer.call.write(submitFrame(generation, 'r1', {}, tenant))
    assert.equal(await failedCode(infer, 'r1'), 'permission_denied', tenant)
  }
  infer.call.write(submitFrame(generation, 'r2'))
  const presented = await center.book.presented.next()
  assert.equal(presented.tenant, 'acme')
  assert.equal(presented.edge, 'beijing-1')
  await center.registry.setTenants(edgeId('beijing-1'), [tenantId('globex')])
  infer.call.write(submitFrame(generation, 'r3'))
  assert.equal(await failedCode(infer, 'r3'), 'permission_denied', 'the registry is asked each time')
  assert.equal(await center.count('yizhan_gateway_refusals_total', { code: 'permission_denied' }), 6)
})

test('malformed requests fail one by one and the stream goes on', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, ''))
  assert.equal(await failedCode(infer, ''), 'invalid_argument')
  infer.call.write(submitFrame(generation, 'x'.repeat(129)))
  assert.equal(await failedCode(infer, 'x'.repeat(128)), 'invalid_argument')
  infer.call.write(inferFrame(generation, 'r1', { case: 'submit', value: create(SubmitSchema) }))
  assert.equal(await failedCode(infer, 'r1'), 'invalid_argument')
  infer.call.write(inferFrame(generation, 'r1', { case: undefined }))
  infer.call.write(inferFrame(generation, 'nobody', credit(1, 0, 100)))
  infer.call.write(inferFrame(generation, 'nobody', cancel('x')))
  infer.call.write(inferFrame(generation, 'nobody', endAck(1)))
  infer.call.write(submitFrame(generation, 'r2'))
  await center.book.presented.next()
  assert.equal(await dropped(center, 'unknown'), 1)
  assert.equal(await dropped(center, 'request'), 3)
})

test('what the book refuses is told for that request', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  center.book.refusal = new YizhanError('overloaded', 'queue full', { details: { retryAfterMs: 2_000 } })
  infer.call.write(submitFrame(generation, 'r1'))
  const { value, attempt } = await next(infer, 'failed')
  assert.equal(value.failure?.code, 'overloaded')
  assert.equal(value.failure?.retryAfterMs, 2_000)
  assert.equal(value.failure?.retryable, true)
  assert.equal(attempt, 0, 'no run was started')
  assert.equal(await center.count('yizhan_gateway_requests_in_flight'), 0)
})

test('a stream before the link is refused', async (t) => {
  const center = await startTestGateway(t)
  assert.equal(await center.edge().infer().code(), 'failed_precondition')
})

test('a request runs: accepted, tokens, final, end-ack', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, 'r1', { knowledge: ['travel'], answerLocale: 'zh' }))
  const { submit, sink, calls } = await center.book.presented.next()
  assert.equal(submit.message?.text, '怎么连 VPN？')
  assert.deepEqual(submit.knowledge, ['travel'])
  assert.equal(submit.resume, undefined)
  sink.accepted(1, 0, 3)
  sink.tokens(1, 1, '打开')
  sink.tokens(1, 2, '「安全接入」')
  sink.final(1, end)
  const accepted = await next(infer, 'accepted')
  assert.deepEqual([accepted.requestId, accepted.attempt, accepted.linkGeneration], ['r1', 1, generation])
  assert.equal(accepted.value.queuePosition, 3)
  assert.equal((await next(infer, 'tokens')).value.text, '打开')
  assert.equal((await next(infer, 'tokens')).value.seq, 2)
  const final = await next(infer, 'final')
  assert.equal(final.value.finishReason, FinishReason.NO_ANSWER)
  assert.equal(final.value.usage?.firstTokenMs, 8)
  assert.deepEqual(Buffer.from(final.value.textSha256), Buffer.alloc(32, 7))
  assert.equal(await center.count('yizhan_gateway_requests_in_flight'), 0)
  infer.call.write(inferFrame(generation, 'r1', endAck(1)))
  assert.equal(await calls.next(), 'endAck 1')
  assert.deepEqual(calls.left, [])
})

test('an end-ack before the end does not make the center forget', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, 'r1'))
  const { sink, calls } = await center.book.presented.next()
  infer.call.write(inferFrame(generation, 'r1', endAck(1)))
  await until(async () => (await dropped(center, 'request')) === 1)
  sink.tokens(1, 1, 'still here')
  await next(infer, 'tokens')
  assert.deepEqual(calls.left, [])
})

test('requests on one stream do not mix', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, 'r1'))
  infer.call.write(submitFrame(generation, 'r2', {}, 'globex'))
  const one = await center.book.presented.next()
  const two = await center.book.presented.next()
  assert.deepEqual([one.tenant, two.tenant], ['acme', 'globex'])
  two.sink.tokens(1, 1, 'two')
  one.sink.tokens(4, 9, 'one')
  assert.deepEqual((await infer.next()).requestId, 'r2')
  const last = await next(infer, 'tokens')
  assert.deepEqual([last.requestId, last.attempt, last.value.seq], ['r1', 4, 9])
  infer.call.write(inferFrame(generation, 'r2', cancel('the user said so')))
  assert.equal(await two.calls.next(), 'cancel the user said so')
  assert.deepEqual(one.calls.left, [])
})

test('credit reaches the book, never more than the protocol’s largest window', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, 'r1', { windowBytes: 4_000_000_000 }))
  const { submit, calls } = await center.book.presented.next()
  assert.equal(submit.windowBytes, 1_048_576)
  infer.call.write(inferFrame(generation, 'r1', credit(1, 3, 4_096)))
  infer.call.write(inferFrame(generation, 'r1', credit(1, 4, 4_000_000_000)))
  assert.equal(await calls.next(), 'credit 1 3 4096')
  assert.equal(await calls.next(), 'credit 1 4 1048576')
})

test('an edge that does not read gives no credit until it does; a cancel goes through', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, 'r1'))
  infer.call.write(submitFrame(generation, 'r2'))
  const { sink, calls } = await center.book.presented.next()
  const other = await center.book.presented.next()
  infer.call.pause()
  for (let seq = 1; seq <= 64; seq++) sink.tokens(1, seq, 'x'.repeat(16_384))
  infer.call.write(inferFrame(generation, 'r1', credit(1, 1, 1_000)))
  infer.call.write(inferFrame(generation, 'r1', credit(1, 2, 2_000)))
  infer.call.write(inferFrame(generation, 'r2', cancel('no longer wanted')))
  assert.equal(await other.calls.next(), 'cancel no longer wanted')
  assert.deepEqual(calls.left, [], 'the credit was read before the cancel and waits')
  infer.call.resume()
  assert.equal(await calls.next(), 'credit 1 2 2000', 'the last one counts')
  let bytes = 0
  for (let seq = 1; seq <= 64; seq++) bytes += (await next(infer, 'tokens')).value.text.length
  assert.equal(bytes, 64 * 16_384)
})

test('an edge that asks without reading the answers is not read from until it does', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  const refusals = () => center.count('yizhan_gateway_refusals_total')
  const asked = 3_000
  infer.call.pause()
  // Each is refused with a frame of its own; the edge takes none of them.
  for (let i = 0; i < asked; i++) infer.call.write(submitFrame(generation, `r${i}`, {}, 'initech'))
  let seen = -1
  while (seen < (await refusals())) {
    seen = await refusals()
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(seen > 0 && seen < 2_500, `${seen} of ${asked} were read`)
  infer.call.resume()
  for (let i = 0; i < asked; i++) assert.equal((await next(infer, 'failed')).requestId, `r${i}`)
})

test('more requests than the edge may have are refused with a time to wait', async (t) => {
  const center = await startTestGateway(t, { maxInFlight: 2 })
  const { infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, 'r1'))
  infer.call.write(submitFrame(generation, 'r2'))
  infer.call.write(submitFrame(generation, 'r3'))
  const { sink } = await center.book.presented.next()
  await center.book.presented.next()
  const { value, requestId } = await next(infer, 'failed')
  assert.equal(requestId, 'r3')
  assert.equal(value.failure?.code, 'overloaded')
  assert.ok((value.failure?.retryAfterMs ?? 0) >= 1_000)
  infer.call.write(submitFrame(generation, 'r2'))
  assert.equal(
    (await center.book.presented.next()).requestId,
    'r2',
    'presenting one again takes no second place',
  )
  sink.failed(1, new YizhanError('backend_failed', 'gone'))
  assert.equal(await failedCode(infer, 'r1'), 'backend_failed')
  infer.call.write(submitFrame(generation, 'r3'))
  assert.equal((await center.book.presented.next()).requestId, 'r3')
})

test('a cut stream detaches its requests, and they are presented again with their resume point', async (t) => {
  const center = await startTestGateway(t)
  const before = await linked(center)
  before.infer.call.write(submitFrame(before.generation, 'r1'))
  const first = await center.book.presented.next()
  first.sink.accepted(1, 0, 0)
  first.sink.tokens(1, 1, 'a')
  await next(before.infer, 'accepted')
  await next(before.infer, 'tokens')
  before.infer.call.cancel()
  assert.equal(await first.calls.next(), 'detach')
  first.sink.tokens(1, 2, 'b')

  const after = await linked(center)
  after.infer.call.write(submitFrame(after.generation, 'r1', { resume: { attempt: 1, seq: 1 } }))
  const again = await center.book.presented.next()
  assert.deepEqual([again.submit.resume?.attempt, again.submit.resume?.seq], [1, 1])
  again.sink.accepted(1, 1, 0)
  again.sink.tokens(1, 2, 'b')
  const accepted = await next(after.infer, 'accepted')
  assert.deepEqual([accepted.attempt, accepted.value.resumedAfterSeq], [1, 1])
  const tokens = await next(after.infer, 'tokens')
  assert.deepEqual([tokens.linkGeneration, tokens.value.seq], [after.generation, 2])
  first.sink.tokens(1, 3, 'late: the old sink is deaf')
  again.sink.tokens(1, 3, 'c')
  assert.equal((await next(after.infer, 'tokens')).value.text, 'c')
})

test('a superseded link takes its Infer stream with it', async (t) => {
  const center = await startTestGateway(t)
  const before = await linked(center)
  before.infer.call.write(submitFrame(before.generation, 'r1'))
  const { calls } = await center.book.presented.next()
  const after = await linked(center)
  assert.equal(await before.infer.code(), 'conflict')
  assert.equal(await calls.next(), 'detach')
  after.infer.call.write(submitFrame(before.generation, 'late'))
  after.infer.call.write(submitFrame(after.generation, 'r1'))
  assert.equal((await center.book.presented.next()).requestId, 'r1')
  assert.equal(await dropped(center, 'generation'), 1, 'a late frame of the older link is not acted on')
})

test('a second Infer stream of a link takes the place of the first', async (t) => {
  const center = await startTestGateway(t)
  const { edge, infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, 'r1'))
  const { calls } = await center.book.presented.next()
  const second = edge.infer()
  assert.equal(await infer.code(), 'conflict')
  assert.equal(await calls.next(), 'detach')
  second.call.write(submitFrame(generation, 'r1'))
  await center.book.presented.next()
})

test('a link that ends takes its Infer stream with it, and the run goes on', async (t) => {
  const center = await startTestGateway(t)
  const { infer, generation } = await linked(center)
  infer.call.write(submitFrame(generation, 'r1'))
  const { calls } = await center.book.presented.next()
  center.clock.advance(30_000)
  assert.equal(await infer.code(), 'deadline_exceeded')
  assert.equal(await calls.next(), 'detach')
  assert.deepEqual(calls.left, [], 'not cancelled')
  assert.equal(await center.count('yizhan_gateway_requests_in_flight'), 0)
})
