import { crc32 } from 'node:zlib'
import { YizhanError } from '@yizhan/kernel'

const FORMAT = 1
const OLDEST_FORMAT = 1
/** Format byte, CRC-32 (big endian), age as a double. */
const HEADER = 13

export type Decoded = { readonly age: number; readonly bytes: Uint8Array } | 'corrupt'

/** A record as it lies on disk. The checksum covers position, format, age and content. */
export function encodeRecord(seq: number, age: number, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER + bytes.length)
  const view = new DataView(out.buffer)
  out[0] = FORMAT
  view.setFloat64(5, age)
  out.set(bytes, HEADER)
  view.setUint32(1, checksum(seq, out))
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

function checksum(seq: number, record: Uint8Array): number {
  const place = new Uint8Array(9)
  new DataView(place.buffer).setFloat64(0, seq)
  place[8] = record[0] ?? 0
  return crc32(record.subarray(5), crc32(place))
}
