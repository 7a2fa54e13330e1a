import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createCipheriv, createHash, webcrypto } from 'node:crypto'
import { createRequire } from 'node:module'
import { type TestContext, test } from 'node:test'
import { asTenantId } from '../ids.js'
import { createSealer, type DataKey, type Keyring, openOne, type SealContext, sealOne } from './index.js'

interface SmCrypto {
  readonly sm3: (data: number[], options?: { mac: 'hmac'; key: string }) => string
  readonly sm4: { encrypt(data: number[], key: string, options: { padding: 'none' }): string }
}
const { sm3, sm4 } = createRequire(import.meta.url)('sm-crypto') as SmCrypto

const dataKey: DataKey = { id: Buffer.from('0102030405060708', 'hex'), secret: Buffer.alloc(32, 0xa5) }
const keyring: Keyring = { sealingKey: () => dataKey, openingKey: () => dataKey }
const context: SealContext = { tenant: asTenantId('acme') ?? null, collection: '会话', key: 'k1', version: 3 }
const value = Buffer.from('the quick brown fox, 敏捷的棕狐; '.repeat(9))
const LABEL = 'yizhan seal 1 sm4-ctr hmac-sm3'

/** The bytes under the tag, put together by hand from their description. */
const contextBytes = Buffer.concat([
  Buffer.from('00000004', 'hex'),
  Buffer.from('acme'),
  Buffer.from('00000006', 'hex'),
  Buffer.from('会话'),
  Buffer.from('00000002', 'hex'),
  Buffer.from('k1'),
  Buffer.from('4008000000000000', 'hex'),
  Buffer.from('ffffffff', 'hex'),
])

interface Primitives {
  hkdf(secret: Buffer, label: string, bytes: number): Buffer
  hmac(key: Buffer, data: Buffer): Buffer
  ctr(key: Buffer, nonce: Buffer, data: Buffer): Buffer
}

/** Opens a sealed value with nothing of ours. */
function openElsewhere(sealed: Buffer, { hkdf, hmac, ctr }: Primitives): Buffer {
  assert.equal(sealed[0], 1)
  assert.deepEqual(sealed.subarray(1, 9), dataKey.id)
  const keys = hkdf(Buffer.from(dataKey.secret), LABEL, 48)
  const tagged = Buffer.concat([contextBytes, sealed.subarray(0, -32)])
  assert.deepEqual(hmac(keys.subarray(16), tagged), sealed.subarray(-32))
  return ctr(keys.subarray(0, 16), sealed.subarray(9, 25), sealed.subarray(25, -32))
}

test('SM4 gives the examples of GB/T 32907-2016, the one of a million rounds as well', () => {
  const key = Buffer.from('0123456789abcdeffedcba9876543210', 'hex')
  const once = createCipheriv('sm4-ecb', key, null).setAutoPadding(false)
  assert.equal(once.update(key).toString('hex'), '681edf34d206965e86b3e94f536e4246')
  // A chain over zeros enciphers its own last block again and again.
  const chain = createCipheriv('sm4-cbc', key, key).setAutoPadding(false).update(Buffer.alloc(16_000_000))
  assert.equal(chain.subarray(-16).toString('hex'), '595298c7c6fd271f0402f804c33d3f66')
})

test('SM3 gives the examples of GB/T 32905-2016', () => {
  const digest = (text: string) => createHash('sm3').update(text).digest('hex')
  assert.equal(digest('abc'), '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0')
  assert.equal(digest('abcd'.repeat(16)), 'debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732')
})

test('what we seal opens with sm-crypto, which shares no code with us', async () => {
  const hmac = (key: Buffer, data: Buffer) =>
    Buffer.from(sm3([...data], { mac: 'hmac', key: key.toString('hex') }), 'hex')
  const opened = openElsewhere(Buffer.from(await sealOne(createSealer({ keyring }), value, context)), {
    hmac,
    hkdf(secret, label, bytes) {
      // RFC 5869 with no salt.
      const extracted = hmac(Buffer.alloc(32), secret)
      let last = Buffer.alloc(0)
      let out = Buffer.alloc(0)
      for (let i = 1; out.length < bytes; i++) {
        last = hmac(extracted, Buffer.concat([last, Buffer.from(label), Buffer.of(i)]))
        out = Buffer.concat([out, last])
      }
      return out.subarray(0, bytes)
    },
    ctr(key, nonce, data) {
      const first = BigInt(`0x${nonce.toString('hex')}`)
      const counters = Array.from({ length: Math.ceil(data.length / 16) }, (_, i) => {
        const counter = BigInt.asUintN(128, first + BigInt(i))
        return Buffer.from(counter.toString(16).padStart(32, '0'), 'hex')
      })
      const stream = sm4.encrypt([...Buffer.concat(counters)], key.toString('hex'), { padding: 'none' })
      const bytes = Buffer.from(stream, 'hex')
      return Buffer.from(data.map((byte, i) => byte ^ (bytes[i] ?? 0)))
    },
  })
  assert.deepEqual(Buffer.from(opened), value)
})

