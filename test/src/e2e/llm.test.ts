import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { ACME, Installation } from '../support/installation.js'

interface Asked {
  readonly model: string
  readonly stream: boolean
  readonly messages: readonly { readonly role: string; readonly content: string }[]
}

/** An OpenAI-compatible server whose pieces the test hands out. */
async function modelServer(t: { after(fn: () => unknown): void }) {
  const calls: {
    asked: Asked
    authorization: string | undefined
    response: ServerResponse
    closed: Promise<unknown>
  }[] = []
  const arrived: (() => void)[] = []
  const server = createServer(async (request: IncomingMessage, response) => {
    let body = ''
    for await (const data of request) body += String(data)
    // It says nothing of itself when it is asked for its load or its models.
    if (request.method === 'GET') return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const { authorization } = request.headers
    calls.push({ asked: JSON.parse(body) as Asked, authorization, response, closed: once(response, 'close') })
    for (const wake of arrived.splice(0)) wake()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/v1`,
    async call(n: number) {
      while (calls[n] === undefined) await new Promise<void>((resolve) => arrived.push(resolve))
      return calls[n]
    },
  }
}

const piece = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
const end = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`

test('with an OpenAI-compatible server the center streams from it, documents as context', async (t) => {
  const model = await modelServer(t)
  const all = await Installation.start(t, {
    YIZHAN_INFERENCE__LLM__URL: model.url,
    YIZHAN_INFERENCE__LLM__MODEL: 'test-model',
    YIZHAN_INFERENCE__LLM__API_KEY: 'key-of-the-test',
  })
  await all.apply(ACME)
  const edge = await all.addEdge('branch', ['acme'])
  const li = await ChatClient.connect(edge.mqtt, 'acme')

  await t.test(
    'pieces arrive as they are written, the passages were sent along, citations come back',
    async () => {
      const id = await li.say('笔记本丢了要打哪个电话？')
      const call = await model.call(0)
      assert.equal(call.asked.model, 'test-model')
      assert.equal(call.asked.stream, true)
      assert.equal(call.authorization, 'Bearer key-of-the-test')
      assert.match(JSON.stringify(call.asked.messages), /8110/)
      assert.match(call.asked.messages.at(-1)?.content ?? '', /笔记本丢了/)
      call.response.write(piece('请拨打'))
      await li.until(() => (li.deltasOf(id).some((d) => d.text.includes('请拨打')) ? true : undefined))
      assert.equal(li.out.length, 0, 'the final waits for the end')
      call.response.write(piece(' 8110。[1]'))
      call.response.end(end)
      const final = await li.final(id)
      assert.equal(final.text, '请拨打 8110。[1]')
      assert.equal(final.answeredBy, 'center')
      assert.match(final.citations[0]?.document ?? '', /handbook-security/)
    },
  )

  await t.test('a cancel reaches the server: its connection closes', async () => {
    const id = await li.say('数据分为哪几级？')
    const call = await model.call(1)
    call.response.write(piece('数据分为'))
    await li.until(() => (li.deltasOf(id).length > 0 ? true : undefined))
    const asked = performance.now()
    await li.say('/cancel')
    await call.closed
    t.diagnostic(`from /cancel to the closed connection: ${(performance.now() - asked).toFixed(1)} ms`)
    assert.equal((await li.final(id)).finish, 'cancelled')
  })

  await t.test('a key never stands in a log or a status', async () => {
    assert.doesNotMatch(all.center.log, /key-of-the-test/)
    assert.doesNotMatch(JSON.stringify(await all.centerCommand('status')), /key-of-the-test/)
  })
  await li.end()
})
