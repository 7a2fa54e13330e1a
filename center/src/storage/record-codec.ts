import { type Opener, type SealContext, type Sealer, YizhanError } from '@yizhan/kernel'
import type { StoredRecord } from './port.js'

const FORMAT = 1
const VERSION_AT = 1
const SUBJECT_LENGTH_AT = 9
const SUBJECT_AT = 10

export interface RecordHeader {
  readonly version: number
  readonly subject?: string
  /** Where the sealed value begins. */
  readonly valueAt: number
}

/** Format byte 1, version (8 bytes, big endian), length of the subject, subject, sealed value. */
export function encodeRecord(plain: Uint8Array, context: SealContext, sealer: Sealer): Uint8Array {
  const subject = Buffer.from(context.subject ?? '')
  const sealed = sealer.seal(plain, context)
  const out = new Uint8Array(SUBJECT_AT + subject.length + sealed.length)
  out[0] = FORMAT
  new DataView(out.buffer).setBigUint64(VERSION_AT, BigInt(context.version))
  out[SUBJECT_LENGTH_AT] = subject.length
  out.set(subject, SUBJECT_AT)
  out.set(sealed, SUBJECT_AT + subject.length)
  return out
}

/** The part that is readable without a key. Throws `data_corrupt`. */
export function readHeader(bytes: Uint8Array): RecordHeader {
  if (bytes[0] !== FORMAT) {
    throw new YizhanError('data_corrupt', 'a record has an unknown format', {
      details: { format: bytes[0] ?? null },
    })
  }
  const subjectLength = bytes[SUBJECT_LENGTH_AT] ?? 0
  const valueAt = SUBJECT_AT + subjectLength
  if (bytes.length < valueAt) throw new YizhanError('data_corrupt', 'a record is cut short')
  const version = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(VERSION_AT))
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new YizhanError('data_corrupt', 'a record has no version')
  }
  if (subjectLength === 0) return { version, valueAt }
  const subject = Buffer.from(bytes.buffer, bytes.byteOffset + SUBJECT_AT, subjectLength).toString('utf8')
  return { version, valueAt, subject }
}

/** The record that lies under `place`. Throws `data_corrupt` if it was written elsewhere or a bit differs. */
export function decodeRecord(
  bytes: Uint8Array,
  place: Pick<SealContext, 'tenant' | 'collection' | 'key'>,
  opener: Opener,
): StoredRecord {
  const { version, subject, valueAt } = readHeader(bytes)
  const named = subject === undefined ? { version } : { version, subject }
  // LevelDB gives a Buffer; callers get what the port says, without Buffer's own slice and equality.
  const sealed = new Uint8Array(bytes.buffer, bytes.byteOffset + valueAt, bytes.byteLength - valueAt)
  const value = opener.open(sealed, { ...place, ...named })
  return { key: place.key, value, ...named }
}
