import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  adminCall,
  adminStream,
  asTenantId,
  plainSealer,
  startAdminServer,
  validatorCompiler,
  YizhanError,
} from '@yizhan/kernel'
import { createCenterAudit } from '../audit/index.js'
import { createFileStore, pieceDirectories } from '../files/index.js'
import { openTestStorage } from '../storage/testing/test-storage.js'
import { registerAttachments } from './attachment-routes.js'

const never = new AbortController().signal
const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === expected

async function start(t: TestContext, maxBytes?: number) {
  const { dir, clock, log, storage } = await openTestStorage(t)
  const files = createFileStore(
    {
      ...{ store: storage.store, pieces: pieceDirectories([join(dir, 'files')]), sealer: plainSealer },
      ...{ keys: { lookupKey: async () => new Uint8Array(32) }, clock },
    },
    { pieceBytes: 1_000, ...(maxBytes === undefined ? {} : { maxBytes }) },
  )
  const socketPath = join(dir, 'admin.sock')
  // Only that it is there matters here.
  const catalog = { current: (tenant: string) => (tenant === 'acme' ? ({} as never) : undefined) }
  const server = await startAdminServer(
    { log },
    {
      socketPath,
      routes: (app) => {
        app.setValidatorCompiler(validatorCompiler)
        registerAttachments(app, { catalog, files, audit: createCenterAudit({ ...storage, clock }) }, 'admin')
      },
    },
  )
  t.after(() => server.stop('the test ends'))
  const acme = asTenantId('acme')
  assert.ok(acme)
  return {
    files,
    store: storage.store,
    acme,
    call: (method: 'GET' | 'POST' | 'DELETE', path: string) => adminCall(socketPath, method, path),
    async put(content: Buffer, query = 'name=a.bin') {
      const { body } = await adminStream(
        socketPath,
        'POST',
        `/v1/tenants/acme/attachments?${query}`,
        { body: chunks(content) },
        never,
      )
      return JSON.parse((await all(body)).toString()) as { id: string; sizeBytes: number; name: string }
    },
    async get(id: string, range?: string) {
      const headers = range === undefined ? {} : { range }
      const answer = await adminStream(
        socketPath,
        'GET',
        `/v1/tenants/acme/attachments/${id}`,
        { headers },
        never,
      )
      return { headers: answer.headers, content: await all(answer.body) }
    },
  }
}

test('a file of some megabytes goes up and comes down as it was, with its name', async (t) => {
  const center = await start(t)
  const content = randomBytes(3 * 1024 * 1024 + 17)
  const stored = await center.put(content, `name=${encodeURIComponent('发票 1.pdf')}&type=application/pdf`)
  assert.equal(stored.sizeBytes, content.length)
  const down = await center.get(stored.id)
  assert.ok(down.content.equals(content))
  assert.match(down.headers['content-disposition'] ?? '', /filename\*=UTF-8''%E5%8F%91%E7%A5%A8%201\.pdf/)
  assert.equal(down.headers['content-type'], 'application/octet-stream')
  assert.equal(down.headers['x-content-type-options'], 'nosniff')
  const entries = (await center.store.audit(center.acme)).entries
  assert.deepEqual(
    entries.map(({ actor, action, object }) => ({ actor, action, object })),
    [
      { actor: 'admin', action: 'CREATE', object: `files/${stored.id}` },
      { actor: 'admin', action: 'READ', object: `files/${stored.id}` },
    ],
  )
  assert.ok(entries[0]?.requestId)
})

test('a range is answered with its bytes; one beyond the end, several, or nonsense as the standard says', async (t) => {
  const center = await start(t)
  const content = randomBytes(5_000)
  const { id } = await center.put(content)
  const part = await center.get(id, 'bytes=990-2009')
  assert.ok(part.content.equals(content.subarray(990, 2_010)))
  assert.equal(part.headers['content-range'], 'bytes 990-2009/5000')
  assert.ok((await center.get(id, 'bytes=-10')).content.equals(content.subarray(4_990)))
  assert.ok((await center.get(id, 'bytes=4000-')).content.equals(content.subarray(4_000)))
  assert.ok((await center.get(id, 'bytes=0-1,5-6')).content.equals(content))
  assert.ok((await center.get(id, 'lines=1-2')).content.equals(content))
  await assert.rejects(center.get(id, 'bytes=5000-'))
})

test('bad names and ids, an unknown tenant and a content beyond the limit are refused, and nothing is kept', async (t) => {
  const center = await start(t, 4_000)
  await assert.rejects(center.put(randomBytes(10), 'name='), code('invalid_argument'))
  await assert.rejects(center.put(randomBytes(10), 'name=a%2Fb'), code('invalid_argument'))
  await assert.rejects(center.put(randomBytes(10), 'name=a&type=x'), code('invalid_argument'))
  await assert.rejects(center.put(randomBytes(4_001)), code('too_large'))
  await assert.rejects(center.call('GET', '/v1/tenants/other/attachments'), code('not_found'))
  await assert.rejects(center.get('file_..%2f..'), code('invalid_argument'))
  await assert.rejects(center.get(`file_${'0'.repeat(26)}`), code('not_found'))
  assert.deepEqual(await center.call('GET', '/v1/tenants/acme/attachments'), { files: [] })
})

test('a file is checked, listed and deleted', async (t) => {
  const center = await start(t)
  const { id } = await center.put(randomBytes(2_500))
  assert.deepEqual(await center.call('POST', `/v1/tenants/acme/attachments/${id}/check`), {
    file: id,
    badPieces: [],
  })
  assert.deepEqual(await center.call('DELETE', `/v1/tenants/acme/attachments/${id}`), {
    file: id,
    deleted: true,
  })
  await assert.rejects(center.call('DELETE', `/v1/tenants/acme/attachments/${id}`), code('not_found'))
  assert.deepEqual(await center.call('GET', '/v1/tenants/acme/attachments'), { files: [] })
})

async function* chunks(content: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000)
}

async function all(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts)
}
