import { YizhanError } from '@yizhan/kernel'
import type { AuditEntry } from './port.js'

const FORMAT = 1
const VERSION_AT = 1
const SUBJECT_LENGTH_AT = 9
const SUBJECT_AT = 10
const LENGTH_BYTES = 4
const ACTIONS: ReadonlySet<unknown> = new Set<AuditEntry['action']>(['CREATE', 'READ', 'UPDATE', 'DELETE'])

export interface RecordOne {
  readonly version: number
  readonly subject?: string
  readonly sealed: Uint8Array
}

/** A record of format 1: format byte, version (8 bytes, big endian), length of the subject, subject, sealed value. */
export function readRecordOne(bytes: Uint8Array): RecordOne {
  if (bytes[0] !== FORMAT) throw damaged('a record has an unknown format')
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const valueAt = SUBJECT_AT + (buffer[SUBJECT_LENGTH_AT] ?? 0)
  if (buffer.length < valueAt) throw damaged('a record is cut short')
  const version = Number(buffer.readBigUInt64BE(VERSION_AT))
  if (!Number.isSafeInteger(version) || version < 1) throw damaged('a record has no version')
  const subject = buffer.toString('utf8', SUBJECT_AT, valueAt)
  const sealed = new Uint8Array(bytes.buffer, bytes.byteOffset + valueAt, bytes.byteLength - valueAt)
  return subject === '' ? { version, sealed } : { version, subject, sealed }
}

/** An audit entry of format 1, opened: length of the head (4 bytes), head as JSON, the two snapshots as they are. */
export function readAuditOne(plain: Uint8Array): AuditEntry {
  const buffer = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength)
  if (buffer.length < LENGTH_BYTES) throw damaged('an audit entry is cut short')
  const headEnd = LENGTH_BYTES + buffer.readUInt32BE(0)
  const { before, after, ...entry } = readHead(buffer.toString('utf8', LENGTH_BYTES, headEnd))
  const beforeEnd = headEnd + (before ?? 0)
  if (beforeEnd + (after ?? 0) !== buffer.length) throw damaged('an audit entry is cut short')
  return {
    ...entry,
    ...(before === undefined ? {} : { before: plain.slice(headEnd, beforeEnd) }),
    ...(after === undefined ? {} : { after: plain.slice(beforeEnd) }),
  }
}

/** Of the shard map of format 1. */
export function readShardOne(value: Uint8Array): number {
  const shard: unknown = JSON.parse(Buffer.from(value).toString('utf8'))?.shard
  if (typeof shard === 'number' && Number.isSafeInteger(shard) && shard >= 0) return shard
  throw damaged('the shard map cannot be read')
}

interface HeadOne extends Pick<AuditEntry, 'time' | 'actor' | 'action' | 'object'> {
  /** Lengths. */
  readonly before?: number
  readonly after?: number
}

function readHead(text: string): HeadOne {
  let head: Partial<HeadOne>
  try {
    head = JSON.parse(text)
  } catch {
    throw damaged('an audit entry cannot be read')
  }
  const { time, actor, action, object, before, after } = head
  const lengths = [before, after].every((n) => n === undefined || (Number.isSafeInteger(n) && n >= 0))
  if (
    typeof time !== 'number' ||
    typeof actor !== 'string' ||
    typeof object !== 'string' ||
    !action ||
    !ACTIONS.has(action) ||
    !lengths
  ) {
    throw damaged('an audit entry cannot be read')
  }
  return {
    time,
    actor,
    action,
    object,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  }
}

function damaged(what: string): YizhanError {
  return new YizhanError('data_corrupt', `${what} in data of format 1`)
}
