import { hash } from 'node:crypto'
import {
  type Opened,
  type SealContext,
  type SealedItem,
  type SealItem,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import type { AuditEntry, AuditRecord } from './port.js'
import { sequenceText } from './sequence.js'

// `$` is in no collection's name: an audit entry never opens as a record, nor the other way round.
export const AUDIT_COLLECTION = '$audit'
const FORMAT = 2
const HASH_BYTES = 32
const PARTS = ['head', 'before', 'after'] as const
type Part = (typeof PARTS)[number]
const ACTIONS: ReadonlySet<unknown> = new Set<AuditEntry['action']>(['CREATE', 'READ', 'UPDATE', 'DELETE'])

/** An entry as it is stored: chained over what is sealed, so that the chain is verified without any key. */
export interface StoredAudit {
  readonly hash: string
  readonly bytes: Uint8Array
}

/** What is to be sealed of an entry, in the order that `encodeAudit` wants it back. */
export function auditItems(tenant: TenantId, sequence: number, entry: AuditEntry): SealItem[] {
  const { before, after, subject, ...rest } = entry
  const head = Buffer.from(JSON.stringify({ ...rest, ...(subject === undefined ? {} : { subject }) }))
  const items: SealItem[] = [{ plain: head, context: partContext(tenant, sequence, 'head', undefined) }]
  if (before) items.push({ plain: before, context: partContext(tenant, sequence, 'before', subject) })
  if (after) items.push({ plain: after, context: partContext(tenant, sequence, 'after', subject) })
  return items
}

/** How many items `auditItems` makes of it. */
export function auditParts({ before, after }: AuditEntry): number {
  return 1 + (before ? 1 : 0) + (after ? 1 : 0)
}

/**
 * Format byte 2, hash of the entry before (32 bytes, zero for the first), then head, before and after: each its length
 * (4 bytes, big endian; 0 = there is none) and what is sealed. The head by the tenant's key, the snapshots by the
 * subject's if there is one. The hash of an entry is SM3 over all of these bytes.
 */
export function encodeAudit(previous: string, entry: AuditEntry, sealed: readonly Uint8Array[]): StoredAudit {
  const rest = [...sealed]
  const parts: (Uint8Array | undefined)[] = [
    rest.shift(),
    entry.before && rest.shift(),
    entry.after && rest.shift(),
  ]
  let length = 1 + HASH_BYTES + 4 * PARTS.length
  for (const part of parts) length += part?.length ?? 0
  const bytes = Buffer.allocUnsafe(length)
  bytes[0] = FORMAT
  if (previous === '') bytes.fill(0, 1, 1 + HASH_BYTES)
  else bytes.write(previous, 1, HASH_BYTES, 'hex')
  let at = 1 + HASH_BYTES
  for (const part of parts) {
    at = bytes.writeUInt32BE(part?.length ?? 0, at)
    if (!part) continue
    bytes.set(part, at)
    at += part.length
  }
  return { hash: auditHash(bytes), bytes }
}

/** Hex SM3 of a stored entry. */
export function auditHash(bytes: Uint8Array): string {
  return hash('sm3', bytes, 'hex')
}

/** An entry before it is opened. Throws `data_corrupt`. */
export interface SealedAudit {
  readonly sequence: number
  readonly previous: string
  readonly hash: string
  readonly parts: Readonly<Partial<Record<Part, Uint8Array>>>
}

export function readAudit(sequence: number, bytes: Uint8Array): SealedAudit {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer[0] !== FORMAT || buffer.length < 1 + HASH_BYTES) throw corrupt(sequence)
  const previous = buffer.toString('hex', 1, 1 + HASH_BYTES)
  const parts: Partial<Record<Part, Uint8Array>> = {}
  let at = 1 + HASH_BYTES
  for (const part of PARTS) {
    if (buffer.length < at + 4) throw corrupt(sequence)
    const end = at + 4 + buffer.readUInt32BE(at)
    if (buffer.length < end) throw corrupt(sequence)
    if (end > at + 4) parts[part] = new Uint8Array(bytes.buffer, bytes.byteOffset + at + 4, end - at - 4)
    at = end
  }
  if (at !== buffer.length || !parts.head) throw corrupt(sequence)
  return { sequence, previous: /^0+$/.test(previous) ? '' : previous, hash: auditHash(bytes), parts }
}

/** What of an entry is to be opened: first its head, which says whose the snapshots are. */
export function auditHeadItem(tenant: TenantId, { sequence, parts }: SealedAudit): SealedItem {
  return { sealed: parts.head as Uint8Array, context: partContext(tenant, sequence, 'head', undefined) }
}

/** Its snapshots, once the head is known. */
export function auditSnapshotItems(
  tenant: TenantId,
  { sequence, parts }: SealedAudit,
  head: AuditEntry,
): SealedItem[] {
  return (['before', 'after'] as const).flatMap((part) => {
    const sealed = parts[part]
    return sealed ? [{ sealed, context: partContext(tenant, sequence, part, head.subject) }] : []
  })
}

/** Throws `data_corrupt`. */
export function auditHeadOf(sequence: number, opened: Opened | undefined): AuditEntry {
  if (opened?.s !== 'open') throw corrupt(sequence)
  try {
    const head: unknown = JSON.parse(Buffer.from(opened.plain).toString('utf8'))
    if (isHead(head)) return head
  } catch {
    // Falls through: not JSON is as corrupt as the wrong JSON.
  }
  throw corrupt(sequence)
}

/** The entry with its snapshots in the order of `auditSnapshotItems`. */
export function auditRecord(entry: SealedAudit, head: AuditEntry, snapshots: readonly Opened[]): AuditRecord {
  const rest = [...snapshots]
  const found: { before?: Uint8Array; after?: Uint8Array; erased?: true } = {}
  for (const part of ['before', 'after'] as const) {
    if (!entry.parts[part]) continue
    const opened = rest.shift()
    if (opened?.s === 'open') found[part] = opened.plain
    else found.erased = true
  }
  return { ...head, sequence: entry.sequence, hash: entry.hash, ...found }
}

function partContext(
  tenant: TenantId,
  sequence: number,
  part: Part,
  subject: string | undefined,
): SealContext {
  const place = { tenant, collection: AUDIT_COLLECTION, key: `${sequenceText(sequence)}.${part}`, version: 1 }
  return subject === undefined ? place : { ...place, subject }
}

function isHead(value: unknown): value is AuditEntry {
  if (typeof value !== 'object' || value === null) return false
  const head: Partial<Record<keyof AuditEntry, unknown>> = value
  return (
    typeof head.time === 'number' &&
    typeof head.actor === 'string' &&
    typeof head.object === 'string' &&
    ACTIONS.has(head.action) &&
    isTextOrNone(head.requestId) &&
    isTextOrNone(head.subject)
  )
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

function corrupt(sequence: number): YizhanError {
  return new YizhanError('data_corrupt', 'an audit entry cannot be read', { details: { sequence } })
}
