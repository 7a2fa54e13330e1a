import { isName, YizhanError } from '@yizhan/kernel'
import type {
  AuditEntry,
  AuditOptions,
  Change,
  IndexTerm,
  PageOptions,
  PlaceQuery,
  ScanOptions,
} from './port.js'

/** What every engine allows; the contract suite holds them to it. */
export const STORE_LIMITS = {
  keyBytes: 512,
  valueBytes: 1024 * 1024,
  subjectBytes: 255,
  actorBytes: 256,
  objectBytes: 1024,
  requestIdBytes: 128,
  /** Index terms of one record. */
  terms: 16,
  termBytes: 256,
  /** Keys of one `getMany`. */
  keys: 1_000,
  /** Of all values and audit snapshots of one batch. */
  batchBytes: 32 * 1024 * 1024,
  scanDefault: 100,
  scanMax: 1_000,
  /** A page ends early, with a cursor, once its values exceed this. */
  pageBytes: 8 * 1024 * 1024,
} as const

const COLLECTION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const LONE_SURROGATE = /\p{Surrogate}/u

/** Throws `invalid_argument` unless it is 1–64 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit. */
export function checkCollection(collection: string): void {
  if (typeof collection !== 'string' || !COLLECTION.test(collection)) {
    throw refuse('the collection is not 1–64 of A-Z a-z 0-9 . _ -')
  }
}

/** The tenant comes branded, but a cast could smuggle a separator into the key: checked all the same. */
export function checkTenant(tenant: string): void {
  if (!isName(tenant)) throw refuse('the tenant is not a tenant id')
}

/** Throws `invalid_argument`; never quotes the key. */
export function checkKey(key: string): void {
  checkText('key', key, 1, STORE_LIMITS.keyBytes)
}

/** Checks one batch whole and returns its size in bytes. Throws `invalid_argument` or `too_large`. */
export function checkBatch(changes: readonly Change[], audit: AuditEntry | undefined): number {
  let bytes = 0
  for (const change of changes) {
    checkCollection(change.collection)
    checkKey(change.key)
    checkExpectedVersion(change.expectedVersion)
    if (change.op !== 'put') continue
    bytes += checkValue('value', change.value)
    if (change.subject !== undefined) checkSubject(change.subject)
    if (change.expiresAt !== undefined) checkTime('expiry', change.expiresAt)
    if (change.terms !== undefined) checkTerms(change.terms)
  }
  if (audit) bytes += checkAudit(audit)
  if (bytes > STORE_LIMITS.batchBytes) throw tooLarge('batch', STORE_LIMITS.batchBytes, bytes)
  return bytes
}

function checkAudit(audit: AuditEntry): number {
  if (!Number.isSafeInteger(audit.time)) throw refuse('the audit time is not whole milliseconds')
  if (audit.requestId !== undefined) checkText('request id', audit.requestId, 1, STORE_LIMITS.requestIdBytes)
  if (audit.subject !== undefined) checkSubject(audit.subject)
  checkText('audit actor', audit.actor, 1, STORE_LIMITS.actorBytes)
  checkText('audit object', audit.object, 1, STORE_LIMITS.objectBytes)
  return checkValue('audit snapshot', audit.before) + checkValue('audit snapshot', audit.after)
}

function checkExpectedVersion(version: number | undefined): void {
  if (version !== undefined && !(Number.isSafeInteger(version) && version >= 0)) {
    throw refuse('the expected version is not a whole number from 0')
  }
}

function checkValue(what: string, value: Uint8Array | undefined): number {
  const bytes = value?.byteLength ?? 0
  if (bytes > STORE_LIMITS.valueBytes) throw tooLarge(what, STORE_LIMITS.valueBytes, bytes)
  return bytes
}

