import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { silentLogger, startAdminServer, useErrorReplies } from '@yizhan/kernel'
import fastify from 'fastify'
import { registerDemoRoutes } from './demo-routes.js'

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

async function startDemo(t: TestContext, { launcher = true } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-demo-'))
  t.after(() => rm(dir, { recursive: true }))
  const socketPath = join(dir, 'demo.sock')
  const switched: unknown[] = []
  if (launcher) {
    const server = await startAdminServer(
      { log: silentLogger() },
      {
        socketPath,
        routes: (app) => {
          app.get('/demo', async () => ({ link: 'up', center: 'running' }))
          for (const path of ['/demo/link', '/demo/center']) {
            app.post(path, async ({ body }) => {
              switched.push([path, body])
              return { link: 'cut', center: 'running' }
            })
          }
        },
      },
    )
    t.after(() => server.stop('test over'))
  }
  const app = fastify()
  useErrorReplies(app, silentLogger())
  registerDemoRoutes(app, { socketPath })
  const url = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  t.after(() => app.close())

  /** Not `fetch`, which writes Host and Origin itself. */
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    new Promise<Answer>((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: url.port, method, path, headers }, async (response) => {
        let text = ''
        for await (const data of response) text += String(data)
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) })
      })
      call.once('error', reject)
      call.end(body)
    })
  const own = { host: url.host, origin: url.origin, 'content-type': 'application/json' }
  return { ask, own, switched, url }
}

test('what does not come from the own page on this machine switches nothing', async (t) => {
  const { ask, own, switched, url } = await startDemo(t)
  const cut = '{"state":"cut"}'
  const { origin: _, ...withoutOrigin } = own
  const refused: Record<string, string>[] = [
    withoutOrigin,
    { ...own, origin: 'https://evil.example' },
    { ...own, origin: 'null' },
    { ...own, origin: `http://127.0.0.1:${Number(url.port) + 1}` },
    // Another name for the same machine is another origin.
    { ...own, origin: `http://localhost:${url.port}` },
    // A name that was re-bound to 127.0.0.1 is its own origin.
    { ...own, host: `evil.example:${url.port}`, origin: `http://evil.example:${url.port}` },
    // What a form can post without being asked.
    { ...own, 'content-type': 'text/plain' },
    { ...own, 'content-type': 'application/x-www-form-urlencoded' },
    { ...own, 'content-type': 'text/plain; application/json' },
  ]
  for (const headers of refused) {
    const answer = await ask('POST', '/demo/link', headers, cut)
    assert.equal(answer.status, 403, JSON.stringify(headers))
  }
  assert.equal((await ask('GET', '/demo', { host: `evil.example:${url.port}` })).status, 403)
  assert.equal((await ask('GET', '/demo', { ...own, origin: 'https://evil.example' })).status, 403)
  assert.deepEqual(switched, [])
})

test('a body that says nothing known is refused', async (t) => {
  const { ask, own, switched } = await startDemo(t)
  for (const body of ['', '{', '{}', '{"state":"killed"}', '"cut"']) {
    assert.equal((await ask('POST', '/demo/link', own, body)).status, 400, body)
  }
  assert.deepEqual(switched, [])
})

test('the switches go to the launcher and its answer comes back', async (t) => {
  const { ask, own, switched } = await startDemo(t)
  assert.deepEqual(await ask('GET', '/demo', { host: own.host }), {
    status: 200,
    body: { link: 'up', center: 'running' },
  })
  const answer = await ask('POST', '/demo/link', own, '{"state":"cut"}')
  assert.deepEqual(answer.body, { link: 'cut', center: 'running' })
  await ask('POST', '/demo/center', own, '{"state":"killed"}')
  assert.deepEqual(switched, [
    ['/demo/link', { state: 'cut' }],
    ['/demo/center', { state: 'killed' }],
  ])
})

test('without a launcher the page is told so', async (t) => {
  const { ask, own } = await startDemo(t, { launcher: false })
  const answer = await ask('GET', '/demo', { host: own.host })
  assert.equal(answer.status, 503)
  assert.match(JSON.stringify(answer.body), /"code":"unavailable"/)
})
