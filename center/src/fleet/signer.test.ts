import assert from 'node:assert/strict'
import { createPublicKey, sign, verify } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { keyIdOf, openSigner } from './signer.js'
import { refused, scratch } from './testing/fleet.js'
import { rsaKey } from './testing/made-request.js'

const log = silentLogger()

test('what is not an Ed25519 key stops the start and stays as it is', async (t) => {
  const dir = await scratch(t)
  const path = join(dir, 'signing-key.pem')
  for (const content of ['', 'garbage', rsaKey().export({ type: 'pkcs8', format: 'pem' }).toString()]) {
    await writeFile(path, content, { mode: 0o600 })
    await assert.rejects(openSigner({ log }, { dir }), refused('data_corrupt', /signing-key/))
    assert.equal(await readFile(path, 'utf8'), content)
  }
})

test('the key pair is made once, is for its owner only, and signs what its public key verifies', async (t) => {
  const dir = join(await scratch(t), 'keys')
  const [first, second] = await Promise.all([openSigner({ log }, { dir }), openSigner({ log }, { dir })])
  const later = await openSigner({ log }, { dir })
  assert.equal(first.current.keyId, second.current.keyId)
  assert.equal(first.current.keyId, later.current.keyId)
  assert.equal((await stat(join(dir, 'signing-key.pem'))).mode & 0o777, 0o600)
  const [published] = later.publicKeys
  assert.ok(published)
  assert.match(published.keyId, /^[0-9a-f]{16}$/)
  assert.equal(published.keyId, keyIdOf(published.spkiDer))
  assert.equal(published.keyId, first.current.keyId)
  const signature = sign(null, Buffer.from('state'), first.current.privateKey)
  const key = createPublicKey({ key: Buffer.from(published.spkiDer), format: 'der', type: 'spki' })
  assert.ok(verify(null, Buffer.from('state'), key, signature))
})
