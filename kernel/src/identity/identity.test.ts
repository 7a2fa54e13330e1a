import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { YizhanError } from '../errors.js'
import {
  addressName,
  altNames,
  certificate,
  der,
  dnsName,
  generalized,
  mailName,
  notACa,
  uriName,
  utc,
} from '../testing/made-certificate.js'
import { issueByOpenssl } from '../testing/openssl.js'
import { parseIdentity } from './identity.js'

const EDGE = 'spiffe://yizhan/edge/bj-01'

function refused(bytes: Uint8Array, why: RegExp): void {
  assert.throws(
    () => parseIdentity(bytes),
    (thrown) => {
      assert.ok(thrown instanceof YizhanError)
      assert.equal(thrown.code, 'unauthenticated')
      assert.match(thrown.message, why)
      return true
    },
  )
}

const withNames = (...names: Uint8Array[]) => certificate({ extensions: [notACa, altNames(...names)] })

test('an edge with two URIs is refused, whichever comes first', () => {
  refused(withNames(uriName(EDGE), uriName('spiffe://yizhan/edge/sh-02')), /exactly one URI/)
  refused(withNames(uriName('https://example.test'), uriName(EDGE)), /exactly one URI/)
})

test('two SubjectAltName extensions are refused', () => {
  const [one, two] = [altNames(uriName(EDGE)), altNames(uriName('spiffe://yizhan/edge/sh-02'))]
  refused(certificate({ extensions: [one, two] }), /twice/)
})

test('no extensions, no SubjectAltName and no URI are refused', () => {
  refused(certificate({ tail: [] }), /no subject alternative name/)
  refused(certificate({ extensions: [notACa] }), /no subject alternative name/)
  refused(withNames(dnsName('center.yizhan.test')), /exactly one URI/)
  refused(withNames(), /exactly one URI/)
})

test('an edge with any other name beside its URI is refused, a center only with names other than DNS and IP', () => {
  refused(withNames(uriName(EDGE), dnsName('a.test')), /exactly one name/)
  refused(withNames(uriName(EDGE), addressName(127, 0, 0, 1)), /exactly one name/)
  refused(withNames(uriName('spiffe://yizhan/center'), mailName('root@a.test')), /kind that is not allowed/)
})

const BAD_URIS: Record<string, string> = {
  'upper case id': 'spiffe://yizhan/edge/BJ-01',
  'upper case scheme': 'SPIFFE://yizhan/edge/bj-01',
  'upper case domain': 'spiffe://Yizhan/edge/bj-01',
  quote: 'spiffe://yizhan/edge/bj-01", URI:"spiffe://yizhan/edge/sh-02',
  apostrophe: "spiffe://yizhan/edge/bj'01",
  NUL: 'spiffe://yizhan/edge/bj-01\0',
  'NUL inside': 'spiffe://yizhan/edge/bj\0-01',
  'line feed at the end': 'spiffe://yizhan/edge/bj-01\n',
  percent: 'spiffe://yizhan/edge/bj%2d01',
  query: 'spiffe://yizhan/edge/bj-01?x',
  fragment: 'spiffe://yizhan/edge/bj-01#x',
  port: 'spiffe://yizhan:8443/edge/bj-01',
  user: 'spiffe://root@yizhan/edge/bj-01',
  'double slash': 'spiffe://yizhan//edge/bj-01',
  'double slash before the id': 'spiffe://yizhan/edge//bj-01',
  'slash at the end': 'spiffe://yizhan/edge/bj-01/',
  'dot dot': 'spiffe://yizhan/edge/../center',
  'empty domain': 'spiffe:///edge/bj-01',
  'dots in the domain': 'spiffe://yi..zhan/edge/bj-01',
  'dot before the path': 'spiffe://yizhan./edge/bj-01',
  'no id': 'spiffe://yizhan/edge/',
  'id that starts with a dash': 'spiffe://yizhan/edge/-bj',
  'id of 64 characters': `spiffe://yizhan/edge/${'a'.repeat(64)}`,
  'center with a tail': 'spiffe://yizhan/center/1',
  'another kind': 'spiffe://yizhan/node/bj-01',
  'another scheme': 'https://yizhan/edge/bj-01',
  'eight-bit letter': 'spiffe://yizhan/edge/bj\u00e9',
  'too long': `spiffe://${'a'.repeat(236)}/edge/bj-01`,
  empty: '',
}
for (const [name, uri] of Object.entries(BAD_URIS)) {
  test(`a URI is refused: ${name}`, () => refused(withNames(uriName(uri)), /refused/))
}

