import { type Opener, type Sealer, type TenantId, YizhanError } from '@yizhan/kernel'
import { sequenceText } from './level-key.js'
import type { AuditEntry } from './port.js'
import { decodeRecord, encodeRecord } from './record-codec.js'

// `$` is in no collection's name: an audit entry never opens as a record, nor the other way round.
export const AUDIT_COLLECTION = '$audit'
const LENGTH_BYTES = 4
const ACTIONS: ReadonlySet<unknown> = new Set<AuditEntry['action']>(['CREATE', 'READ', 'UPDATE', 'DELETE'])

/** Length of the head (4 bytes), head as JSON, the two snapshots as they are; sealed as a record of version 1. */
export function encodeAudit(
  tenant: TenantId,
  sequence: number,
  entry: AuditEntry,
  sealer: Sealer,
): Uint8Array {
  const { before, after, time, actor, action, object } = entry
  const head = Buffer.from(
    JSON.stringify({ time, actor, action, object, before: before?.length, after: after?.length }),
  )
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(head.length)
  const plain = Buffer.concat([length, head, before ?? new Uint8Array(), after ?? new Uint8Array()])
  return encodeRecord(
    plain,
    { tenant, collection: AUDIT_COLLECTION, key: sequenceText(sequence), version: 1 },
    sealer,
  )
}

/** Throws `data_corrupt`. */
export function decodeAudit(
  tenant: TenantId,
  sequence: number,
  bytes: Uint8Array,
  opener: Opener,
): AuditEntry {
  const place = { tenant, collection: AUDIT_COLLECTION, key: sequenceText(sequence) }
  const plain = decodeRecord(bytes, place, opener).value
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength)
  if (plain.length < LENGTH_BYTES) throw corrupt(sequence)
  const headEnd = LENGTH_BYTES + view.getUint32(0)
  const head = readHead(plain.subarray(LENGTH_BYTES, headEnd), sequence)
  const beforeEnd = headEnd + (head.before ?? 0)
  const afterEnd = beforeEnd + (head.after ?? 0)
  if (afterEnd !== plain.length) throw corrupt(sequence)
  return {
    time: head.time,
    actor: head.actor,
    action: head.action,
    object: head.object,
    ...(head.before === undefined ? {} : { before: plain.slice(headEnd, beforeEnd) }),
    ...(head.after === undefined ? {} : { after: plain.slice(beforeEnd, afterEnd) }),
  }
}

type Head = Pick<AuditEntry, 'time' | 'actor' | 'action' | 'object'> & {
  readonly before?: number
  readonly after?: number
}

function readHead(bytes: Uint8Array, sequence: number): Head {
  try {
    const head: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (isHead(head)) return head
  } catch {
    // Falls through: not JSON is as corrupt as the wrong JSON.
  }
  throw corrupt(sequence)
}

function isHead(value: unknown): value is Head {
  if (typeof value !== 'object' || value === null) return false
  const head: Partial<Record<keyof Head, unknown>> = value
  return (
    typeof head.time === 'number' &&
    typeof head.actor === 'string' &&
    typeof head.object === 'string' &&
    ACTIONS.has(head.action) &&
    isLength(head.before) &&
    isLength(head.after)
  )
}

function isLength(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
}

function corrupt(sequence: number): YizhanError {
  return new YizhanError('data_corrupt', 'an audit entry cannot be read', { details: { sequence } })
}
