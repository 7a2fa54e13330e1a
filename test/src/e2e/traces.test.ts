import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { StubProcess } from '../simulators/engine/stub-process.js'
import { ChatClient } from '../support/chat-client.js'
import { ACME, Installation } from '../support/installation.js'

interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly service: string
  readonly attributes: ReadonlyMap<string, unknown>
}

interface Resource {
  readonly resource: { readonly attributes: Attribute[] }
  readonly scopeSpans: readonly {
    readonly spans: readonly (Omit<Span, 'attributes'> & { attributes: Attribute[] })[]
  }[]
}

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

/** A tiny collector: what OTLP/JSON brings. */
async function collector(t: TestContext) {
  const spans: Span[] = []
  let text = ''
  const map = (attributes: readonly Attribute[]) =>
    new Map(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const data of request) body += String(data)
    text += body
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans as Resource[]) {
      const service = String(map(resource.attributes).get('service.name'))
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({ ...span, service, attributes: map(span.attributes) })
      }
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}/v1/traces`, spans, text: () => text }
}

test('one trace goes from the edge through the center to the engine, without a word of what was said', async (t) => {
  const { url, spans, text } = await collector(t)
  const stub = await StubProcess.start(t)
  const traced = { YIZHAN_TELEMETRY__OTLP_URL: url }
  const all = await Installation.start(t, { ...stub.settings, ...traced })
  await all.apply(ACME)
  const edge = await all.addEdge('traced', ['acme'], traced, { direct: true })
  const person = await ChatClient.connect(edge.mqtt, 'acme', 'li')
  const final = await person.ask('公司的愿景是什么样的呢，请详细说明 #trace')
  assert.match(final.text, /1\/#trace/)
  await person.end()
  // What waits is sent at the end.
  await edge.child.end()
  await all.center.end()
  const byName = new Map(spans.map((span) => [span.name, span]))
  const [forward, answer, chat] = ['forward', 'answer', 'chat'].map(
    (name) => byName.get(name) ?? assert.fail(name),
  )
  assert.ok(forward && answer && chat)
  assert.deepEqual(
    [forward, answer, chat].map(({ service }) => service),
    ['yizhan-edge', 'yizhan-center', 'yizhan-center'],
  )
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
  assert.deepEqual([answer.parentSpanId, chat.parentSpanId], [forward.spanId, answer.spanId])
  const sent = (await stub.requests()).at(-1)
  assert.equal(sent?.headers.traceparent, `00-${chat.traceId}-${chat.spanId}-01`)
  assert.equal(chat.attributes.get('gen_ai.operation.name'), 'chat')
  assert.equal(Number(chat.attributes.get('gen_ai.usage.output_tokens')), 20)
  assert.doesNotMatch(text(), /愿景|#trace/)
})
