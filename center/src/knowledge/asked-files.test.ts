import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { plainSealer, type TenantId } from '@yizhan/kernel'
import { createFileStore, pieceDirectories } from '../files/index.js'
import { acme, globex, never } from '../privacy/testing/stand.js'
import { openTestStorage } from '../storage/testing/test-storage.js'
import { AskedFileReader } from './asked-files.js'

const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(100, 7)])
const JPEG = Buffer.from('ffd8ffe000104a464946', 'hex')

async function start(t: TestContext, maxTokens = 100) {
  const { dir, clock, log, store } = await openTestStorage(t)
  const pieces = pieceDirectories([join(dir, 'files')])
  const keys = { lookupKey: async (tenant: TenantId) => Buffer.from(tenant.padEnd(32)) }
  const files = createFileStore({ store, pieces, sealer: plainSealer, keys, clock }, { pieceBytes: 1_000 })
  const subjects = {
    find: async (_: TenantId, { channel, sender }: { channel: string; sender: string }) =>
      channel === 'web' ? `sub_${sender}` : undefined,
  }
  const reader = new AskedFileReader({ files, subjects, log }, { maxTokens })
  return {
    files,
    async put(content: string | Buffer, subject?: string, tenant = acme) {
      const bytes = Buffer.from(content)
      const about = { name: 'stored', mediaType: 'text/plain', actor: 'user_1' }
      const whose = subject === undefined ? {} : { subject }
      const pieces = (async function* () {
        yield bytes
      })()
      return (await files.put(tenant, { ...about, ...whose }, pieces, never)).sha256
    },
    read: (named: readonly (readonly [string, string])[], sender = 'li', tenant = acme, signal = never) =>
      reader.read(
        { tenant, channel: 'web', conversation: 'c', sender },
        named.map(([name, sha256]) => ({ name, sha256 })),
        signal,
      ),
  }
}

test('what the center has not got, or has of somebody else, is not read', async (t) => {
  const { put, read } = await start(t)
  const hers = await put('the secret of Han', 'sub_han')
  const theirs = await put('the secret of Globex', undefined, globex)
  const unknown = createHash('sha256').update('?').digest('hex')
  const asked = [
    ['a.txt', ''],
    ['b.txt', unknown],
    ['c.txt', hers],
    ['d.txt', theirs],
  ] as const
  assert.deepEqual(await read(asked), { images: [], texts: [], unread: ['a.txt', 'b.txt', 'c.txt', 'd.txt'] })
  assert.equal((await read([['c.txt', hers]], 'han')).texts[0]?.text, 'the secret of Han')
  assert.equal((await read([['d.txt', theirs]], 'li', globex)).texts[0]?.text, 'the secret of Globex')
})

test('an image is what begins like one, whatever it is called, and not too large', async (t) => {
  const { put, read } = await start(t)
  const large = Buffer.concat([PNG, Buffer.alloc(4 * 1024 * 1024)])
  const { images, unread } = await read([
    ['a.png', await put('<svg onload=alert(1)>')],
    ['b.png', await put(large)],
    ['c.bin', await put(PNG)],
    ['d.png', await put(JPEG)],
  ])
  assert.deepEqual(unread, ['a.png', 'b.png'])
  assert.deepEqual(
    images.map(({ name, mediaType }) => [name, mediaType]),
    [
      ['c.bin', 'image/png'],
      ['d.png', 'image/jpeg'],
    ],
  )
  assert.deepEqual(Buffer.from(images[0]?.base64 ?? '', 'base64'), PNG)
})

test('of many images the first four are shown, of many files the first ten are looked at', async (t) => {
  const { put, read } = await start(t)
  const png = await put(PNG)
  const { images, unread } = await read(Array.from({ length: 6 }, (_, n) => [`${n}.png`, png] as const))
  assert.deepEqual([images.length, unread], [4, ['4.png', '5.png']])
  const text = await put('x')
  const many = await read(Array.from({ length: 12 }, (_, n) => [`${n}.txt`, text] as const))
  assert.deepEqual([many.texts.length, many.unread], [10, ['10.txt', '11.txt']])
})

test('of texts there is as much as there is room for, all together', async (t) => {
  const { put, read } = await start(t, 100)
  const { texts, unread } = await read([
    ['a.md', await put(`# A\n${'x'.repeat(196)}`)],
    ['b.txt', await put('字'.repeat(500))],
    ['c.txt', await put('nothing is left for this')],
    ['d.exe', await put('no text')],
  ])
  assert.deepEqual(
    texts.map(({ title, text }) => [title, text.length]),
    [
      ['a.md', 200],
      ['b.txt', 50],
    ],
  )
  assert.deepEqual(unread, ['c.txt', 'd.exe'])
})

test('a damaged file is not read, and hinders no other', async (t) => {
  const { put, read, files } = await start(t)
  const [bad, good] = [await put('bad'), await put('good')]
  const whole = files.read
  let isFirst = true
  files.read = (...asked) => {
    if (!isFirst) return whole(...asked)
    isFirst = false
    throw new Error('a piece is missing')
  }
  const { texts, unread } = await read([
    ['bad.txt', bad],
    ['good.txt', good],
  ])
  assert.deepEqual([texts.map(({ text }) => text), unread], [['good'], ['bad.txt']])
})

test('who gave up gets no files', async (t) => {
  const { put, read } = await start(t)
  const gone = AbortSignal.abort(new Error('gone'))
  const sha256 = await put('x')
  await assert.rejects(read([['a.txt', sha256]], 'li', acme, gone), /gone/)
})
