import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  asTenantId,
  ManualClock,
  plainSealer,
  silentLogger,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { openStorage } from '../storage/index.js'
import { createFileStore, type FileStore, type NewFile, pieceDirectories } from './index.js'

const never = new AbortController().signal
const PIECE = 1_000
const keys = { lookupKey: async () => new Uint8Array(32) }
const note: NewFile = { name: '发票.pdf', mediaType: 'application/pdf', actor: 'user_1' }
const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === expected

interface Place {
  readonly files: FileStore
  readonly store: Awaited<ReturnType<typeof openStorage>>['store']
  readonly roots: readonly string[]
  readonly clock: ManualClock
  /** The same directories under a new process's eyes. */
  again(): FileStore
}

async function place(t: TestContext, maxBytes = 100_000): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-files-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const clock = new ManualClock()
  const storage = await openStorage(
    { log: silentLogger(), sealer: plainSealer, clock },
    { dir: join(dir, 'data'), shards: 1 },
  )
  t.after(() => storage.close())
  const roots = ['one', 'two', 'three'].map((name) => join(dir, name))
  const again = () =>
    createFileStore(
      { store: storage.store, pieces: pieceDirectories(roots), sealer: plainSealer, keys, clock },
      { pieceBytes: PIECE, maxBytes },
    )
  return { files: again(), store: storage.store, roots, clock, again }
}

const acme = tenant('acme')
const other = tenant('other')

test('what was stored comes back, whatever its length and however it came in', async (t) => {
  const { files, again } = await place(t)
  for (const length of [0, 1, PIECE - 1, PIECE, PIECE + 1, 7 * PIECE + 3]) {
    for (const chunk of [1 + length, 7, PIECE]) {
      const content = randomBytes(length)
      const stored = await files.put(acme, note, inChunks(content, chunk), never)
      assert.equal(stored.sizeBytes, length)
      assert.equal(stored.sha256, createHash('sha256').update(content).digest('hex'))
      assert.equal(stored.pieces, Math.ceil(length / PIECE))
      assert.deepEqual(await contentOf(again(), acme, stored.id), content)
      assert.deepEqual(await files.check(acme, stored.id, never), [])
      assert.deepEqual(await again().stat(acme, stored.id), stored)
    }
  }
})

test('a range gives exactly its bytes, and one beyond the end is refused', async (t) => {
  const { files } = await place(t)
  const content = randomBytes(3 * PIECE + 10)
  const { id } = await files.put(acme, note, inChunks(content, 512), never)
  for (const [start, end] of [
    [0, 0],
    [0, PIECE - 1],
    [PIECE - 1, PIECE],
    [PIECE, 3 * PIECE + 9],
    [3 * PIECE + 9, 3 * PIECE + 9],
  ] as const) {
    assert.deepEqual(await contentOf(files, acme, id, { start, end }), content.subarray(start, end + 1))
  }
  for (const [start, end] of [
    [-1, 5],
    [5, 4],
    [0, content.length],
    [0.5, 2],
    [Number.NaN, 2],
  ] as const) {
    await assert.rejects(contentOf(files, acme, id, { start, end }), code('invalid_argument'))
  }
})

test('pieces lie in every directory, named by no name of a file', async (t) => {
  const { files, roots } = await place(t)
  await files.put(acme, note, inChunks(randomBytes(30 * PIECE), PIECE), never)
  for (const root of roots) {
    const names = (await readdir(root, { recursive: true })).map(String)
    assert.ok(names.length > 3, `${root} holds too few pieces`)
    assert.ok(names.every((name) => !name.includes('发票')))
  }
})

