import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import {
  createSealer,
  type Keyring,
  sealedFiles,
  silentLogger,
  systemClock,
  YizhanError,
} from '@yizhan/kernel'
import { newEdgeKey } from './edge-key.js'
import { acceptIdentity } from './held-identity.js'
import { openIdentityStore } from './identity-store.js'
import { TestCa } from './testing/ca.js'
import { testDirectory } from './testing/edge.js'
import { TestRegistrar } from './testing/registrar.js'
import { testFiles } from './testing/sealed.js'

const deps = { clock: systemClock, log: silentLogger(), files: testFiles }
const registrar = new TestRegistrar(new TestCa())
const key = await newEdgeKey()
const wire = registrar.identityFor(createPublicKey(key))
const refusal = (error: unknown) => error instanceof YizhanError && error.code === 'unauthenticated'

test('an identity for another key, of another CA, for another edge or without signing keys is refused', async () => {
  const other = new TestRegistrar(new TestCa())
  assert.throws(
    () => acceptIdentity({ ...wire, caDer: other.identityFor(createPublicKey(key)).caDer }, key),
    refusal,
  )
  assert.throws(() => acceptIdentity({ ...wire, edgeId: 'sh-02' }, key), refusal)
  assert.throws(() => acceptIdentity({ ...wire, trustDomain: 'other.yizhan' }, key), refusal)
  assert.throws(() => acceptIdentity({ ...wire, signingKeys: [] }, key), refusal)
  assert.throws(() => acceptIdentity({ ...wire, certificateDer: Uint8Array.of(1, 2, 3) }, key), refusal)
  const rsa = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const signingKeys = [
    { $typeName: 'yizhan.v1.SigningKey' as const, keyId: 'k', spkiDer: Uint8Array.from(rsa) },
  ]
  assert.throws(() => acceptIdentity({ ...wire, signingKeys }, key), refusal)
  const otherKey = await newEdgeKey()
  assert.throws(() => acceptIdentity(wire, otherKey), refusal)
})

test('a crash between a new key and its certificate leaves the old identity and the key to go on with', async (t) => {
  const dir = testDirectory(t)
  const store = await openIdentityStore(deps, dir)
  await store.save(acceptIdentity(wire, key))
  const pending = await store.enrolmentKey()
  const reopened = await openIdentityStore(deps, dir)
  assert.equal((await reopened.load())?.edgeId, wire.edgeId)
  assert.ok((await reopened.enrolmentKey()).equals(pending))
})

test('a damaged identity is set aside, not overwritten and not used', async (t) => {
  const dir = testDirectory(t)
  const store = await openIdentityStore(deps, dir)
  await store.save(acceptIdentity(wire, key))
  const path = join(dir, 'identity.json')
  const sealed = readFileSync(path)
  const damages = [
    async () => {
      const text = (await testFiles.read(path, 'identity'))?.toString() ?? ''
      const other = text.replace('"edgeId": "bj-01"', '"edgeId": "bj-02"')
      await testFiles.write(path, 'identity', Buffer.from(other))
    },
    async () => writeFileSync(path, sealed.subarray(0, -1)),
    async () => writeFileSync(path, (await testFiles.read(path, 'identity')) ?? ''),
  ]
  for (const damage of damages) {
    writeFileSync(path, sealed)
    await damage()
    const bytes = readFileSync(path)
    assert.equal(await store.load(), undefined)
    const [aside = ''] = readdirSync(dir).filter((name) => name.startsWith('identity.json.damaged-'))
    assert.deepEqual(readFileSync(join(dir, aside)), bytes)
    rmSync(join(dir, aside))
  }
})

test('an identity that another key store sealed is an error with a hint, and stays as it is', async (t) => {
  const dir = testDirectory(t)
  await (await openIdentityStore(deps, dir)).save(acceptIdentity(wire, key))
  const before = readFileSync(join(dir, 'identity.json'))
  const keyring: Keyring = {
    sealingKey: () => ({ id: Buffer.alloc(8), secret: Buffer.alloc(32) }),
    openingKey() {
      throw new YizhanError('key_unknown', 'there is no such key')
    },
  }
  const files = sealedFiles(createSealer({ keyring }), 'edge-file')
  const other = await openIdentityStore({ ...deps, files }, dir)
  const unknown = (error: unknown) =>
    error instanceof YizhanError && error.code === 'key_unknown' && /key store/.test(error.hint ?? '')
  await assert.rejects(other.load(), unknown)
  assert.deepEqual(readdirSync(dir), ['identity.json'])
  assert.deepEqual(readFileSync(join(dir, 'identity.json')), before)
})

test('a half-written key of an enrolment is replaced', async (t) => {
  const dir = testDirectory(t)
  const store = await openIdentityStore(deps, dir)
  writeFileSync(join(dir, 'enrolment-key.pem'), '-----BEGIN PRIVATE KEY-----\nMIIE')
  assert.equal((await store.enrolmentKey()).asymmetricKeyType, 'rsa')
})
