import { type Sealer, type SealItem, type TenantId, YizhanError } from '@yizhan/kernel'
import { auditItems, auditParts, encodeAudit } from './audit-codec.js'
import type { BatchInput } from './batch-input.js'
import type { Scope } from './engine.js'
import type { Change } from './port.js'
import { encodeRecord, isExpired, type RecordHeader, readRecord, sealContext } from './record-codec.js'
import {
  addDigest,
  digestOf,
  EMPTY_HEAD,
  encodeHead,
  type HeadState,
  headContext,
  headPlain,
  subtractDigest,
} from './scope-head.js'

export interface ScopedBatch extends BatchInput {
  readonly scope: Scope
}

/** A record that a batch writes: `before` is what lay there, so that the engine can take its index entries away. */
export interface RecordWrite {
  readonly collection: string
  readonly key: string
  readonly before?: RecordHeader
  /** Undefined: deleted. */
  readonly after?: { readonly header: RecordHeader; readonly bytes: Uint8Array }
}

export interface PlannedBatch<B extends ScopedBatch> {
  readonly batch: B
  readonly versions: readonly number[]
  readonly writes: readonly RecordWrite[]
  readonly audit?: { readonly sequence: number; readonly bytes: Uint8Array }
}

/** What is to be written for a group, all of it in one transaction; `heads` once for each scope. */
export interface CommitPlan<B extends ScopedBatch> {
  readonly ready: readonly PlannedBatch<B>[]
  readonly rejected: readonly { readonly batch: B; readonly error: unknown }[]
  readonly heads: ReadonlyMap<Scope, { readonly state: HeadState; readonly bytes: Uint8Array }>
}

/** What lies on disk: the stored bytes of every record that a change of the group names, and each scope's head. */
export interface Current {
  record(scope: Scope, collection: string, key: string): Uint8Array | undefined
  head(scope: Scope): HeadState | undefined
}

/** One record as the batches of the group leave it, in their order. */
interface Slot {
  readonly header: RecordHeader | undefined
  readonly digest: bigint
  readonly bytes: number
}

interface Draft<B extends ScopedBatch> {
  readonly batch: B
  readonly versions: number[]
  readonly writes: { change: Change; id: string; before?: RecordHeader; header?: RecordHeader }[]
}

/**
 * Checks the batches of a group in order, seals all of them in one pass, chains their audit entries and counts their
 * records. Both engines write what it says. A batch that does not fit is in `rejected` and touches nothing.
 */
export async function planCommit<B extends ScopedBatch>(
  group: readonly B[],
  current: Current,
  sealer: Sealer,
  now: number,
): Promise<CommitPlan<B>> {
  const headers = new Map<string, RecordHeader | undefined>()
  const drafts: Draft<B>[] = []
  const rejected: { batch: B; error: unknown }[] = []
  for (const batch of group) {
    try {
      drafts.push(draftOf(batch, current, headers, now))
    } catch (error) {
      rejected.push({ batch, error })
    }
  }
  const items = new SealPass()
  const sequences = new Map<Scope, number>()
  for (const { batch, writes } of drafts) {
    const { scope, audit } = batch
    for (const { change, header } of writes) {
      if (change.op === 'put' && header) {
        const context = sealContext(scope, change.collection, change.key, header)
        items.add([{ plain: change.value, context }])
      }
    }
    if (audit && scope !== null) {
      const sequence = (sequences.get(scope) ?? current.head(scope)?.auditSequence ?? 0) + 1
      sequences.set(scope, sequence)
      items.add(auditItems(scope, sequence, audit))
    }
  }
  const sealed = await items.seal(sealer)
  const states = new Map<Scope, HeadState>()
  const slots = new Map<string, Slot>()
  const ready = drafts.map((draft) => finish(draft, sealed, current, states, slots))
  return { ready, rejected, heads: await sealHeads(states, sealer) }
}

/** Throws `conflict` before it has touched `headers`. */
function draftOf<B extends ScopedBatch>(
  batch: B,
  current: Current,
  headers: Map<string, RecordHeader | undefined>,
  now: number,
): Draft<B> {
  const own = new Map<string, RecordHeader | undefined>()
  const draft: Draft<B> = { batch, versions: [], writes: [] }
  for (const change of batch.changes) {
    const { collection, key } = change
    const id = slotId(batch.scope, collection, key)
    const before = own.has(id)
      ? own.get(id)
      : headers.has(id)
        ? headers.get(id)
        : headerOf(current.record(batch.scope, collection, key))
    checkVersion(change, before === undefined || isExpired(before, now) ? 0 : before.version)
    const write = { change, id, ...(before ? { before } : {}) }
    if (change.op === 'delete') {
      own.set(id, undefined)
      draft.writes.push(write)
      continue
    }
    const header: RecordHeader = {
      version: (before?.version ?? 0) + 1,
      ...(change.subject === undefined ? {} : { subject: change.subject }),
      ...(change.expiresAt === undefined ? {} : { expiresAt: change.expiresAt }),
      ...(change.terms === undefined || change.terms.length === 0 ? {} : { terms: change.terms }),
    }
    own.set(id, header)
    draft.versions.push(header.version)
    draft.writes.push({ ...write, header })
  }
  for (const [id, header] of own) headers.set(id, header)
  return draft
}

