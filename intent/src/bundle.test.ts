import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { asTenantId, canonicalJson, sha256Hex, type TenantId, YizhanError } from '@yizhan/kernel'
import {
  buildManifest,
  parseManifest,
  signManifest,
  verifyFile,
  verifyFiles,
  verifyManifest,
} from './bundle.js'

const acme = asTenantId('acme') as TenantId
const keys = generateKeyPairSync('ed25519')
const others = generateKeyPairSync('ed25519')
const files = new Map<string, Uint8Array>([
  ['model.onnx', Buffer.from([1, 2, 3])],
  ['bundle.json', Buffer.from('{}')],
  ['tenant.json', Buffer.from('{"a":1}')],
])
const input = { tenant: acme, version: 3, createdAt: 1_800_000_000_000, files }
const manifest = buildManifest(input)
const signature = signManifest(manifest, keys.privateKey)

const refusedWith = (code: string) => (error: unknown) => error instanceof YizhanError && error.code === code
const bytes = (value: unknown) => Buffer.from(canonicalJson(value))
/** Verifies bytes that were signed and expected as they are. */
const signed = (content: Uint8Array) =>
  verifyManifest(content, signManifest(content, keys.privateKey), [keys.publicKey], sha256Hex(content))

test('a manifest of another digest is refused, so an older one that was signed truly is too', () => {
  const older = buildManifest({ ...input, version: 2 })
  const truly = signManifest(older, keys.privateKey)
  assert.throws(
    () => verifyManifest(older, truly, [keys.publicKey], sha256Hex(manifest)),
    refusedWith('data_corrupt'),
  )
})

test('a signature by another key, over other bytes, cut or absent is refused before the manifest is parsed', () => {
  const digest = sha256Hex(manifest)
  const denied = refusedWith('permission_denied')
  const byOther = signManifest(manifest, others.privateKey)
  assert.throws(() => verifyManifest(manifest, byOther, [keys.publicKey], digest), denied)
  assert.throws(() => verifyManifest(manifest, signature, [others.publicKey], digest), denied)
  assert.throws(() => verifyManifest(manifest, signature, [], digest), denied)
  assert.throws(() => verifyManifest(manifest, signature.subarray(1), [keys.publicKey], digest), denied)
  assert.throws(() => verifyManifest(manifest, new Uint8Array(), [keys.publicKey], digest), denied)
  const rubbish = Buffer.from('not json at all')
  assert.throws(() => verifyManifest(rubbish, signature, [keys.publicKey], sha256Hex(rubbish)), denied)
})

test('a signature over the bare manifest, without the prefix, is refused', async () => {
  const { sign } = await import('node:crypto')
  const bare = sign(null, manifest, keys.privateKey)
  assert.throws(
    () => verifyManifest(manifest, bare, [keys.publicKey], sha256Hex(manifest)),
    refusedWith('permission_denied'),
  )
})

test('keys of another kind neither sign nor verify', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  assert.throws(() => signManifest(manifest, rsa.privateKey), refusedWith('invalid_argument'))
  assert.throws(() => signManifest(manifest, keys.publicKey), refusedWith('invalid_argument'))
  assert.throws(
    () => verifyManifest(manifest, signature, [rsa.publicKey], sha256Hex(manifest)),
    refusedWith('permission_denied'),
  )
})

test('any of several trusted keys will do', () => {
  const found = verifyManifest(manifest, signature, [others.publicKey, keys.publicKey], sha256Hex(manifest))
  assert.equal(found.tenant, 'acme')
  assert.equal(found.version, 3)
  assert.deepEqual(
    found.files.map((entry) => entry.path),
    ['bundle.json', 'model.onnx', 'tenant.json'],
  )
})

