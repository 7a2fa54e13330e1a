import { randomBytes, randomFillSync } from 'node:crypto'

declare const brand: unique symbol
type Brand<T, B> = T & { readonly [brand]: B }

/** A tenant's id: 1–63 of `a-z 0-9 -`, starting with a letter or digit. Only `asTenantId` makes one. */
export type TenantId = Brand<string, 'TenantId'>
/** An edge's id, same form as a tenant's. */
export type EdgeId = Brand<string, 'EdgeId'>

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/

export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value)
}

/** The TenantId in `value`, or undefined if it is not one. */
export function asTenantId(value: string): TenantId | undefined {
  return isName(value) ? (value as TenantId) : undefined
}

/** The EdgeId in `value`, or undefined if it is not one. */
export function asEdgeId(value: string): EdgeId | undefined {
  return isName(value) ? (value as EdgeId) : undefined
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

function base32(value: number, length: number): string {
  let out = ''
  let rest = value
  for (let i = 0; i < length; i++) {
    out = (ALPHABET[rest % 32] ?? '0') + out
    rest = Math.floor(rest / 32)
  }
  return out
}

const RANDOM_CHARS = 16
// Drawn in blocks: a call for a few bytes costs as much as one for thousands.
const block = Buffer.alloc(RANDOM_CHARS * 256)
let taken = block.length

function randomChars(): string {
  if (taken === block.length) {
    randomFillSync(block)
    taken = 0
  }
  let out = ''
  // Five bits of each byte.
  for (const end = taken + RANDOM_CHARS; taken < end; taken++)
    out += ALPHABET[(block[taken] ?? 0) % 32] ?? '0'
  return out
}

/**
 * A new id: prefix, `_`, 10 characters of wall time, 16 random ones (80 bits). Sorts by time as text within a
 * prefix, across processes only as well as their clocks agree.
 */
export function newId(prefix: string, wallMs: number): string {
  return `${prefix}_${base32(Math.max(0, Math.floor(wallMs)), 10)}${randomChars()}`
}

/** A random 64-bit incarnation number (journal epochs). Never 0. */
export function newEpoch(): bigint {
  const value = randomBytes(8).readBigUInt64BE()
  return value === 0n ? 1n : value
}
