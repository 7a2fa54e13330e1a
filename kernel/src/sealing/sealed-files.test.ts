import assert from 'node:assert/strict'
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type ErrorCode, YizhanError } from '../errors.js'
import { temporaryDirectory } from '../testing/temporary-directory.js'
import { createSealer, sealedFiles } from './index.js'
import { TestKeyring } from './testing/test-keyring.js'

const SECRET = Buffer.from('-----BEGIN PRIVATE KEY-----')

function given(t: TestContext, keyring = new TestKeyring()) {
  const dir = temporaryDirectory(t)
  return { dir, path: join(dir, 'file'), files: sealedFiles(createSealer({ keyring }), 'edge-file') }
}

function fails(code: ErrorCode) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError)
    assert.equal(thrown.code, code)
    assert.doesNotMatch(JSON.stringify([thrown.message, thrown.details]), /PRIVATE/)
    return true
  }
}

test('a file that is not there is no file', async (t) => {
  const { files, path } = given(t)
  assert.equal(await files.read(path, 'identity'), undefined)
})

test('what was written is read, nothing of it is on disk, nobody else may read the file', async (t) => {
  const { files, path, dir } = given(t)
  for (const bytes of [
    Buffer.alloc(0),
    SECRET,
    Buffer.alloc(65_536, 'PRIVATE '),
    Buffer.alloc(200_000, 'PRIVATE '),
  ]) {
    await files.write(path, 'identity', bytes)
    assert.deepEqual(await files.read(path, 'identity'), bytes)
    assert.ok(!readFileSync(path).includes('PRIVATE'))
    assert.equal(statSync(path).mode & 0o777, 0o600)
  }
  assert.deepEqual(readdirSync(dir), ['file'])
})

test('a file cut short anywhere, grown, flipped or plain does not open', async (t) => {
  const { files, path } = given(t)
  // Two pieces: one cut off between them would look whole.
  await files.write(path, 'identity', Buffer.alloc(65_536 + 10, 'PRIVATE '))
  const sealed = readFileSync(path)
  const second = 16 + 4 + 65_536 + 57
  const bad = [0, 1, 15, 16, 19, 20, 100, second, second + 4, sealed.length - 1].map((end) =>
    sealed.subarray(0, end),
  )
  bad.push(Buffer.concat([sealed, Buffer.of(0)]), Buffer.concat([sealed, sealed.subarray(second)]), SECRET)
  for (let at = 0; at < sealed.length; at = at < 100 || at >= second ? at + 1 : Math.min(at + 997, second)) {
    const flipped = Buffer.from(sealed)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    bad.push(flipped)
  }
  for (const [i, bytes] of bad.entries()) {
    writeFileSync(path, bytes)
    await assert.rejects(
      files.read(path, 'identity'),
      (thrown) => thrown instanceof YizhanError && ['data_corrupt', 'key_unknown'].includes(thrown.code),
      `case ${i}`,
    )
    assert.deepEqual(readFileSync(path), bytes)
  }
})

test('a file in the place of another does not open, and neither does a piece of its older self', async (t) => {
  const { files, path, dir } = given(t)
  await files.write(path, 'identity', Buffer.from('old'))
  const old = readFileSync(path)
  const other = join(dir, 'other')
  copyFileSync(path, other)
  assert.deepEqual(await files.read(other, 'identity'), Buffer.from('old'))
  await assert.rejects(files.read(other, 'enrolment-key'), fails('data_corrupt'))
  await files.write(path, 'identity', Buffer.from('new'))
  writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 16), old.subarray(16)]))
  await assert.rejects(files.read(path, 'identity'), fails('data_corrupt'))
})

test('under another key store nothing opens and nothing is changed', async (t) => {
  const keyring = new TestKeyring()
  const { files, path } = given(t, keyring)
  await files.write(path, 'identity', SECRET)
  const sealed = readFileSync(path)
  const renewed = new TestKeyring()
  renewed.renew(null)
  const their = given(t, renewed)
  await their.files.write(their.path, 'identity', SECRET)
  const grown = await their.files.grow(join(their.dir, 'grown'), 'bundle 1')
  await grown.append(SECRET)
  await grown.close()
  for (const [name, open] of [
    ['file', () => files.read(their.path, 'identity')],
    ['grown', () => files.grow(join(their.dir, 'grown'), 'bundle 1')],
  ] as const) {
    const before = readFileSync(join(their.dir, name))
    await assert.rejects(open(), (thrown) => {
      assert.match((thrown as YizhanError).hint ?? '', /key store/)
      return fails('key_unknown')(thrown)
    })
    assert.deepEqual(readFileSync(join(their.dir, name)), before)
  }
  keyring.spoil(null)
  await assert.rejects(files.read(path, 'identity'), fails('data_corrupt'))
  assert.deepEqual(readFileSync(path), sealed)
})

