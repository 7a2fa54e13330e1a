import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { verifyFiles, verifyManifest } from '@yizhan/intent'
import { asTenantId, YizhanError } from '@yizhan/kernel'
import { BundleStore, type NewBundle } from './bundle-store.js'

const { privateKey } = generateKeyPairSync('ed25519')
const signer = { current: { keyId: 'k1', privateKey }, publicKeys: [] }
const acme = asTenantId('acme')
assert.ok(acme)
const bundle: NewBundle = {
  tenant: acme,
  version: 3,
  createdAt: 1_700_000_000_000,
  files: new Map([
    ['model.onnx', Buffer.from('model')],
    ['tenant.json', Buffer.from('{}')],
  ]),
}

async function open(t: TestContext): Promise<{ dir: string; store: BundleStore }> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-bundles-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return { dir: join(dir, 'bundles'), store: new BundleStore(join(dir, 'bundles'), signer) }
}

const failsWith = (code: string) => (thrown: unknown) => thrown instanceof YizhanError && thrown.code === code

test('a bundle that was never added is not there, whatever its name', async (t) => {
  const { dir, store } = await open(t)
  await mkdir(join(dir, 'x'), { recursive: true })
  await writeFile(join(dir, 'x', 'manifest.json'), '{}')
  for (const digest of ['0'.repeat(64), 'x', '../x', '', `${'0'.repeat(63)}A`]) {
    assert.equal(await store.manifest(digest), undefined)
    assert.equal(await store.file(digest, 'manifest.json'), undefined)
    assert.equal(await store.has(digest), false)
  }
})

test('only the files of the manifest are given', async (t) => {
  const { dir, store } = await open(t)
  const { digest } = await store.add(bundle)
  for (const path of ['manifest.json', 'signature.json', '../x', 'model.onnx/', '/etc/passwd', '', 'other']) {
    assert.equal(await store.file(digest, path), undefined, path)
  }
  const file = await store.file(digest, 'model.onnx')
  assert.deepEqual(file, { path: join(dir, digest, 'model.onnx'), size: 5 })
  assert.equal(await readFile(file?.path ?? '', 'utf8'), 'model')
})

test('names that leave the directory are refused and nothing is written', async (t) => {
  const { dir, store } = await open(t)
  const files = new Map([['../evil', Buffer.from('x')]])
  await assert.rejects(store.add({ ...bundle, files }), failsWith('invalid_argument'))
  await assert.rejects(readdir(dir), /ENOENT/)
})

test('what is written is what an edge accepts under its digest', async (t) => {
  const { store } = await open(t)
  const { digest, sizeBytes } = await store.add(bundle)
  assert.equal(sizeBytes, 7)
  const found = await store.manifest(digest)
  assert.ok(found)
  assert.equal(found.tenant, acme)
  assert.equal(found.keyId, 'k1')
  assert.equal(createHash('sha256').update(found.manifest).digest('hex'), digest)
  const manifest = verifyManifest(found.manifest, found.signature, [createPublicKey(privateKey)], digest)
  assert.equal(manifest.version, 3)
  verifyFiles(manifest, bundle.files)
})

test('the same content is one bundle, another version is another', async (t) => {
  const { dir, store } = await open(t)
  const [first, again] = await Promise.all([store.add(bundle), store.add(bundle)])
  assert.deepEqual(again, first)
  assert.deepEqual(await store.add(bundle), first)
  const other = await store.add({ ...bundle, version: 4 })
  assert.notEqual(other.digest, first.digest)
  assert.deepEqual((await readdir(dir)).sort(), [first.digest, other.digest].sort())
})

test('a sweep takes half-written bundles and those that nothing is in force of', async (t) => {
  const { dir, store } = await open(t)
  assert.equal(await store.sweep(new Set()), 0)
  const kept = await store.add(bundle)
  await store.add({ ...bundle, version: 4 })
  await mkdir(join(dir, '.staging-abc'))
  await writeFile(join(dir, '.staging-abc', 'model.onnx'), 'half')
  assert.equal(await store.sweep(new Set([kept.digest])), 2)
  assert.deepEqual(await readdir(dir), [kept.digest])
  assert.ok(await store.manifest(kept.digest))
})

test('a damaged bundle is named as such and not as absent', async (t) => {
  const { dir, store } = await open(t)
  const { digest } = await store.add(bundle)
  for (const [file, content] of [
    ['signature.json', '{"keyId": 1}'],
    ['signature.json', 'x'],
    ['manifest.json', '{"tenant":"acme"'],
  ] as const) {
    await writeFile(join(dir, digest, file), content)
    await assert.rejects(store.manifest(digest), failsWith('data_corrupt'))
  }
  await assert.rejects(store.file(digest, 'model.onnx'), failsWith('data_corrupt'))
})

test('a directory that cannot be written is a failure of the storage', async (t) => {
  const { dir } = await open(t)
  await writeFile(dir, 'a file where the directory should be')
  await assert.rejects(new BundleStore(dir, signer).add(bundle), failsWith('storage_failed'))
})
