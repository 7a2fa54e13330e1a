import { type TenantId, YizhanError } from '@yizhan/kernel'

/** Whose records: a tenant's, or null for what belongs to none (SystemStore). */
export type Scope = TenantId | null

// tenant NUL kind NUL rest. No part but the last may hold a NUL, and the tenant comes first: the keys of one tenant
// are one contiguous range that no other tenant's name can reach into. The empty tenant is the system's.
const RECORD = 'r'
const AUDIT = 'a'
const META = 'm'
/** Above every byte of UTF-8, so that a prefix followed by it bounds all keys with that prefix. */
const ABOVE_UTF8 = Buffer.from([0xff])
const SEQUENCE_DIGITS = 14

export interface KeyRange {
  readonly gte: Buffer
  readonly lt: Buffer
}

function base(scope: Scope, kind: string): string {
  return `${scope ?? ''}\0${kind}\0`
}

export function recordKey(scope: Scope, collection: string, key: string): Buffer {
  return Buffer.from(`${base(scope, RECORD)}${collection}\0${key}`)
}

/** All records of a collection whose keys start with `prefix`. */
export function recordRange(scope: Scope, collection: string, prefix: string): KeyRange {
  return rangeOf(`${base(scope, RECORD)}${collection}\0${prefix}`)
}

/** The key inside its collection, from the level key that `recordKey` made. */
export function keyOfRecord(scope: Scope, collection: string, levelKey: Buffer): string {
  return levelKey.toString('utf8', Buffer.byteLength(base(scope, RECORD)) + collection.length + 1)
}

/** Fixed-width hex, so that text order is number order; safe integers need 14 digits. */
export function sequenceText(sequence: number): string {
  return sequence.toString(16).padStart(SEQUENCE_DIGITS, '0')
}

export function auditKey(scope: Scope, sequence: number): Buffer {
  return Buffer.from(`${base(scope, AUDIT)}${sequenceText(sequence)}`)
}

export function auditRange(scope: Scope): KeyRange {
  return rangeOf(base(scope, AUDIT))
}

export function sequenceOfAuditKey(levelKey: Buffer): number {
  const text = levelKey.toString('latin1', levelKey.length - SEQUENCE_DIGITS)
  const sequence = /^[0-9a-f]{14}$/.test(text) ? Number.parseInt(text, 16) : 0
  if (!Number.isSafeInteger(sequence) || sequence < 1) {
    throw new YizhanError('data_corrupt', 'an audit key holds no sequence number')
  }
  return sequence
}

/** What the database says about itself; belongs to no scope. */
export function metaKey(name: string): Buffer {
  return Buffer.from(`${base(null, META)}${name}`)
}

function rangeOf(prefix: string): KeyRange {
  const gte = Buffer.from(prefix)
  return { gte, lt: Buffer.concat([gte, ABOVE_UTF8]) }
}
