import { openOne, type SealContext, type Sealer, sealOne, YizhanError } from '@yizhan/kernel'
import type { Scope } from './engine.js'
import type { ScopeHead } from './port.js'

// `$` is in no collection's name: a head never opens as a record, nor the other way round.
const HEAD_COLLECTION = '$head'
const DIGEST_BITS = 128n
const MASK = (1n << DIGEST_BITS) - 1n
const TAG_BYTES = 16

/** What is known of a scope; the digest is the sum, modulo 2^128, of the last 16 bytes of every stored record. */
export interface HeadState extends ScopeHead {
  /** Grows with every commit; the version that the head is sealed under. */
  readonly commits: number
  readonly digest: bigint
  /** Hash of the entry before `auditFirst`; '' at the beginning. */
  readonly auditBefore: string
}

export const EMPTY_HEAD: HeadState = {
  commits: 0,
  records: 0,
  bytes: 0,
  digest: 0n,
  auditSequence: 0,
  auditHash: '',
  auditFirst: 1,
  auditBefore: '',
}

/** A vanished, doubled or older record changes the sum: its tag depends on key, version and content. */
export function digestOf(stored: Uint8Array): bigint {
  const at = stored.length - TAG_BYTES
  if (at < 0) return BigInt(`0x${Buffer.from(stored).toString('hex')}`)
  const tag = new DataView(stored.buffer, stored.byteOffset + at, TAG_BYTES)
  return (tag.getBigUint64(0) << 64n) | tag.getBigUint64(8)
}

export function addDigest(sum: bigint, added: bigint): bigint {
  return (sum + added) & MASK
}

export function subtractDigest(sum: bigint, removed: bigint): bigint {
  return (sum - removed) & MASK
}

export function headPlain(head: HeadState): Uint8Array {
  return Buffer.from(JSON.stringify({ ...head, digest: head.digest.toString(16) }))
}

export function headContext(scope: Scope, commits: number): SealContext {
  return { tenant: scope, collection: HEAD_COLLECTION, key: 'head', version: commits }
}

/** Commit count (8 bytes, big endian), sealed head. */
export function encodeHead(commits: number, sealed: Uint8Array): Uint8Array {
  const count = Buffer.alloc(8)
  count.writeBigUInt64BE(BigInt(commits))
  return new Uint8Array(Buffer.concat([count, sealed]))
}

/** Throws `data_corrupt`. */
export function readHead(bytes: Uint8Array): { readonly commits: number; readonly sealed: Uint8Array } {
  if (bytes.length < 8) throw damaged()
  const commits = Number(Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64BE())
  if (!Number.isSafeInteger(commits)) throw damaged()
  return { commits, sealed: bytes.subarray(8) }
}

/** Throws `data_corrupt`. */
export function headState(plain: Uint8Array): HeadState {
  try {
    const value = JSON.parse(Buffer.from(plain).toString('utf8'))
    const numbers = ['commits', 'records', 'bytes', 'auditSequence', 'auditFirst']
    const texts = ['auditHash', 'auditBefore', 'digest']
    if (
      numbers.every((name) => Number.isSafeInteger(value[name])) &&
      texts.every((name) => typeof value[name] === 'string')
    ) {
      return { ...value, digest: BigInt(`0x${value.digest}`) }
    }
  } catch {
    // Falls through: sealed by us, so this is a fault of another version at most.
  }
  throw damaged()
}

/** Throws `data_corrupt`, `key_unknown`. */
export async function openHead(sealer: Sealer, scope: Scope, bytes: Uint8Array): Promise<HeadState> {
  const { commits, sealed } = readHead(bytes)
  const plain = await openOne(sealer, sealed, headContext(scope, commits))
  if (!plain) throw damaged()
  return headState(plain)
}

/** As it is stored. */
export async function sealHead(sealer: Sealer, scope: Scope, state: HeadState): Promise<Uint8Array> {
  const sealed = await sealOne(sealer, headPlain(state), headContext(scope, state.commits))
  return encodeHead(state.commits, sealed)
}

/** After records were sealed anew, without a change of their number. */
export function resealedHead(
  head: HeadState,
  records: readonly { readonly before: Uint8Array; readonly after: Uint8Array }[],
): HeadState {
  let { bytes, digest } = head
  for (const { before, after } of records) {
    bytes += after.length - before.length
    digest = addDigest(subtractDigest(digest, digestOf(before)), digestOf(after))
  }
  return { ...head, commits: head.commits + 1, bytes, digest }
}

/** After the entries up to `through` were given up; `hash`: of entry `through`. */
export function prunedHead(head: HeadState, through: number, hash: string): HeadState {
  return { ...head, commits: head.commits + 1, auditFirst: through + 1, auditBefore: hash }
}

function damaged(): YizhanError {
  return new YizhanError('data_corrupt', 'the head of a scope cannot be read')
}