function finish<B extends ScopedBatch>(
  { batch, versions, writes }: Draft<B>,
  sealed: Iterator<Uint8Array>,
  current: Current,
  states: Map<Scope, HeadState>,
  slots: Map<string, Slot>,
): PlannedBatch<B> {
  const { scope, audit } = batch
  let state = states.get(scope) ?? nextHead(current.head(scope))
  const made: RecordWrite[] = writes.map(({ change, id, before, header }) => {
    const { collection, key } = change
    const old = slots.get(id) ?? slotOf(current.record(scope, collection, key))
    const after = header && { header, bytes: encodeRecord(header, next(sealed)) }
    const slot = slotOf(after?.bytes)
    slots.set(id, slot)
    state = {
      ...state,
      records: state.records + (slot.header ? 1 : 0) - (old.header ? 1 : 0),
      bytes: state.bytes + slot.bytes - old.bytes,
      digest: addDigest(subtractDigest(state.digest, old.digest), slot.digest),
    }
    return { collection, key, ...(before ? { before } : {}), ...(after ? { after } : {}) }
  })
  let entry: { sequence: number; bytes: Uint8Array } | undefined
  if (audit && scope !== null) {
    const parts = Array.from({ length: auditParts(audit) }, () => next(sealed))
    const { hash, bytes } = encodeAudit(state.auditHash, audit, parts)
    const sequence = state.auditSequence + 1
    state = { ...state, auditSequence: sequence, auditHash: hash }
    entry = { sequence, bytes }
  }
  states.set(scope, state)
  return { batch, versions, writes: made, ...(entry ? { audit: entry } : {}) }
}

async function sealHeads(
  states: ReadonlyMap<Scope, HeadState>,
  sealer: Sealer,
): Promise<Map<Scope, { state: HeadState; bytes: Uint8Array }>> {
  const scopes = [...states]
  const sealed = await sealer.sealAll(
    scopes.map(([scope, state]) => ({ plain: headPlain(state), context: headContext(scope, state.commits) })),
  )
  return new Map(
    scopes.map(([scope, state], i) => [
      scope,
      { state, bytes: encodeHead(state.commits, sealed[i] ?? new Uint8Array()) },
    ]),
  )
}

/** Gathers what a group seals, and hands it out again in the same order. */
class SealPass {
  readonly #items: SealItem[] = []

  add(items: readonly SealItem[]): void {
    this.#items.push(...items)
  }

  async seal(sealer: Sealer): Promise<Iterator<Uint8Array>> {
    return (await sealer.sealAll(this.#items))[Symbol.iterator]()
  }
}

function next(sealed: Iterator<Uint8Array>): Uint8Array {
  const { value } = sealed.next()
  if (!(value instanceof Uint8Array)) throw new YizhanError('internal', 'the sealer gave too few values')
  return value
}

function nextHead(head: HeadState | undefined): HeadState {
  return { ...(head ?? EMPTY_HEAD), commits: (head?.commits ?? 0) + 1 }
}

/** Unique within a group: no part holds a NUL. */
function slotId(scope: TenantId | null, collection: string, key: string): string {
  return `${scope ?? ''}\0${collection}\0${key}`
}

function headerOf(stored: Uint8Array | undefined): RecordHeader | undefined {
  return stored && readRecord(stored).header
}

function slotOf(stored: Uint8Array | undefined): Slot {
  if (!stored) return { header: undefined, digest: 0n, bytes: 0 }
  return { header: readRecord(stored).header, digest: digestOf(stored), bytes: stored.length }
}

function checkVersion(change: Change, current: number): void {
  const { expectedVersion, collection, key } = change
  if (expectedVersion === undefined || expectedVersion === current) return
  throw new YizhanError(
    'conflict',
    `a record of ${collection} is at version ${current}, not ${expectedVersion}`,
    { details: { collection, key, expectedVersion, currentVersion: current } },
  )
}
