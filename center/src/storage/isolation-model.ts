import assert from 'node:assert/strict'
import type { TenantId } from '@yizhan/kernel'
import { tenant } from './contract-place.js'
import type { Change, IndexTerm } from './port.js'

// Names that are prefixes of each other, that sort around the separator, and that look like parts of a key.
export const TENANTS = ['a', 'ab', 'a-b', 'a-', 'a--b', 'b', 'r', '0'].map(tenant)
export const COLLECTIONS = ['c', 'cc', 'c-c', 'r', 'a']
export const KEYS = ['a', 'ab', 'a-b', 'b', 'c', 'r', '\u0001', '~', '键', '\u{10ffff}', 'a/b', 'shard-map']
export const SUBJECTS = ['s', 'ss', 's-', '键', 'a']
export const VALUES = ['', 'a', 'ab', 'a\u0001', '键', '\u{10ffff}']

export interface Kept {
  readonly value: string
  readonly version: number
  readonly subject?: string
  readonly expiresAt?: number
  readonly terms?: readonly IndexTerm[]
}

/** Collection + TAB + key → what the tenant has written, expired ones too. */
export type Model = Map<string, Kept>

export interface Random {
  below(n: number): number
  pick<T>(from: readonly T[]): T
}

/** mulberry32: small, seeded, good enough to shuffle with. */
export function generator(seed: number): Random {
  let state = seed >>> 0
  const below = (n: number) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
  return {
    below,
    pick(from) {
      const item = from[below(from.length)]
      assert.ok(item !== undefined)
      return item
    },
  }
}

/** A random change that fits, applied to the model. */
export function randomChange(random: Random, model: Model, id: TenantId, mark: string, now: number): Change {
  const collection = random.pick(COLLECTIONS)
  const key = random.pick(KEYS)
  const place = `${collection}\t${key}`
  const before = model.get(place)
  const expected =
    random.below(2) === 0 ? {} : { expectedVersion: before && isThere(before, now) ? before.version : 0 }
  if (random.below(4) === 0) {
    model.delete(place)
    return { op: 'delete', collection, key, ...expected }
  }
  const more = {
    ...(random.below(2) === 0 ? { subject: random.pick(SUBJECTS) } : {}),
    ...(random.below(3) === 0 ? { expiresAt: now + 1 + random.below(3_000) } : {}),
    ...(random.below(2) === 0 ? { terms: randomTerms(random) } : {}),
  }
  const value = `${id} ${mark}`
  model.set(place, { value, version: (before?.version ?? 0) + 1, ...more })
  return { op: 'put', collection, key, value: new Uint8Array(Buffer.from(value)), ...expected, ...more }
}

function randomTerms(random: Random): IndexTerm[] {
  const terms = ['by', 'b', 'by']
    .slice(0, 1 + random.below(3))
    .map((name) => ({ name, value: random.pick(VALUES) }))
  return terms.filter(
    (term, i) => terms.findIndex((other) => other.name === term.name && other.value === term.value) === i,
  )
}

export function isThere(kept: Kept, now: number): boolean {
  return kept.expiresAt === undefined || kept.expiresAt > now
}

export function inOrder(texts: readonly string[]): string[] {
  return texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
