import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { listenHttp } from './http-listener.js'

test('port 0 gives a URL that answers; the same port again is refused by name', async (t) => {
  const first = Fastify()
  t.after(() => first.close())
  first.get('/', async () => 'here')
  const url = await listenHttp(first, { host: '127.0.0.1', port: 0, setting: 'api.port' })
  assert.equal(await (await fetch(url)).text(), 'here')
  await assert.rejects(
    listenHttp(Fastify(), {
      host: '127.0.0.1',
      port: Number(new URL(url).port),
      setting: 'api.port (or --api-port)',
    }),
    { code: 'port_taken', hint: /api\.port \(or --api-port\)/ },
  )
})

test('an address that is not this machine’s is refused by name', async () => {
  await assert.rejects(listenHttp(Fastify(), { host: '192.0.2.1', port: 0, setting: 'api.port' }), {
    code: 'config_invalid',
    message: /192\.0\.2\.1.*EADDRNOTAVAIL/,
  })
})
