import { type Opened, type SealContext, YizhanError } from '@yizhan/kernel'
import type { Scope } from './engine.js'
import type { IndexTerm, StoredRecord } from './port.js'

const FORMAT = 2
const FIXED = 1 + 8 + 8 + 1 + 1

/** The part of a stored record that is readable without a key; all of it is bound into the sealed value. */
export interface RecordHeader {
  readonly version: number
  readonly subject?: string
  readonly expiresAt?: number
  readonly terms?: readonly IndexTerm[]
}

/**
 * Format byte 2, version (8 bytes, big endian), expiry (8, 0 = none), lengths of the subject and of the list of terms (1
 * each), subject, terms (name length 1, value length 2, name, value), then the sealed value.
 */
export function encodeRecord(header: RecordHeader, sealed: Uint8Array): Uint8Array {
  const { version, subject = '', expiresAt = 0, terms = [] } = header
  const subjectBytes = Buffer.byteLength(subject)
  let length = FIXED + subjectBytes + sealed.length
  for (const { name, value } of terms) length += 3 + Buffer.byteLength(name) + Buffer.byteLength(value)
  const bytes = Buffer.allocUnsafe(length)
  bytes[0] = FORMAT
  writeUint64(bytes, version, 1)
  writeUint64(bytes, expiresAt, 9)
  bytes[17] = subjectBytes
  bytes[18] = terms.length
  let at = FIXED + bytes.write(subject, FIXED)
  for (const { name, value } of terms) {
    const nameBytes = bytes.write(name, at + 3)
    const valueBytes = bytes.write(value, at + 3 + nameBytes)
    bytes[at] = nameBytes
    bytes.writeUInt16BE(valueBytes, at + 1)
    at += 3 + nameBytes + valueBytes
  }
  bytes.set(sealed, at)
  return bytes
}

/** Throws `data_corrupt`. */
export function readRecord(bytes: Uint8Array): {
  readonly header: RecordHeader
  readonly sealed: Uint8Array
} {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer[0] !== FORMAT) {
    throw new YizhanError('data_corrupt', 'a record has an unknown format', {
      details: { format: buffer[0] ?? null },
    })
  }
  if (buffer.length < FIXED) throw cutShort()
  const version = Number(buffer.readBigUInt64BE(1))
  const expiresAt = Number(buffer.readBigUInt64BE(9))
  if (!Number.isSafeInteger(version) || version < 1 || !Number.isSafeInteger(expiresAt)) {
    throw new YizhanError('data_corrupt', 'a record has no version')
  }
  let at = FIXED + (buffer[17] ?? 0)
  const subject = buffer.toString('utf8', FIXED, at)
  const terms: IndexTerm[] = []
  for (let left = buffer[18] ?? 0; left > 0; left--) {
    if (buffer.length < at + 3) throw cutShort()
    const nameEnd = at + 3 + (buffer[at] ?? 0)
    const end = nameEnd + buffer.readUInt16BE(at + 1)
    terms.push({
      name: buffer.toString('utf8', at + 3, nameEnd),
      value: buffer.toString('utf8', nameEnd, end),
    })
    at = end
  }
  if (buffer.length < at) throw cutShort()
  return {
    header: {
      version,
      ...(subject === '' ? {} : { subject }),
      ...(expiresAt === 0 ? {} : { expiresAt }),
      ...(terms.length === 0 ? {} : { terms }),
    },
    // A view without Buffer's own slice and equality.
    sealed: new Uint8Array(bytes.buffer, bytes.byteOffset + at, bytes.byteLength - at),
  }
}

/** What the value is bound to. Expiry and terms go in behind a NUL, which no key holds. */
export function sealContext(
  scope: Scope,
  collection: string,
  key: string,
  { version, subject, expiresAt, terms }: RecordHeader,
): SealContext {
  const bound =
    expiresAt === undefined && terms === undefined
      ? key
      : `${key}\0${JSON.stringify([expiresAt ?? 0, (terms ?? []).map(({ name, value }) => [name, value])])}`
  const place = { tenant: scope, collection, key: bound, version }
  return subject === undefined ? place : { ...place, subject }
}

/** Undefined if the person was erased. */
export function storedRecord(
  key: string,
  header: RecordHeader,
  opened: Opened | undefined,
): StoredRecord | undefined {
  return opened?.s === 'open' ? { key, value: opened.plain, ...header } : undefined
}

export function isExpired(header: RecordHeader, now: number): boolean {
  return header.expiresAt !== undefined && header.expiresAt <= now
}

function cutShort(): YizhanError {
  return new YizhanError('data_corrupt', 'a record is cut short')
}

/** Big endian; a safe integer from 0. */
function writeUint64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}