test('a damaged, shortened, missing or exchanged piece is found, and no other piece suffers', async (t) => {
  const { files, roots } = await place(t)
  const content = randomBytes(6 * PIECE)
  const { id } = await files.put(acme, note, inChunks(content, PIECE), never)
  const { id: twin } = await files.put(acme, note, inChunks(content, PIECE), never)
  const path = (file: string, piece: number) => pathOf(roots, file, piece)
  const flipped = await readFile(await path(id, 0))
  flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1
  await writeFile(await path(id, 0), flipped)
  await truncate(await path(id, 1), 10)
  await rm(await path(id, 2))
  await writeFile(await path(id, 3), await readFile(await path(twin, 3)))
  assert.deepEqual(await files.check(acme, id, never), [0, 1, 2, 3])
  for (const piece of [0, 1, 2, 3]) {
    const range = { start: piece * PIECE, end: piece * PIECE }
    await assert.rejects(contentOf(files, acme, id, range), code('data_corrupt'))
  }
  const rest = { start: 4 * PIECE, end: 6 * PIECE - 1 }
  assert.deepEqual(await contentOf(files, acme, id, rest), content.subarray(rest.start))
  assert.deepEqual(await files.check(acme, twin, never), [])
})

test('pieces are found where another list of directories, or a restore, has put them', async (t) => {
  const { files, roots, store, clock } = await place(t)
  const content = randomBytes(20 * PIECE)
  const { id } = await files.put(acme, note, inChunks(content, PIECE), never)
  const [one = '', ...others] = roots
  const withPieces = (pieces: ReturnType<typeof pieceDirectories>) =>
    createFileStore({ store, pieces, sealer: plainSealer, keys, clock }, { pieceBytes: PIECE })
  const turned = withPieces(pieceDirectories([...others, one]))
  assert.deepEqual(await contentOf(turned, acme, id), content)
  const moved = withPieces(pieceDirectories([one], others))
  assert.deepEqual(await contentOf(moved, acme, id), content)
  await moved.delete(acme, id, { actor: 'user_1' })
  for (const root of roots) assert.deepEqual(await readdir(join(root, 'acme')), [])
})

test('another tenant does not see the file', async (t) => {
  const { files } = await place(t)
  const { id } = await files.put(acme, note, inChunks(randomBytes(10), 10), never)
  assert.equal(await files.stat(other, id), undefined)
  assert.deepEqual((await files.list(other)).files, [])
  await assert.rejects(contentOf(files, other, id), code('not_found'))
  await assert.rejects(files.delete(other, id, { actor: 'user_1' }), code('not_found'))
  assert.equal((await contentOf(files, acme, id)).length, 10)
})

test('bad names, media types and sizes are refused, and nothing is left', async (t) => {
  const { files, roots, store } = await place(t, 5 * PIECE)
  const bad: NewFile[] = ['', 'a/b', 'a\\b', 'a\0b', 'a\nb', 'x'.repeat(256)].map((name) => ({
    ...note,
    name,
  }))
  bad.push(...['', 'pdf', 'a/b/c', 'a/b; c=d', 'a /b'].map((mediaType) => ({ ...note, mediaType })))
  for (const file of bad) {
    await assert.rejects(
      files.put(acme, file, inChunks(randomBytes(10), 10), never),
      code('invalid_argument'),
    )
  }
  await assert.rejects(
    files.put(acme, note, inChunks(randomBytes(6 * PIECE), PIECE), never),
    code('too_large'),
  )
  await nothingLeft(files, roots, store)
})

test('a content that breaks off, or is called off, leaves nothing', async (t) => {
  const { files, roots, store } = await place(t)
  async function* broken() {
    yield randomBytes(3 * PIECE)
    throw new YizhanError('unavailable', 'the sender went away')
  }
  await assert.rejects(files.put(acme, note, broken(), never), code('unavailable'))
  const stop = new AbortController()
  async function* endless() {
    for (let i = 0; ; i++) {
      if (i === 5) stop.abort(new YizhanError('cancelled', 'enough'))
      yield randomBytes(PIECE)
    }
  }
  await assert.rejects(files.put(acme, note, endless(), stop.signal), code('cancelled'))
  await nothingLeft(files, roots, store)
})

