import { crc32 } from 'node:zlib'
import { YizhanError } from '@yizhan/kernel'

const FORMAT = 1
const OLDEST_FORMAT = 1
/** Format byte, CRC-32 (big endian), age as a double. */
const HEADER = 13

export type Decoded = { readonly age: number; readonly bytes: Uint8Array } | 'corrupt'

/** A record as it lies on disk. The checksum covers position, format, age and content. */
export function encodeRecord(seq: number, age: number, bytes: Uint8Array): Uint8Array {
  // Every byte of it is written below.
  const out = Buffer.allocUnsafe(HEADER + bytes.length)
  out[0] = FORMAT
  out.writeDoubleBE(age, 5)
  out.set(bytes, HEADER)
  out.writeUInt32BE(checksum(seq, out), 1)
  return out
}

/**
 * The record at `seq`, or `corrupt`. A whole record in a format that this build does not know throws `version_skew`:
 * the data is good, the program is too old.
 */
export function decodeRecord(seq: number, stored: Uint8Array): Decoded {
  if (stored.length < HEADER) return 'corrupt'
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  if (view.getUint32(1) !== checksum(seq, stored)) return 'corrupt'
  const format = stored[0] ?? 0
  if (format < OLDEST_FORMAT || format > FORMAT) {
    throw new YizhanError('version_skew', `the journal holds records of format ${format}`, {
      hint: 'start the version that wrote them, or a newer one',
    })
  }
  return { age: view.getFloat64(5), bytes: stored.subarray(HEADER) }
}

const place = Buffer.alloc(9)

function checksum(seq: number, record: Uint8Array): number {
  place.writeDoubleBE(seq)
  place[8] = record[0] ?? 0
  return crc32(record.subarray(5), crc32(place))
}