test('a file grows over several openings and is read as one', async (t) => {
  const { files, path } = given(t)
  const parts = ['PRIVATE one ', 'two ', '', 'three'].map((text) => Buffer.from(text))
  let length = 0
  for (const part of parts) {
    const file = await files.grow(path, 'bundle 1')
    assert.equal(file.bytes, length)
    await file.append(part)
    await file.sync()
    length += part.length
    assert.equal(file.bytes, length)
    await file.close()
  }
  assert.deepEqual(await files.read(path, 'bundle 1'), Buffer.concat(parts))
  await assert.rejects(files.read(path, 'bundle 2'), fails('data_corrupt'))
  assert.ok(!readFileSync(path).includes('PRIVATE'))
})

test('a file that never grew is empty', async (t) => {
  const { files, path } = given(t)
  await (await files.grow(path, 'bundle 1')).close()
  assert.deepEqual(await files.read(path, 'bundle 1'), Buffer.alloc(0))
})

test('a torn or damaged tail is cut off where growing goes on; a plain file begins anew', async (t) => {
  const { files, path } = given(t)
  const write = async (...texts: string[]) => {
    const file = await files.grow(path, 'bundle 1')
    for (const text of texts) await file.append(Buffer.from(text))
    await file.close()
    return statSync(path).size
  }
  const first = await write('one ')
  const second = await write('two ')
  for (const size of [second - 1, first + 3, first + 1]) {
    truncateSync(path, size)
    await write('2 ')
    assert.equal((await files.read(path, 'bundle 1'))?.toString(), 'one 2 ')
    await write('three')
  }
  const bytes = readFileSync(path)
  bytes[first + 20] = (bytes[first + 20] ?? 0) ^ 1
  writeFileSync(path, bytes)
  await write('two')
  assert.equal((await files.read(path, 'bundle 1'))?.toString(), 'one two')
  appendFileSync(path, Buffer.of(0, 0, 0, 9, 1))
  await assert.rejects(files.read(path, 'bundle 1'), fails('data_corrupt'))
  writeFileSync(path, 'plain of an older version, more than a head')
  await write('new')
  assert.equal((await files.read(path, 'bundle 1'))?.toString(), 'new')
})

test('what was taken back is gone', async (t) => {
  const { files, path } = given(t)
  const file = await files.grow(path, 'bundle 1')
  await file.append(Buffer.from('wrong'))
  await file.clear()
  await file.append(Buffer.from('right'))
  await file.close()
  assert.equal((await files.read(path, 'bundle 1'))?.toString(), 'right')
})

test('a plain file is taken over once: sealed in its place, and its old content overwritten', async (t) => {
  const { files, path } = given(t)
  writeFileSync(path, SECRET)
  const before = openSync(path, 'r')
  t.after(() => closeSync(before))
  assert.equal(await files.seal(path, 'identity'), true)
  assert.deepEqual(await files.read(path, 'identity'), SECRET)
  assert.ok(readFileSync(before).every((byte) => byte === 0))
  const sealed = readFileSync(path)
  assert.equal(await files.seal(path, 'identity'), false)
  assert.deepEqual(readFileSync(path), sealed)
  assert.equal(await files.seal(`${path}-absent`, 'identity'), false)
})

test('two names of one plain file are both taken over whole', async (t) => {
  const { files, path } = given(t)
  writeFileSync(path, SECRET)
  linkSync(path, `${path}-2`)
  const before = openSync(path, 'r')
  t.after(() => closeSync(before))
  await files.seal(path, 'bundle 1')
  await files.seal(`${path}-2`, 'bundle 1')
  assert.deepEqual(await files.read(path, 'bundle 1'), SECRET)
  assert.deepEqual(await files.read(`${path}-2`, 'bundle 1'), SECRET)
  assert.ok(readFileSync(before).every((byte) => byte === 0))
})