test('a certificate cut short at any byte is refused', () => {
  const good = certificate()
  for (let length = 0; length < good.length; length++) refused(good.subarray(0, length), /refused/)
})

test('indefinite, padded, huge and overlapping lengths are refused', () => {
  const good = Buffer.from(certificate())
  const inner = good.subarray(4)
  refused(Buffer.concat([Uint8Array.of(0x30, 0x80), inner, Uint8Array.of(0, 0)]), /indefinite/)
  refused(
    Buffer.concat([Uint8Array.of(0x30, 0x83, 0, inner.length >> 8, inner.length & 255), inner]),
    /too large/,
  )
  refused(Buffer.concat([Uint8Array.of(0x30, 0x84, 0x7f, 0xff, 0xff, 0xff), inner]), /too large/)
  refused(Buffer.concat([Uint8Array.of(0x30, 0x88, ...new Array(8).fill(255)), inner]), /too large/)
  refused(Buffer.concat([Uint8Array.of(0x30, 0x82, 0xff, 0xff), inner]), /past its end/)
  refused(Uint8Array.of(0x30, 0x81, 0x02, 0x05, 0x00), /not minimal/)
  refused(Uint8Array.of(0x30, 0x82, 0x00, 0x81, ...new Array(0x81).fill(0)), /not minimal/)
  refused(Buffer.concat([good, Uint8Array.of(0)]), /bytes follow/)
  refused(Uint8Array.of(0x3f, 0x02, 0x05, 0x00), /tag of several bytes/)
})

test('depth and size are bounded', () => {
  let deep: Uint8Array = der(0x05)
  for (let i = 0; i < 2_000; i++) deep = der(0x30, deep)
  refused(deep, /too deeply/)
  refused(der(0x30, new Uint8Array(17_000)), /larger than 16 KiB/)
})

test('times, serial numbers and flags that DER does not allow are refused', () => {
  for (const time of [
    '2601010000Z',
    '260101000000+0800',
    '260230000000Z',
    '261301000000Z',
    '260101000000z',
  ]) {
    refused(certificate({ notBefore: utc(time) }), /time/)
  }
  refused(certificate({ notAfter: generalized('20270101000000.5Z') }), /time/)
  refused(certificate({ serial: der(0x02, [0x80]) }), /serial/)
  refused(certificate({ serial: der(0x02, [0x00, 0x01]) }), /serial/)
  refused(certificate({ serial: der(0x02) }), /serial/)
  refused(certificate({ serial: der(0x02, new Array(21).fill(1)) }), /serial/)
  refused(certificate({ version: der(0xa0, der(0x02, [1])) }), /version 3/)
  const notFlag = der(0x30, der(0x06, [0x55, 0x1d, 0x0f]), der(0x01, [0x01]), der(0x04, der(0x03, [0, 1])))
  refused(certificate({ extensions: [notFlag, altNames(uriName(EDGE))] }), /flag/)
})

test('extensions in a second list, or in place of a unique id, are refused', () => {
  const list = (...items: Uint8Array[]) => der(0xa3, der(0x30, ...items))
  const [one, two] = [list(altNames(uriName(EDGE))), list(altNames(uriName('spiffe://yizhan/edge/sh-02')))]
  refused(certificate({ tail: [one, two] }), /out of place/)
  refused(certificate({ tail: [der(0xa4, der(0x30)), one] }), /out of place/)
  const twice = der(0xa3, der(0x30, altNames(uriName(EDGE))), der(0x30, altNames(uriName(EDGE))))
  refused(certificate({ tail: [twice] }), /two lists/)
})

test('what is no certificate at all is refused', () => {
  refused(new Uint8Array(0), /cut short/)
  refused(Buffer.from('-----BEGIN CERTIFICATE-----'), /refused/)
  refused(der(0x31, der(0x05)), /not a sequence/)
})

