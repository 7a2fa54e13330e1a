import { YizhanError } from '@yizhan/kernel'
import { type Row, readSequence, type ScopeHead } from '../storage/index.js'
import type { SignedAnchor } from './anchor.js'
import { type AuditBreach, type AuditVerdict, ChainWalk, type Witness } from './chain-walk.js'

export interface AuditSource {
  /** All rows of the tenant in one view, audit entries in their order; other rows are passed over. */
  readonly rows: AsyncIterable<readonly Row[]>
  /** What the store counts now; undefined for a tenant that has never written. */
  head(): Promise<ScopeHead | undefined>
  /** Of this tenant, their signatures checked, in any order. */
  readonly anchors: readonly Pick<SignedAnchor, 'sequence' | 'hash'>[]
  /** See `ChainWalkOptions`. */
  readonly opens?: (sequence: number) => Promise<boolean>
}

/** Holds every entry against the one before, the store's head and the anchors; names the first bad one. Needs no keys. */
export async function verifyAudit(source: AuditSource, signal: AbortSignal): Promise<AuditVerdict> {
  const before = await headOf(source)
  const anchors = source.anchors.map(({ sequence, hash }): Witness => ({ sequence, hash, by: 'anchor' }))
  const counted = before.head && before.head.auditSequence > 0 ? [headWitness(before.head)] : []
  const options = { witnesses: [...anchors, ...counted], ...(source.opens ? { opens: source.opens } : {}) }
  let walk: ChainWalk | undefined
  try {
    for await (const page of source.rows) {
      signal.throwIfAborted()
      for (const { kind, key, bytes } of page) {
        if (kind !== 'audit') continue
        const sequence = readSequence(key)
        // A pruning that a crash cut short leaves entries that nobody counts.
        if (sequence < (before.head?.auditFirst ?? 1)) continue
        walk ??= new ChainWalk({ ...options, ...(await firstOf(source, before, sequence)) })
        const breach = await walk.add(sequence, bytes)
        if (breach) return pinned(breach, source, signal)
      }
    }
  } catch (thrown) {
    if (isDamage(thrown)) return headDamaged(thrown)
    throw thrown
  }
  walk ??= new ChainWalk({ ...options, ...(await firstOf(source, before, undefined)) })
  const after = await headOf(source)
  const verdict = await walk.end(after.head?.auditSequence)
  const damage = before.damage ?? after.damage
  if (verdict.s === 'broken') return pinned(verdict, source, signal)
  return damage ? { ...headDamaged(damage), entries: verdict.entries } : verdict
}

function headWitness({ auditSequence, auditHash }: ScopeHead): Witness {
  return { sequence: auditSequence, hash: auditHash, by: 'head' }
}

/** Whoever has no key can link a chain anew, but not seal what he changed in it: that entry is the bad one. */
async function pinned(
  breach: AuditBreach,
  { opens }: AuditSource,
  signal: AbortSignal,
): Promise<AuditBreach> {
  const { since, sequence: last, ...rest } = breach
  if (since === undefined || !opens) return breach
  for (let sequence = since; sequence <= last; sequence++) {
    signal.throwIfAborted()
    if (!(await opens(sequence))) return { ...rest, what: 'edited', sequence }
  }
  return breach
}

interface HeadNow {
  readonly head: ScopeHead | undefined
  readonly damage?: YizhanError
}

/** The first entry that must be there: some may have been pruned after the head was read. Nobody knows without a head. */
async function firstOf(
  source: AuditSource,
  { head, damage }: HeadNow,
  sequence: number | undefined,
): Promise<{ readonly first?: number }> {
  if (damage) return {}
  const first = head?.auditFirst ?? 1
  if (sequence === undefined || sequence === first) return { first }
  const now = (await headOf(source)).head
  return { first: Math.max(first, Math.min(now?.auditFirst ?? first, sequence)) }
}

async function headOf(source: AuditSource): Promise<HeadNow> {
  try {
    return { head: await source.head() }
  } catch (thrown) {
    if (isDamage(thrown)) return { head: undefined, damage: thrown }
    throw thrown
  }
}

function headDamaged({ message }: YizhanError): AuditBreach {
  return { s: 'broken', sequence: 0, what: 'head_damaged', by: 'head', found: message, entries: 0 }
}

function isDamage(thrown: unknown): thrown is YizhanError {
  return thrown instanceof YizhanError && (thrown.code === 'data_corrupt' || thrown.code === 'key_unknown')
}
