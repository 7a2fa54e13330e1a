import assert from 'node:assert/strict'
import { createHash, createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { readSigningRequest } from './signing-request.js'
import { refused } from './testing/fleet.js'
import { rsaKey, SHA1_WITH_RSA, signingRequest } from './testing/made-request.js'

// `openssl req -new -subj /CN=x -outform der` with a P-256 and an Ed25519 key.
const EC_REQUEST =
  'MIHFMG4CAQAwDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMV0SXjexTMLwMUkGprffEgVskqS6NOGUxaoF7LQZ2a72jkX' +
  'nEI/Yx9XmB4YqrLpOIPLT4AtHG6sk1YBuiOXrwWgADAKBggqhkjOPQQDAgNHADBEAiBrdflyTfnzSDAXb11w5XwaTmuQWZnMBMBeco13xsUveAIg' +
  'aErNB4zcQEdOmi9DLwUKKHZQmJqF34sHx0sjnL3DDds='
const ED25519_REQUEST =
  'MIGLMD8CAQAwDDEKMAgGA1UEAwwBeDAqMAUGAytlcAMhANUpagoae1596gMRC2/9qkb7WCcieLG9B5TL+rHPqvuRoAAwBQYDK2VwA0EAYVDkJSwB' +
  'k4jNsCqO0sVrKN6Q6vdbFqtlzpg5PBl/NifkOvVFEwahOqn926Nb+gHUHBaokemPuU/BtmKq8/AUAw=='

const key = rsaKey()
const good = signingRequest({ privateKey: key })
const fromBase64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))

test('a request over 4 KiB is refused unread, and one just below is not too large', () => {
  assert.throws(() => readSigningRequest(new Uint8Array(4_097)), refused('too_large'))
  const large = signingRequest({ privateKey: key, padding: 5 * 1024 })
  assert.throws(() => readSigningRequest(large), refused('too_large'))
  readSigningRequest(signingRequest({ privateKey: key, padding: 3_300 }))
})

const BAD: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  ['nothing', () => new Uint8Array(), /not DER/],
  ['garbage', () => new Uint8Array(500).fill(0xa5), /not DER/],
  ['text', () => new Uint8Array(Buffer.from('-----BEGIN CERTIFICATE REQUEST-----')), /not DER/],
  ['another structure', () => new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x00]), /not PKCS#10/],
  [
    'nesting without end',
    () => new Uint8Array(4_000).fill(0x30).map((byte, i) => (i % 2 ? 0x80 : byte)),
    /not DER/,
  ],
  ['a request cut short', () => good.slice(0, -20), /not DER/],
  ['a request with a tail', () => new Uint8Array([...good, 0]), /not DER/],
  ['a flipped bit in the signature', () => flip(good, good.length - 5), /signature does not hold/],
  ['a flipped bit in the name', () => flip(good, 30), /signature does not hold|not DER|PKCS#10/],
  [
    "another key's signature",
    () => swapSignature(good, signingRequest({ privateKey: rsaKey() })),
    /signature does not hold/,
  ],
  ['a key of 1024 bits', () => signingRequest({ privateKey: rsaKey(1_024) }), /1024 bits, fewer than 2048/],
  ['the exponent 3', () => signingRequest({ privateKey: rsaKey(2_048, 3) }), /exponent/],
  ['SHA-1', () => signingRequest({ privateKey: key, algorithm: SHA1_WITH_RSA, hash: 'sha1' }), /SHA-256/],
  ['an EC key', () => fromBase64(EC_REQUEST), /is ec, not rsa/],
  ['an Ed25519 key', () => fromBase64(ED25519_REQUEST), /is ed25519, not rsa/],
]

for (const [what, request, why] of BAD) {
  test(`${what} is refused as a signing request, and the reason is named`, () => {
    assert.throws(() => readSigningRequest(request()), refused('invalid_argument', why))
  })
}

test('of every single flipped bit of a request none goes through unless the key is still the same', () => {
  const { spkiSha256 } = readSigningRequest(good)
  for (let at = 0; at < good.length; at++) {
    try {
      assert.equal(readSigningRequest(flip(good, at)).spkiSha256, spkiSha256)
    } catch (thrown) {
      refused('invalid_argument')(thrown)
    }
  }
})

test('a good request gives its key and nothing else', () => {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const read = readSigningRequest(good)
  assert.deepEqual(Object.keys(read).sort(), ['publicKey', 'spkiSha256'])
  assert.equal(read.spkiSha256, createHash('sha256').update(spki).digest('hex'))
  assert.deepEqual(read.publicKey.export({ type: 'spki', format: 'der' }), spki)
})

test('an RSA key of 4096 bits fits', () => {
  readSigningRequest(signingRequest({ privateKey: rsaKey(4_096) }))
})

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
}

function swapSignature(request: Uint8Array, other: Uint8Array): Uint8Array {
  const length = 256
  return new Uint8Array([...request.slice(0, -length), ...other.slice(-length)])
}
