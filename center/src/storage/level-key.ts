import type { Scope } from './engine.js'
import { readSequence, sequenceText } from './sequence.js'

// tenant NUL kind NUL rest. No part but the last may hold a NUL, and the tenant comes first: the keys of one tenant
// are one contiguous range that no other tenant's name can reach into. The empty tenant is the system's.
const RECORD = 'r'
const AUDIT = 'a'
const HEAD = 'h'
const INDEX = 'i'
const SUBJECT = 's'
const EXPIRY = 'x'
const META = 'm'
/** Above every byte of UTF-8, so that a prefix followed by it bounds all keys with that prefix. */
const ABOVE_UTF8 = Buffer.from([0xff])

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
export function recordRange(scope: Scope, collection: string, prefix = ''): KeyRange {
  return rangeOf(`${base(scope, RECORD)}${collection}\0${prefix}`)
}

/** The records of a collection with keys up to `through`, that one too; neither end is a key of one. */
export function recordsThrough(scope: Scope, collection: string, through: string): KeyRange {
  const last = recordKey(scope, collection, through)
  return { gte: recordKey(scope, collection, ''), lt: Buffer.concat([last, ABOVE_UTF8]) }
}

/** Every record of a scope, by collection and key. */
export function recordsRange(scope: Scope): KeyRange {
  return rangeOf(base(scope, RECORD))
}

/** Collection and key of what `recordKey` made. */
export function placeOfRecord(
  scope: Scope,
  levelKey: Buffer,
): { readonly collection: string; readonly key: string } {
  const [collection = '', key = ''] = partsAfter(base(scope, RECORD), levelKey)
  return { collection, key }
}

export function auditKey(scope: Scope, sequence: number): Buffer {
  return Buffer.from(`${base(scope, AUDIT)}${sequenceText(sequence)}`)
}

export function auditRange(scope: Scope): KeyRange {
  return rangeOf(base(scope, AUDIT))
}

export function sequenceOfAuditKey(scope: Scope, levelKey: Buffer): number {
  return readSequence(partsAfter(base(scope, AUDIT), levelKey)[0] ?? '')
}

/** The entries up to `through`, that one too; neither end is a key of one. */
export function auditThrough(scope: Scope, through: number): KeyRange {
  return { gte: auditRange(scope).gte, lt: Buffer.concat([auditKey(scope, through), ABOVE_UTF8]) }
}

/** The sequence of an audit entry's key, unread. */
export function sequencePart(scope: Scope, levelKey: Buffer): string {
  return partsAfter(base(scope, AUDIT), levelKey).join('\0')
}

export function headKey(scope: Scope): Buffer {
  return Buffer.from(`${base(scope, HEAD)}head`)
}

/** Order: index, value, key. */
export function indexKey(scope: Scope, collection: string, name: string, value: string, key: string): Buffer {
  return Buffer.from(`${base(scope, INDEX)}${collection}\0${name}\0${value}\0${key}`)
}

/** All entries of an index, or those of one value. */
export function indexRange(scope: Scope, collection: string, name: string, value?: string): KeyRange {
  return rangeOf(`${base(scope, INDEX)}${collection}\0${name}\0${value === undefined ? '' : `${value}\0`}`)
}

export function partsOfIndexKey(
  scope: Scope,
  levelKey: Buffer,
): { readonly value: string; readonly key: string } {
  const [, , value = '', key = ''] = partsAfter(base(scope, INDEX), levelKey)
  return { value, key }
}

export function subjectKey(scope: Scope, subject: string, collection: string, key: string): Buffer {
  return Buffer.from(`${base(scope, SUBJECT)}${subject}\0${collection}\0${key}`)
}

export function subjectRange(scope: Scope, subject: string): KeyRange {
  return rangeOf(`${base(scope, SUBJECT)}${subject}\0`)
}

export function expiryKey(scope: Scope, expiresAt: number, collection: string, key: string): Buffer {
  return Buffer.from(`${base(scope, EXPIRY)}${sequenceText(expiresAt)}\0${collection}\0${key}`)
}

/** Entries that expired before this time. */
export function expiryRange(scope: Scope, before: number): KeyRange {
  return {
    gte: Buffer.from(base(scope, EXPIRY)),
    lt: Buffer.from(`${base(scope, EXPIRY)}${sequenceText(before)}`),
  }
}

/** Collection and key of a subject's or an expiry's entry. */
export function placeOfEntry(
  scope: Scope,
  levelKey: Buffer,
): { readonly collection: string; readonly key: string } {
  // Both kinds have the same length of prefix.
  const [, collection = '', key = ''] = partsAfter(base(scope, SUBJECT), levelKey)
  return { collection, key }
}

/** Everything by which records are found besides their keys. */
export function entryRanges(scope: Scope): KeyRange[] {
  return [EXPIRY, INDEX, SUBJECT].map((kind) => rangeOf(base(scope, kind)))
}

/** Collection and key of any entry of `entryRanges`. */
export function placeOfAnyEntry(levelKey: Buffer): { readonly collection: string; readonly key: string } {
  const [, kind, ...rest] = levelKey.toString('utf8').split('\0')
  const [first = '', second = '', third = '', fourth = ''] = rest
  return kind === INDEX ? { collection: first, key: fourth } : { collection: second, key: third }
}

/** Everything that starts with a scope's name, what the database says about itself too if it is the system's. */
export function scopeSpan(scope: Scope): KeyRange {
  return rangeOf(`${scope ?? ''}\0`)
}

/** Everything of a scope but what the database says about itself. */
export function scopeRanges(scope: Scope): KeyRange[] {
  return [HEAD, AUDIT, EXPIRY, INDEX, RECORD, SUBJECT].map((kind) => rangeOf(base(scope, kind)))
}

/** The scope of a level key; null for the system's. */
export function tenantText(levelKey: Buffer): string {
  return levelKey.toString('utf8', 0, Math.max(0, levelKey.indexOf(0)))
}

/** First key behind everything of this tenant. */
export function behindTenant(tenant: string): Buffer {
  return Buffer.concat([Buffer.from(`${tenant}\0`), ABOVE_UTF8])
}

/** What the database says about itself; belongs to no scope. */
export function metaKey(name: string): Buffer {
  return Buffer.from(`${base(null, META)}${name}`)
}

function partsAfter(prefix: string, levelKey: Buffer): string[] {
  return levelKey.toString('utf8', Buffer.byteLength(prefix)).split('\0')
}

export function rangeOf(prefix: string): KeyRange {
  const gte = Buffer.from(prefix)
  return { gte, lt: Buffer.concat([gte, ABOVE_UTF8]) }
}
