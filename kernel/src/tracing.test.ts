import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { YizhanError } from './errors.js'
import { noTracing, startTracing } from './tracing.js'

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

test('without an address nothing is traced, and what came in goes on as it is', async () => {
  const tracing = await startTracing({ name: 'x', version: '1' }, { sampleShare: 1 })
  assert.equal(tracing, noTracing)
  assert.equal(tracing.begin('x', { kind: 'server', parent: PARENT }).traceparent, PARENT)
  assert.equal(tracing.begin('x', { kind: 'client' }).traceparent, undefined)
})

test('spans go out as JSON with their parents; a malformed or unsampled parent does as the standard says', async (t) => {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const data of request) body += String(data)
    bodies.push(body)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const tracing = await startTracing(
    { name: 'yizhan-center', version: '1' },
    { otlpUrl: `http://127.0.0.1:${port}/v1/traces`, sampleShare: 1 },
  )
  const outer = tracing.begin('outer', { kind: 'server', parent: PARENT, attributes: { 'a.b': 1 } })
  const inner = tracing.begin('inner', { kind: 'client', parent: outer.traceparent })
  inner.end(new YizhanError('backend_failed', 'what a person wrote'))
  outer.end()
  outer.end()
  for (const wrong of [
    '',
    'x',
    PARENT.replace('00-', 'ff-'),
    PARENT.replace(/-b7.*/, '-0000000000000000-01'),
  ]) {
    const span = tracing.begin('fresh', { kind: 'server', parent: wrong })
    assert.match(span.traceparent ?? '', /^00-(?!0af7)[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  }
  const unsampled = tracing.begin('unsampled', { kind: 'server', parent: PARENT.replace(/01$/, '00') })
  assert.match(unsampled.traceparent ?? '', /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/)
  unsampled.end()
  await tracing.stop()
  const sent = bodies.flatMap((body) => JSON.parse(body).resourceSpans) as {
    resource: { attributes: { key: string; value: { stringValue: string } }[] }
    scopeSpans: { spans: Record<string, unknown>[] }[]
  }[]
  const spans = sent.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
  assert.deepEqual(
    spans.map(({ name, traceId, parentSpanId }) => [name, traceId, parentSpanId]),
    [
      ['inner', PARENT.slice(3, 35), outer.traceparent?.slice(36, 52)],
      ['outer', PARENT.slice(3, 35), PARENT.slice(36, 52)],
    ],
  )
  const service = sent[0]?.resource.attributes.find(({ key }) => key === 'service.name')
  assert.equal(service?.value.stringValue, 'yizhan-center')
  assert.ok(!bodies.join('').includes('what a person wrote'))
})
