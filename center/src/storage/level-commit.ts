import { type Clock, type Sealer, YizhanError } from '@yizhan/kernel'
import { type CommitPlan, planCommit, type RecordWrite, type ScopedBatch, slotId } from './commit-plan.js'
import type { Commit } from './commit-queue.js'
import type { Scope } from './engine.js'
import { type LevelDatabase, type LevelWrite, PRESENT } from './level-database.js'
import { auditKey, expiryKey, headKey, indexKey, recordKey, subjectKey } from './level-key.js'
import type { RecordHeader } from './record-codec.js'
import { type HeadState, openHead, sealHead } from './scope-head.js'

/** One batch on its way; it is settled once, by `resolve` with the new versions of its puts or by `reject`. */
export interface BatchCommit extends Commit, ScopedBatch {
  resolve(versions: readonly number[]): void
}

const MAX_HEADS = 10_000

/** Checks and writes groups of batches: each batch is all or none, each tenant's audit entries are numbered without gaps. */
export class LevelCommitter {
  readonly #database: LevelDatabase
  readonly #sealer: Sealer
  readonly #clock: Clock
  /** As on disk; dropped when a write fails, because then only the disk knows. */
  readonly #heads = new Map<Scope, HeadState>()

  constructor(deps: { readonly database: LevelDatabase; readonly sealer: Sealer; readonly clock: Clock }) {
    this.#database = deps.database
    this.#sealer = deps.sealer
    this.#clock = deps.clock
  }

  async commit(group: readonly BatchCommit[]): Promise<void> {
    let plan: CommitPlan<BatchCommit>
    try {
      await this.#database.ready()
    } catch (thrown) {
      for (const batch of group) batch.reject(thrown)
      return
    }
    try {
      plan = await this.#plan(group)
    } catch (thrown) {
      // One of the group cannot be sealed (its person was erased): the others must not fall with it.
      if (group.length === 1) return group[0]?.reject(thrown)
      for (const batch of group) await this.commit([batch])
      return
    }
    for (const { batch, error } of plan.rejected) batch.reject(error)
    try {
      await this.#database.write(levelWrites(plan))
    } catch (thrown) {
      this.#heads.clear()
      for (const { batch } of plan.ready) batch.reject(thrown)
      return
    }
    for (const [scope, { state }] of plan.heads) this.#heads.set(scope, state)
    for (const scope of this.#heads.keys()) {
      if (this.#heads.size <= MAX_HEADS) break
      this.#heads.delete(scope)
    }
    for (const { batch, versions } of plan.ready) batch.resolve(versions)
  }

  /** What is known of a scope; undefined if it has never written. */
  async head(scope: Scope): Promise<HeadState | undefined> {
    const known = this.#heads.get(scope)
    if (known) return known
    const bytes = await this.#database.get(headKey(scope))
    return bytes && openHead(this.#sealer, scope, bytes)
  }

  /** Writes with the head that comes of it, in a turn of the queue. Throws `not_found` for a scope without a head. */
  async rewrite(
    scope: Scope,
    change: (head: HeadState) => Promise<{ readonly head: HeadState; readonly writes: LevelWrite[] }>,
  ): Promise<void> {
    await this.#database.ready()
    const before = await this.head(scope)
    if (!before) throw new YizhanError('not_found', 'nothing is stored of this scope')
    const { head, writes } = await change(before)
    const bytes = await sealHead(this.#sealer, scope, head)
    this.forget(scope)
    await this.#database.write([...writes, { key: headKey(scope), value: bytes }])
    this.#heads.set(scope, head)
  }

  /** Something else wrote to this scope. */
  forget(scope: Scope): void {
    this.#heads.delete(scope)
  }

  async #plan(group: readonly BatchCommit[]): Promise<CommitPlan<BatchCommit>> {
    const keys = new Map<string, Buffer>()
    const heads = new Map<Scope, HeadState | undefined>()
    for (const { scope, changes } of group) {
      if (!heads.has(scope)) heads.set(scope, await this.head(scope))
      for (const { collection, key } of changes) {
        keys.set(slotId(scope, collection, key), recordKey(scope, collection, key))
      }
    }
    const values = keys.size > 0 ? await this.#database.getMany([...keys.values()]) : []
    const stored = new Map<string, Uint8Array | undefined>()
    let at = 0
    for (const id of keys.keys()) stored.set(id, values[at++])
    return planCommit(
      group,
      { record: (_scope, _collection, _key, id) => stored.get(id), head: (scope) => heads.get(scope) },
      this.#sealer,
      this.#clock.wall(),
    )
  }
}

function levelWrites({ ready, heads }: CommitPlan<BatchCommit>): LevelWrite[] {
  const writes: LevelWrite[] = []
  for (const { batch, writes: records, audit } of ready) {
    for (const write of records) addRecordWrites(writes, batch.scope, write)
    if (audit) writes.push({ key: auditKey(batch.scope, audit.sequence), value: audit.bytes })
  }
  for (const [scope, { bytes }] of heads) writes.push({ key: headKey(scope), value: bytes })
  return writes
}

/** A record with its index, subject and expiry entries, in the order that leaves the new ones. */
export function recordWrites(scope: Scope, write: RecordWrite): LevelWrite[] {
  const writes: LevelWrite[] = []
  addRecordWrites(writes, scope, write)
  return writes
}

function addRecordWrites(
  writes: LevelWrite[],
  scope: Scope,
  { collection, key, before, after }: RecordWrite,
): void {
  // An entry that stays is left alone: of a turn that moves on these are most.
  if (before)
    for (const entry of entryKeys(scope, collection, key, before, after?.header)) writes.push({ key: entry })
  if (after) {
    writes.push({ key: recordKey(scope, collection, key), value: after.bytes })
    for (const entry of entryKeys(scope, collection, key, after.header, before))
      writes.push({ key: entry, value: PRESENT })
  } else if (before) {
    writes.push({ key: recordKey(scope, collection, key) })
  }
}

/** The entries by which a record is found besides its key; without those that it has with another header too. */
export function entryKeys(
  scope: Scope,
  collection: string,
  key: string,
  header: RecordHeader,
  other?: RecordHeader,
): Buffer[] {
  const { terms = [], subject, expiresAt } = header
  const keys: Buffer[] = []
  for (const { name, value } of terms) {
    const isInBoth = other?.terms?.some((term) => term.name === name && term.value === value)
    if (!isInBoth) keys.push(indexKey(scope, collection, name, value, key))
  }
  if (subject !== undefined && subject !== other?.subject)
    keys.push(subjectKey(scope, subject, collection, key))
  if (expiresAt !== undefined && expiresAt !== other?.expiresAt)
    keys.push(expiryKey(scope, expiresAt, collection, key))
  return keys
}
