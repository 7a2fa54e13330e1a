import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { never } from '../tenants/testing/catalog.js'
import { createPageFetcher } from './page-fetcher.js'
import { isPublic } from './public-addresses.js'

/** Names as this test's network knows them. */
const ADDRESSES: Readonly<Record<string, string>> = {
  'wiki.corp': '127.0.0.1',
  'rebound.example': '127.0.0.1',
  'metadata.example': '169.254.169.254',
}

async function start(t: TestContext, listener: RequestListener, options = {}) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.headers.host?.replace(/:\d+$/, '')}${request.url}`)
    listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const fetcher = createPageFetcher({ allowedHosts: ['Wiki.corp'], ...options }, async (host) => {
    const address = ADDRESSES[host]
    return address === undefined ? [] : [{ address, family: 4 }]
  })
  t.after(() => fetcher.close())
  const outcome = async (address: string) => {
    const page = await fetcher.fetch(address.replace('PORT', String(port)), never)
    return 'problem' in page ? page.problem.en : page.source
  }
  return { fetcher, asked, outcome, port }
}

test('addresses of this machine, its networks and special ranges are not public, however they are written', () => {
  for (const address of [
    ...['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'],
    ...['224.0.0.1', '255.255.255.255', '::', '::1', 'fe80::1', 'fc00::1', 'ff02::1', '::ffff:127.0.0.1'],
    ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001:db8::1', 'x', ''],
  ]) {
    assert.equal(isPublic(address), false, address)
  }
  for (const address of ['93.184.216.34', '2606:2800:220:1::1', '::ffff:93.184.216.34']) {
    assert.equal(isPublic(address), true, address)
  }
})

test('what is not on the public internet is not asked, directly, by name, or by a redirect', async (t) => {
  const { outcome, asked, port } = await start(t, (request, response) => {
    const to = new URL(`http://x${request.url}`).searchParams.get('to') ?? ''
    response.writeHead(302, { location: to }).end()
  })
  for (const address of [
    'http://127.0.0.1:PORT/a',
    'http://127.0.0.1/a',
    'http://2130706433/a',
    'http://0x7f.1/a',
    'http://[::1]/a',
    'http://[::ffff:7f00:1]/a',
    'http://rebound.example/a',
    'http://rebound.example:PORT/a',
    'http://metadata.example/latest/meta-data',
  ]) {
    assert.match(String(await outcome(address)), /public internet/, address)
    const redirect = `http://wiki.corp:PORT/?to=${encodeURIComponent(address.replace('PORT', String(port)))}`
    assert.match(String(await outcome(redirect)), /public internet/, redirect)
  }
  assert.ok(asked.length > 0 && asked.every((line) => line.startsWith('wiki.corp/?to=')))
  for (const address of [
    'file:///etc/passwd',
    'ftp://wiki.corp/',
    'http://a:b@wiki.corp:PORT/',
    'no address',
  ]) {
    assert.match(String(await outcome(address)), /^is no address/, address)
    if (!URL.canParse(address)) continue
    assert.match(
      String(await outcome(`http://wiki.corp:PORT/?to=${encodeURIComponent(address)}`)),
      /^is no address/,
    )
  }
  assert.match(String(await outcome('http://wiki.corp:PORT/?to=/again')), /no address|too often/)
  assert.match(String(await outcome('http://nowhere.example/')), /could not be reached/)
})

test('an answer that is an error, too large, too slow or of another type is no page', async (t) => {
  const { outcome } = await start(
    t,
    (request, response) => {
      if (request.url === '/missing') response.writeHead(404).end()
      else if (request.url === '/image') response.writeHead(200, { 'content-type': 'image/png' }).end('x')
      else if (request.url === '/large') {
        response.writeHead(200, { 'content-type': 'text/plain' }).end(Buffer.alloc(20_000, 'a'))
      } else response.writeHead(200, { 'content-type': 'text/plain' }).write('a')
    },
    { maxBytes: 10_000, timeoutMs: 300 },
  )
  assert.equal(await outcome('http://wiki.corp:PORT/missing'), 'was answered with 404')
  assert.match(String(await outcome('http://wiki.corp:PORT/image')), /^is image\/png/)
  assert.match(String(await outcome('http://wiki.corp:PORT/large')), /larger/)
  assert.match(String(await outcome('http://wiki.corp:PORT/slow')), /in time/)
})

test('a page is taken with its type, in UTF-8, under its address', async (t) => {
  const { outcome, fetcher } = await start(t, (request, response) => {
    if (request.url === '/old') response.writeHead(301, { location: '/new' }).end()
    else {
      response.writeHead(200, { 'content-type': 'text/html; charset=gb2312' })
      response.end(Buffer.from([0x3c, 0x70, 0x3e, 0xc4, 0xea, 0xbc, 0xd9]))
    }
  })
  const page = await outcome('http://wiki.corp:PORT/old#part')
  assert.ok(typeof page === 'object')
  assert.match(page.name, /^http:\/\/wiki\.corp:\d+\/old$/)
  assert.equal(page.ending, 'html')
  assert.equal(Buffer.from(page.bytes).toString(), '<p>年假')
  await assert.rejects(fetcher.fetch('http://wiki.corp/', AbortSignal.abort(new Error('enough'))), /enough/)
})