test('what we seal opens with the openssl command', async (t) => {
  if (!hasOpenssl(t)) return
  const batch = [0, 1, 2].map(() => ({ plain: value, context }))
  for (const sealed of await createSealer({ keyring }).sealAll(batch)) {
    const opened = openElsewhere(Buffer.from(sealed), {
      hkdf: (secret, label, bytes) =>
        openssl([
          ...['kdf', '-binary', '-keylen', `${bytes}`, '-kdfopt', 'digest:SM3'],
          ...['-kdfopt', `hexkey:${secret.toString('hex')}`, '-kdfopt', `info:${label}`, 'HKDF'],
        ]),
      hmac: (key, data) =>
        openssl(
          ['dgst', '-sm3', '-mac', 'HMAC', '-macopt', `hexkey:${key.toString('hex')}`, '-binary'],
          data,
        ),
      ctr: (key, nonce, data) =>
        openssl(['enc', '-d', '-sm4-ctr', '-K', key.toString('hex'), '-iv', nonce.toString('hex')], data),
    })
    assert.deepEqual(opened, value)
  }
})

test('what the openssl command seals, we open', async (t) => {
  if (!hasOpenssl(t)) return
  const keys = openssl([
    ...['kdf', '-binary', '-keylen', '48', '-kdfopt', 'digest:SM3'],
    ...[
      '-kdfopt',
      `hexkey:${Buffer.from(dataKey.secret).toString('hex')}`,
      '-kdfopt',
      `info:${LABEL}`,
      'HKDF',
    ],
  ])
  // The counter goes round within the value.
  const nonce = 'ffffffffffffffffffffffffffffffff'
  const ciphertext = openssl(
    ['enc', '-sm4-ctr', '-K', keys.subarray(0, 16).toString('hex'), '-iv', nonce],
    value,
  )
  const body = Buffer.concat([Buffer.of(1), dataKey.id, Buffer.from(nonce, 'hex'), ciphertext])
  const macKey = keys.subarray(16).toString('hex')
  const tag = openssl(
    ['dgst', '-sm3', '-mac', 'HMAC', '-macopt', `hexkey:${macKey}`, '-binary'],
    Buffer.concat([contextBytes, body]),
  )
  const opened = await openOne(createSealer({ keyring }), Buffer.concat([body, tag]), context)
  assert.deepEqual(Buffer.from(opened ?? []), value)
})

test('what we seal by AES-256-GCM opens with Web Crypto, context and header as associated data', async () => {
  const sealing = createSealer({ keyring, algorithm: 'aes-256-gcm' })
  const sealed = Uint8Array.from(await sealOne(sealing, value, context))
  assert.equal(sealed[0], 2)
  const { subtle } = webcrypto
  const secret = await subtle.importKey('raw', Uint8Array.from(dataKey.secret), 'HKDF', false, ['deriveKey'])
  const key = await subtle.deriveKey(
    {
      name: 'HKDF',
      hash: 'SHA-256',
      salt: new Uint8Array(0),
      info: Buffer.from('yizhan seal 1 aes-256-gcm'),
    },
    secret,
    { name: 'AES-GCM', length: 256 },
    false,
    ['decrypt'],
  )
  const additionalData = Buffer.concat([contextBytes, sealed.subarray(0, 21)])
  const iv = sealed.subarray(9, 21)
  const opened = await subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, key, sealed.subarray(21))
  assert.deepEqual(Buffer.from(opened), value)
})

function openssl(args: readonly string[], input: Buffer = Buffer.alloc(0)): Buffer {
  const done = spawnSync('openssl', args, { input })
  assert.equal(done.status, 0, done.stderr?.toString())
  return done.stdout
}

function hasOpenssl(t: TestContext): boolean {
  if (spawnSync('openssl', ['version']).status === 0) return true
  if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw new Error('openssl is required and not here')
  t.skip('SKIPPED: openssl is not here')
  return false
}
