import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import { create, Inference, InferRequestSchema, RpcClient } from '@yizhan/proto'
import { ChatClient } from '../support/chat-client.js'
import { Child } from '../support/child.js'
import { ACME, Installation } from '../support/installation.js'
import { beside, type Row } from './report.js'

const TOKENS = 10_000
const STREAMS = 8
const QUESTION = '公司的愿景是什么样的呢，请详细说明'
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/**
 * Tokens a second from an OpenAI-compatible server through center, link and edge to MQTT clients, beside a grpc-js
 * server that pushes one token a message over mTLS and a client that counts them.
 */
export async function benchLink(say: (text: string) => void): Promise<Row[]> {
  const cleanUps: (() => unknown)[] = []
  const scope = { after: (fn: () => unknown) => cleanUps.push(fn) }
  try {
    say('raw grpc-js push over mTLS …')
    const raw = await rawPush(scope)
    const llm = new Child(here('./llm-server.js'), [String(TOKENS)])
    cleanUps.push(() => llm.end('SIGKILL'))
    const { url } = await llm.ready
    const all = await Installation.start(scope, {
      YIZHAN_INFERENCE__LLM__URL: String(url),
      YIZHAN_INFERENCE__LLM__MODEL: 'bench',
    })
    await all.apply(ACME)
    const edge = await all.addEdge('bench', ['acme'])
    say('through center and edge …')
    const people = await Promise.all(
      Array.from({ length: STREAMS }, (_, i) => ChatClient.connect(edge.mqtt, 'acme', `p${i}`)),
    )
    await Promise.all(people.map((person) => person.ask(QUESTION)))
    const started = performance.now()
    const finals = await Promise.all(people.map((person) => person.ask(QUESTION)))
    const seconds = (performance.now() - started) / 1000
    const got = finals.reduce((sum, final) => sum + final.text.length / 'word'.length, 0)
    await Promise.all(people.map((person) => person.end()))
    return [
      beside(`tokens, ${STREAMS} streams`, got / seconds, 'tokens/s', 'raw grpc-js push', raw.perSecond),
      beside('tokens that arrived', got, 'tokens', 'raw grpc-js push', raw.tokens),
    ]
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  }
}

async function rawPush(scope: {
  after(fn: () => unknown): unknown
}): Promise<{ perSecond: number; tokens: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'yz-raw-'))
  scope.after(() => rmSync(dir, { recursive: true, force: true }))
  const file = (name: string) => join(dir, name)
  // One self-signed certificate serves as CA, server and client: the peer measures the transport, not a PKI.
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', file('key.pem'), '-out', file('cert.pem')],
    ],
    { stdio: 'ignore' },
  )
  const server = new Child(here('./raw-push.js'), [
    file('key.pem'),
    file('cert.pem'),
    file('cert.pem'),
    String(TOKENS),
  ])
  scope.after(() => server.end('SIGKILL'))
  const { port } = await server.ready
  const cert = readFileSync(file('cert.pem'))
  const client = new RpcClient(
    `localhost:${port}`,
    grpc.credentials.createSsl(cert, readFileSync(file('key.pem')), cert),
  )
  const stream = client.bidi(Inference.method.infer)
  stream.on('error', () => undefined)
  const run = () =>
    new Promise<number>((resolve) => {
      let tokens = 0
      let ended = 0
      stream.removeAllListeners('data')
      stream.on('data', (response) => {
        if (response.frame.case === 'tokens') tokens += 1
        else if (++ended === STREAMS) resolve(tokens)
      })
      for (let i = 0; i < STREAMS; i++) stream.write(create(InferRequestSchema, { requestId: `r${i}` }))
    })
  await run()
  const started = performance.now()
  const tokens = await run()
  const seconds = (performance.now() - started) / 1000
  stream.cancel()
  client.close()
  return { perSecond: tokens / seconds, tokens }
}