test('what a crash left is swept after a restart, and neither files nor uploads under way are', async (t) => {
  const { files, again, roots } = await place(t)
  const kept = await files.put(acme, note, inChunks(randomBytes(3 * PIECE), PIECE), never)
  await pieceDirectories(roots).put(acme, 'file_crashed', 0, randomBytes(20))
  let goOn: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let begun: () => void = () => undefined
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve
  })
  const after = again()
  async function* slow() {
    yield randomBytes(2 * PIECE)
    begun()
    await held
    yield randomBytes(PIECE)
  }
  const uploading = after.put(acme, note, slow(), never)
  await hasBegun
  assert.deepEqual(await after.sweep(acme, never), { files: 1 })
  goOn()
  const { id } = await uploading
  assert.equal((await contentOf(after, acme, id)).length, 3 * PIECE)
  assert.equal((await contentOf(after, acme, kept.id)).length, 3 * PIECE)
  assert.deepEqual(await after.sweep(acme, never), { files: 0 })
})

test('a deleted file is gone with its pieces, and an expired one after the sweep', async (t) => {
  const { files, roots, clock, store } = await place(t)
  const first = await files.put(acme, note, inChunks(randomBytes(3 * PIECE), PIECE), never)
  await files.put(
    acme,
    { ...note, expiresAt: clock.wall() + 1_000 },
    inChunks(randomBytes(PIECE), PIECE),
    never,
  )
  await files.delete(acme, first.id, { actor: 'user_2' })
  assert.equal(await files.stat(acme, first.id), undefined)
  clock.advance(1_000)
  assert.deepEqual((await files.list(acme)).files, [])
  assert.deepEqual(
    await files.sweep(acme, never),
    { files: 0 },
    'its record lies there still: it may be held',
  )
  const { places } = await store.places(acme, { expiredBefore: clock.wall() + 1 })
  const gone = places.map(({ collection, key }) => ({ op: 'delete', collection, key }) as const)
  await store.batch(acme, gone, { time: 1, actor: 'privacy', action: 'DELETE', object: 'files' })
  assert.deepEqual(await files.sweep(acme, never), { files: 1 })
  assert.deepEqual(await pieceDirectories(roots).files(acme), [])
  const { entries } = await store.audit(acme)
  assert.deepEqual(
    entries.map(({ action, actor }) => [action, actor]),
    [
      ['CREATE', 'user_1'],
      ['CREATE', 'user_1'],
      ['DELETE', 'user_2'],
      ['DELETE', 'privacy'],
    ],
  )
})

async function nothingLeft(files: FileStore, roots: readonly string[], store: Place['store']): Promise<void> {
  assert.deepEqual((await files.list(acme)).files, [])
  assert.deepEqual(await pieceDirectories(roots).files(acme), [])
  assert.deepEqual((await store.audit(acme)).entries, [])
}

async function pathOf(roots: readonly string[], file: string, piece: number): Promise<string> {
  for (const root of roots) {
    const names = (await readdir(root, { recursive: true })).map(String)
    const found = names.find((name) => name.endsWith(join(file, String(piece))))
    if (found) return join(root, found)
  }
  assert.fail(`piece ${piece} is nowhere`)
}

async function contentOf(files: FileStore, of: TenantId, id: string, range?: { start: number; end: number }) {
  const chunks: Uint8Array[] = []
  for await (const chunk of files.read(of, id, range, never)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* inChunks(content: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size)
}

function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

test('a file is found by its content, in its tenant and as long as it is there', async (t) => {
  const { files } = await place(t)
  const content = randomBytes(10)
  const sha256 = createHash('sha256').update(content).digest('hex')
  assert.deepEqual(await files.withContent(acme, sha256), [])
  const { id } = await files.put(acme, note, inChunks(content, 10), never)
  assert.deepEqual(
    (await files.withContent(acme, sha256)).map((file) => file.id),
    [id],
  )
  assert.deepEqual(await files.withContent(other, sha256), [])
  await files.delete(acme, id, { actor: 'user_1' })
  assert.deepEqual(await files.withContent(acme, sha256), [])
})
