import { hash } from 'node:crypto'
import { YizhanError } from './errors.js'

const MAX_DEPTH = 100

/**
 * JSON with sorted keys and no spaces (RFC 8785): equal data gives equal text, for digests and signatures.
 * Plain data only; throws `invalid_argument` on NaN, bigint, lone surrogates, class instances and cycles.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0)
}

function write(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw refuse('is nested too deeply or refers to itself')
  switch (typeof value) {
    case 'string':
      if (/\p{Surrogate}/u.test(value)) throw refuse('holds a lone surrogate')
      return JSON.stringify(value)
    case 'boolean':
      return String(value)
    case 'number':
      if (!Number.isFinite(value)) throw refuse('holds a number that JSON has no form for')
      return JSON.stringify(value)
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`
      return writeObject(value, depth)
    default:
      throw refuse(`holds a ${typeof value}`)
  }
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype)
    throw refuse('holds an object that is not plain data')
  const parts: string[] = []
  // The default sort compares UTF-16 code units, which is what RFC 8785 asks for.
  for (const [key, item] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    if (item === undefined) continue
    parts.push(`${write(key, depth)}:${write(item, depth + 1)}`)
  }
  return `{${parts.join(',')}}`
}

function refuse(why: string): YizhanError {
  return new YizhanError('invalid_argument', `the value ${why}`)
}

/** SHA-256 in lower-case hex; text is taken as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data)
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype'])

/** Whether `key` could reach a prototype once it is copied into a map; such keys are refused wherever people write keys. */
export function isForbiddenKey(key: string): boolean {
  return FORBIDDEN.has(key)
}

/** How every spelling of `__proto__` begins, escapes included; other texts can begin so too. */
const SUSPICIOUS = /(?:_|\\u005f){2}(?:p|\\u0070)/i

/** JSON from outside; throws `invalid_argument` (never quoting the text) on bad JSON and on a `__proto__` key. */
export function parseJson(text: string): unknown {
  // A reviver makes parsing several times slower, and this is called for every token of an engine.
  if (!SUSPICIOUS.test(text)) return parsed(text)
  let poisoned = false
  const value = parsed(text, (key, item: unknown) => {
    poisoned ||= key === '__proto__'
    return item
  })
  if (poisoned) throw new YizhanError('invalid_argument', 'the JSON holds a forbidden key')
  return value
}

function parsed(text: string, reviver?: Parameters<typeof JSON.parse>[1]): unknown {
  try {
    return JSON.parse(text, reviver)
  } catch {
    throw new YizhanError('invalid_argument', 'the text is not JSON')
  }
}