function checkText(what: string, text: string, minBytes: number, maxBytes: number): void {
  if (typeof text !== 'string') throw refuse(`the ${what} is not text`)
  if (text.includes('\0')) throw refuse(`the ${what} holds a NUL`)
  // A lone surrogate would be written as U+FFFD, so that two keys became one.
  if (LONE_SURROGATE.test(text)) throw refuse(`the ${what} is not well-formed Unicode`)
  const bytes = Buffer.byteLength(text)
  if (bytes < minBytes || bytes > maxBytes)
    throw refuse(`the ${what} is not ${minBytes}–${maxBytes} bytes long`)
}

function checkSubject(subject: string): void {
  checkText('subject', subject, 1, STORE_LIMITS.subjectBytes)
}

function checkTime(what: string, time: number): void {
  if (!(Number.isSafeInteger(time) && time > 0)) throw refuse(`the ${what} is not whole milliseconds`)
}

function checkTerms(terms: readonly IndexTerm[]): void {
  if (terms.length > STORE_LIMITS.terms)
    throw refuse(`a record has more than ${STORE_LIMITS.terms} index terms`)
  const seen = new Set<string>()
  for (const { name, value } of terms) {
    if (typeof name !== 'string' || !COLLECTION.test(name))
      throw refuse('the name of an index term is not 1–64 of A-Z a-z 0-9 . _ -')
    checkText('value of an index term', value, 0, STORE_LIMITS.termBytes)
    const id = `${name}\0${value}`
    if (seen.has(id)) throw refuse('an index term stands twice')
    seen.add(id)
  }
}

/** The page size of a list. Throws `invalid_argument`. */
export function checkPage({ limit = STORE_LIMITS.scanDefault }: PageOptions): number {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > STORE_LIMITS.scanMax) {
    throw refuse(`the limit is not 1–${STORE_LIMITS.scanMax}`)
  }
  return limit
}

/** Checks the arguments of a scan and returns its page size. Throws `invalid_argument`. */
export function checkScan({ prefix, from, to, index, ...page }: ScanOptions): number {
  if (prefix !== undefined) checkText('prefix', prefix, 0, STORE_LIMITS.keyBytes)
  if (from !== undefined) checkText('start', from, 0, STORE_LIMITS.keyBytes)
  if (to !== undefined) checkText('end', to, 0, STORE_LIMITS.keyBytes)
  if (index) {
    if (typeof index.name !== 'string' || !COLLECTION.test(index.name))
      throw refuse('the index is not 1–64 of A-Z a-z 0-9 . _ -')
    if (index.value !== undefined) checkText('value of the index', index.value, 0, STORE_LIMITS.termBytes)
    if (prefix !== undefined) throw refuse('a scan by an index takes no prefix')
    if (index.value !== undefined && (from !== undefined || to !== undefined)) {
      throw refuse('a scan for one value of an index takes no bounds')
    }
  }
  return checkPage(page)
}

/** Throws `invalid_argument`. */
export function checkKeys(keys: readonly string[]): void {
  if (keys.length > STORE_LIMITS.keys) throw refuse(`more than ${STORE_LIMITS.keys} keys at once`)
  for (const key of keys) checkKey(key)
}

/** Throws `invalid_argument`; returns the page size. */
export function checkAuditOptions({ from, cursor, ...page }: AuditOptions): number {
  if (from !== undefined && !(Number.isSafeInteger(from) && from >= 1))
    throw refuse('the first entry is not a whole number from 1')
  if (from !== undefined && cursor !== undefined)
    throw refuse('a list takes a cursor or a first entry, not both')
  return checkPage(page)
}

/** Throws `invalid_argument`; returns the page size. */
export function checkPlaces(query: PlaceQuery, options: PageOptions): number {
  if ('subject' in query) checkSubject(query.subject)
  else checkTime('time', query.expiredBefore)
  return checkPage(options)
}

function refuse(message: string): YizhanError {
  return new YizhanError('invalid_argument', message)
}

function tooLarge(what: string, maxBytes: number, bytes: number): YizhanError {
  return new YizhanError('too_large', `the ${what} is larger than ${maxBytes} bytes`, {
    details: { maxBytes, bytes },
  })
}
