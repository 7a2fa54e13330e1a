import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { YizhanError } from '../errors.js'
import { temporaryDirectory } from '../testing/temporary-directory.js'
import { kekLine } from './kek-lines.js'
import { credentialKek, envKek, fileKek } from './local-kek.js'
import { withCode } from './testing/key-store-rig.js'

const secret = (fill: number) => Buffer.from(Array.from({ length: 32 }, (_, i) => fill + i))
const LINE = kekLine(1, secret(1))

test('lines that are no keys are refused by their number, and never shown', () => {
  const encoded = secret(7).toString('base64')
  const bad = [
    '',
    '# nothing',
    encoded,
    `0 ${encoded}`,
    `01 ${encoded}`,
    `-1 ${encoded}`,
    `1 ${secret(7).subarray(1).toString('base64')}`,
    `1 ${encoded}${encoded}`,
    `1  ${encoded}`,
    `1 ${encoded} x`,
    `1 ${'A'.repeat(43)}=`,
    `1 ${encoded}\n1 ${secret(9).toString('base64')}`,
    'x'.repeat(100_000),
  ]
  for (const text of bad) {
    assert.throws(
      () => envKek(text),
      (thrown) =>
        withCode('config_invalid')(thrown) &&
        thrown instanceof YizhanError &&
        !JSON.stringify([thrown.message, thrown.details, thrown.hint]).includes(encoded.slice(4, 30)),
      text.slice(0, 60),
    )
  }
})

test('a key file that others may read is refused, with the command that closes it', async (t) => {
  const path = join(temporaryDirectory(t), 'kek')
  writeFileSync(path, LINE)
  for (const mode of [0o644, 0o640, 0o604, 0o620]) {
    chmodSync(path, mode)
    await assert.rejects(
      fileKek(path, { mayCreate: true }),
      (thrown) => thrown instanceof YizhanError && /chmod 600/.test(thrown.hint ?? ''),
    )
  }
  chmodSync(path, 0o600)
  assert.equal((await fileKek(path, { mayCreate: false })).epoch(), 1)
})

test('a missing key file is made only where no key lies under it', async (t) => {
  const path = join(temporaryDirectory(t), 'kek')
  await assert.rejects(fileKek(path, { mayCreate: false }), withCode('config_invalid'))
  assert.equal(existsSync(path), false)
  await fileKek(path, { mayCreate: true })
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const made = readFileSync(path, 'utf8')
  await fileKek(path, { mayCreate: true })
  assert.equal(readFileSync(path, 'utf8'), made)
})

test('a directory in place of the key file is refused', async (t) => {
  const path = join(temporaryDirectory(t), 'kek')
  mkdirSync(path, { mode: 0o700 })
  await assert.rejects(fileKek(path, { mayCreate: true }), withCode('config_invalid'))
})

test('the newest epoch wraps and all open, whatever the order of the lines', async () => {
  const first = await envKek(LINE).wrap(secret(50), 'here')
  assert.equal(first.epoch, 1)
  const kek = envKek(`# two\n\n${kekLine(12, secret(2))}${LINE}${kekLine(3, secret(3))}`)
  assert.equal(kek.epoch(), 12)
  assert.equal((await kek.wrap(secret(50), 'here')).epoch, 12)
  assert.deepEqual(await kek.unwrap(1, first.wrapped, 'here'), secret(50))
})

test('another place, epoch, key or bit does not open; an epoch that is not there is unknown', async () => {
  const kek = envKek(`${LINE}${kekLine(2, secret(2))}`)
  const { epoch, wrapped } = await kek.wrap(secret(50), 'here')
  await assert.rejects(kek.unwrap(epoch, wrapped, 'there'), withCode('data_corrupt'))
  await assert.rejects(kek.unwrap(1, wrapped, 'here'), withCode('data_corrupt'))
  await assert.rejects(envKek(kekLine(2, secret(9))).unwrap(2, wrapped, 'here'), withCode('data_corrupt'))
  await assert.rejects(kek.unwrap(7, wrapped, 'here'), withCode('key_unknown'))
  for (let bit = 0; bit < wrapped.length * 8; bit++) {
    const flipped = Buffer.from(wrapped)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    await assert.rejects(kek.unwrap(epoch, flipped, 'here'), withCode('data_corrupt'))
  }
  for (let length = 0; length < wrapped.length; length++) {
    await assert.rejects(kek.unwrap(epoch, wrapped.subarray(0, length), 'here'), withCode('data_corrupt'))
  }
})

test('renewing a file adds an epoch, or takes the one that somebody added, and keeps the older ones', async (t) => {
  const path = join(temporaryDirectory(t), 'kek')
  writeFileSync(path, LINE.trimEnd(), { mode: 0o600 })
  const kek = await fileKek(path, { mayCreate: false })
  const { wrapped } = await kek.wrap(secret(50), 'here')
  assert.equal(await kek.renew?.(), 2)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  writeFileSync(path, readFileSync(path, 'utf8') + kekLine(9, secret(9)))
  assert.equal(await kek.renew?.(), 9)
  assert.equal(await kek.renew?.(), 10)
  assert.deepEqual(await (await fileKek(path, { mayCreate: false })).unwrap(1, wrapped, 'here'), secret(50))
  assert.equal(envKek(LINE).renew, undefined)
})

test('a credential of systemd is read from its directory, and a missing one is told', async (t) => {
  const directory = temporaryDirectory(t)
  await assert.rejects(credentialKek(directory, 'yizhan-kek'), withCode('config_invalid'))
  writeFileSync(join(directory, 'yizhan-kek'), LINE, { mode: 0o400 })
  assert.equal((await credentialKek(directory, 'yizhan-kek')).epoch(), 1)
})
