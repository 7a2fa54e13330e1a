import { randomBytes } from 'node:crypto'

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

function base32(value: bigint, length: number): string {
  let out = ''
  let rest = value
  for (let i = 0; i < length; i++) {
    out = (ALPHABET[Number(rest & 31n)] ?? '0') + out
    rest >>= 5n
  }
  return out
}

/**
 * A new id: prefix, `_`, 10 characters of wall time, 16 random ones (80 bits). Sorts by time as text within a
 * prefix, across processes only as well as their clocks agree.
 */
export function newId(prefix: string, wallMs: number): string {
  const random = BigInt(`0x${randomBytes(10).toString('hex')}`)
  return `${prefix}_${base32(BigInt(Math.max(0, Math.floor(wallMs))), 10)}${base32(random, 16)}`
}

/** A random 64-bit incarnation number (journal epochs). Never 0. */
export function newEpoch(): bigint {
  const value = randomBytes(8).readBigUInt64BE()
  return value === 0n ? 1n : value
}