test('names that leave the directory, or could on some file system, are refused on both sides', () => {
  const names = [
    '../x',
    '..',
    'a/../x',
    '/etc/passwd',
    'a/b',
    'a\\b',
    'C:x',
    '.hidden',
    'x..y',
    'Model.onnx',
    'a\u0000b',
    'ｘ',
    '',
    ' x',
    'x\n',
    'x'.repeat(65),
    'manifest.json',
    'signature.json',
  ]
  const good = parseManifest(manifest)
  for (const path of names) {
    const bad = refusedWith('invalid_argument')
    assert.throws(() => buildManifest({ ...input, files: new Map([[path, new Uint8Array()]]) }), bad, path)
    assert.throws(() => signed(bytes({ ...good, files: [{ ...good.files[0], path }] })), bad, path)
  }
})

test('a manifest that is signed but does not fit is refused', () => {
  const good = parseManifest(manifest)
  const [first, second] = good.files
  const entry = { path: 'a', size: 1, sha256: 'ab'.repeat(32) }
  const bad: unknown[] = [
    null,
    {},
    { ...good, format: 2 },
    { ...good, kind: 'plugin' },
    { ...good, extra: true },
    { ...good, tenant: 'Acme' },
    { ...good, tenant: '../acme' },
    { ...good, version: 0 },
    { ...good, version: 1.5 },
    { ...good, createdAt: '2027-01-15' },
    { ...good, files: [] },
    { ...good, files: [second, first] },
    { ...good, files: [first, first] },
    { ...good, files: [{ ...entry, size: -1 }] },
    { ...good, files: [{ ...entry, sha256: 'AB'.repeat(32) }] },
    { ...good, files: [{ ...entry, mode: 0o777 }] },
    {
      ...good,
      files: Array.from({ length: 65 }, (_, i) => ({ ...entry, path: `f${String(i).padStart(3, '0')}` })),
    },
  ]
  for (const value of bad)
    assert.throws(() => signed(bytes(value)), refusedWith('invalid_argument'), JSON.stringify(value))
})

test('other spellings of the same manifest are refused: spaces, repeated keys, a byte order mark', () => {
  const text = Buffer.from(manifest).toString()
  const spellings = [` ${text}`, text.replace(',', ', '), text.replace('{', '{"format":1,'), `\ufeff${text}`]
  for (const spelling of spellings)
    assert.throws(() => signed(Buffer.from(spelling)), refusedWith('invalid_argument'))
})

test('a bundle over the limits is refused', () => {
  const tooLarge = refusedWith('too_large')
  const half = { size: 40 * 1024 * 1024, sha256: 'ab'.repeat(32) }
  const entries = ['a', 'b'].map((path) => ({ path, ...half }))
  assert.throws(() => signed(bytes({ ...parseManifest(manifest), files: entries })), tooLarge)
  assert.throws(() => signed(Buffer.alloc(64 * 1024 + 1, 0x20)), tooLarge)
})

test('a file with a flipped bit, one byte more or one less is refused', () => {
  const entry = parseManifest(manifest).files.find((file) => file.path === 'model.onnx')
  assert.ok(entry)
  verifyFile(entry, Buffer.from([1, 2, 3]))
  for (const content of [[1, 2, 2], [1, 2], [1, 2, 3, 0], []]) {
    assert.throws(() => verifyFile(entry, Buffer.from(content)), refusedWith('data_corrupt'))
  }
})

test('a bundle with a file more is refused, with a file less too', () => {
  const found = parseManifest(manifest)
  verifyFiles(found, files)
  verifyFiles(found, new Map([...files, ['manifest.json', manifest], ['signature.json', signature]]))
  assert.throws(
    () => verifyFiles(found, new Map([...files, ['run.sh', new Uint8Array()]])),
    refusedWith('invalid_argument'),
  )
  const without = new Map([...files].filter(([path]) => path !== 'tenant.json'))
  assert.throws(() => verifyFiles(found, without), refusedWith('data_corrupt'))
})

test('the same content gives the same bytes in whatever order the files come', () => {
  assert.deepEqual(buildManifest({ ...input, files: new Map([...files].reverse()) }), manifest)
})