test('an edge certificate gives its id, dates, serial number and key', () => {
  const identity = parseIdentity(certificate())
  assert.ok(identity.kind === 'edge')
  assert.equal(identity.edgeId, 'bj-01')
  assert.equal(identity.trustDomain, 'yizhan')
  assert.equal(identity.uri, EDGE)
  assert.equal(identity.notBefore, Date.UTC(2026, 0, 1))
  assert.equal(identity.notAfter, Date.UTC(2027, 0, 1))
  assert.equal(identity.serial, '9a01')
})

test('years before 2050 have two digits, later ones four', () => {
  const made = certificate({ notBefore: utc('500101000000Z'), notAfter: generalized('20500101000000Z') })
  const identity = parseIdentity(made)
  assert.equal(identity.notBefore, Date.UTC(1950, 0, 1))
  assert.equal(identity.notAfter, Date.UTC(2050, 0, 1))
})

test('a certificate that is a view into a larger buffer is read in its own bounds', () => {
  const made = certificate()
  const padded = Buffer.concat([Uint8Array.of(9, 9, 9), made, Uint8Array.of(9, 9)])
  assert.deepEqual(parseIdentity(padded.subarray(3, 3 + made.length)), parseIdentity(made))
})

test('an edge certificate made by openssl is read as node reads it', (t) => {
  const issued = issueByOpenssl(t, process.env, `URI:${EDGE}`)
  if (!issued) return
  const identity = parseIdentity(issued.der)
  const other = new X509Certificate(issued.cert)
  assert.equal(identity.kind, 'edge')
  assert.equal(`URI:${identity.uri}`, other.subjectAltName)
  assert.equal(identity.serial, other.serialNumber.toLowerCase())
  assert.equal(identity.notBefore, Date.parse(other.validFrom))
  assert.equal(identity.notAfter, Date.parse(other.validTo))
  const spki = other.publicKey.export({ type: 'spki', format: 'der' })
  assert.equal(identity.spkiSha256, createHash('sha256').update(spki).digest('hex'))
})

test('a center certificate made by openssl may carry DNS names and addresses', (t) => {
  const names = 'URI:spiffe://corp.example/center,DNS:center.corp.example,IP:10.0.0.1,IP:::1'
  const issued = issueByOpenssl(t, process.env, names)
  if (!issued) return
  const identity = parseIdentity(issued.der)
  assert.equal(identity.kind, 'center')
  assert.equal(identity.trustDomain, 'corp.example')
})

test('2,000 mutations of a good certificate crash nothing and yield no other edge', (t) => {
  const good = certificate()
  const uriAt = Buffer.from(good).indexOf(EDGE)
  const random = randomNumbers(20_260_101)
  let accepted = 0
  for (let i = 0; i < 2_000; i++) {
    const mutated = mutate(good, random)
    let uri: string
    try {
      uri = parseIdentity(mutated.bytes).uri
    } catch (thrown) {
      assert.ok(thrown instanceof YizhanError, `mutation ${i} threw ${thrown}`)
      assert.equal(thrown.code, 'unauthenticated')
      continue
    }
    accepted++
    // A changed letter of the name is another name, which only the signature can tell; nothing else may change it.
    const hitsName = mutated.at >= uriAt && mutated.at < uriAt + EDGE.length
    const expected = hitsName
      ? Buffer.from(mutated.bytes.subarray(uriAt, uriAt + EDGE.length)).toString()
      : EDGE
    assert.equal(uri, expected, `mutation ${i} at ${mutated.at}`)
  }
  t.diagnostic(`${accepted} of 2,000 mutations still parse`)
  assert.ok(accepted > 50, 'the mutations must reach past the outer shell')
})

function mutate(good: Uint8Array, random: (below: number) => number): { bytes: Uint8Array; at: number } {
  const at = random(good.length)
  const before = good.subarray(0, at)
  switch (random(4)) {
    case 0:
      return { at, bytes: Buffer.concat([before, good.subarray(at + 1)]) }
    case 1:
      return { at, bytes: Buffer.concat([before, Uint8Array.of(random(256)), good.subarray(at)]) }
    case 2:
      return {
        at,
        bytes: Buffer.concat([
          before,
          Uint8Array.of((good[at] ?? 0) ^ (1 << random(8))),
          good.subarray(at + 1),
        ]),
      }
    default:
      return { at, bytes: Buffer.concat([before, Uint8Array.of(random(256)), good.subarray(at + 1)]) }
  }
}

/** A small fixed generator (xorshift), so that a failing mutation can be found again. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
