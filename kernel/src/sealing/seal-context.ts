import { YizhanError } from '../errors.js'
import type { SealContext } from './sealer.js'

const LENGTH_BYTES = 4
const VERSION_BYTES = 8
const NONE = 0xffff_ffff
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * The bytes of a context that a tag covers: tenant, collection and key, each after its length (4 bytes, big endian; all
 * ones for none), the version (a double), and the subject like the other strings. No two contexts have the same bytes, and
 * none begins with those of another. Throws `invalid_argument` for half a surrogate pair: in UTF-8 they are all alike.
 */
export function encodeContext({ tenant, collection, key, version, subject }: SealContext): Uint8Array {
  const chars = (tenant?.length ?? 0) + collection.length + key.length + (subject?.length ?? 0)
  const bytes = Buffer.allocUnsafe(4 * LENGTH_BYTES + VERSION_BYTES + 3 * chars)
  let at = put(bytes, 0, tenant ?? undefined)
  at = put(bytes, at, collection)
  at = put(bytes, at, key)
  at = bytes.writeDoubleBE(version, at)
  at = put(bytes, at, subject)
  return bytes.subarray(0, at)
}

function put(into: Buffer, at: number, text: string | undefined): number {
  if (text === undefined) return into.writeUInt32BE(NONE, at)
  const length = into.write(text, at + LENGTH_BYTES)
  // What is as long in UTF-8 is ASCII.
  if (length !== text.length && LONE_SURROGATE.test(text)) {
    throw new YizhanError('invalid_argument', 'the place of a value holds half a surrogate pair')
  }
  into.writeUInt32BE(length, at)
  return at + LENGTH_BYTES + length
}
