import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { createOutbound, ManualClock, YizhanError } from '@yizhan/kernel'
import { createOpenAi, type OpenAiConfig, type OpenAiDeps } from '../backends/openai/openai.js'
import type { GenerateRequest, Passage, Piece } from '../port.js'
import { tenant } from './book-harness.js'

type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void | Promise<void>

/** A model server on a real port that does what the test says. */
export async function startServer(t: TestContext, answer: Answer) {
  const requests: { path: string; headers: IncomingMessage['headers']; body: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      requests.push({ path: request.url ?? '', headers: request.headers, body })
      void answer(response, request, body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const outbound = createOutbound()
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await outbound.close()
  })
  const clock = new ManualClock()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const backend = (config: Partial<OpenAiConfig> = {}, parts: Partial<OpenAiDeps> = {}) =>
    createOpenAi({ http: outbound, clock, ...parts }, { url, model: 'm-1', ...config })
  return { url, clock, requests, backend }
}

const passages: Passage[] = ['one', 'two', 'three'].map((name, index) => ({
  document: `${name}.md`,
  title: name.toUpperCase(),
  heading: 'H',
  text: `text of ${name}`,
  score: 1 - index / 10,
}))

export const question: GenerateRequest = {
  tenant,
  question: '怎么连 VPN？',
  locale: 'zh-CN',
  history: [],
  passages,
}
/** A signal that never aborts. */
export function open(): AbortSignal {
  return new AbortController().signal
}

/** Reads an answer to its end. */
export async function collect(stream: AsyncIterable<Piece>) {
  const pieces: Piece[] = []
  for await (const piece of stream) pieces.push(piece)
  const end = pieces.find((piece) => piece.type === 'end')
  const cited = pieces.find((piece) => piece.type === 'citations')
  return {
    text: pieces.map((piece) => (piece.type === 'text' ? piece.text : '')).join(''),
    documents: cited?.citations.map((citation) => citation.document) ?? [],
    end,
  }
}

/** What such a server writes. */
export const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
export const delta = (content: string) => event({ choices: [{ index: 0, delta: { content } }] })
export const finish = (reason = 'stop') =>
  event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] })
export const DONE = 'data: [DONE]\n\n'

export function stream(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' })
}

export function failsWith(code: string, retryable: boolean, details: Record<string, unknown> = {}) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError, String(thrown))
    assert.equal(thrown.code, code)
    assert.equal(thrown.retryable, retryable)
    for (const [key, value] of Object.entries(details)) assert.deepEqual(thrown.details[key], value, key)
    return true
  }
}

/** Lets the event loop turn until the sockets have done their part. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
