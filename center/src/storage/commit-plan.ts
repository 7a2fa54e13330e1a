import { type Sealer, type SealItem, type TenantId, YizhanError } from '@yizhan/kernel'
import { auditItems, auditParts, encodeAudit } from './audit-codec.js'
import type { BatchInput } from './batch-input.js'
import type { Scope } from './engine.js'
import type { AuditEntry, Change } from './port.js'
import { encodeRecord, isExpired, type RecordHeader, readRecord, sealContext } from './record-codec.js'
import {
  addDigest,
  digestOf,
  EMPTY_HEAD,
  encodeHead,
  type HeadState,
  headContext,
  headPlain,
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
  /** `id`: the `slotId` of the rest. */
  record(scope: Scope, collection: string, key: string, id: string): Uint8Array | undefined
  head(scope: Scope): HeadState | undefined
}

/** One record as the batches of the group leave it: `header` once they are drafted, the rest once they are sealed. */
interface Slot {
  header: RecordHeader | undefined
  digest: bigint
  bytes: number
}

interface DraftWrite {
  readonly change: Change
  readonly slot: Slot
  readonly before: RecordHeader | undefined
  readonly header: RecordHeader | undefined
}

interface Draft<B extends ScopedBatch> {
  readonly batch: B
  readonly versions: number[]
  readonly writes: DraftWrite[]
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
  const slots = new Map<string, Slot>()
  const drafts: Draft<B>[] = []
  const rejected: { batch: B; error: unknown }[] = []
  for (const batch of group) {
    try {
      drafts.push(draftOf(batch, current, slots, now))
    } catch (error) {
      rejected.push({ batch, error })
    }
  }
  const items: SealItem[] = []
  const heads = new Map<Scope, HeadDraft>()
  for (const { batch, writes } of drafts) {
    const { scope, audit } = batch
    for (const { change, header } of writes) {
      if (change.op === 'put' && header) {
        items.push({
          plain: change.value,
          context: sealContext(scope, change.collection, change.key, header),
        })
      }
    }
    const head = heads.get(scope) ?? new HeadDraft(current.head(scope))
    heads.set(scope, head)
    if (audit && scope !== null) items.push(...auditItems(scope, head.nextSequence(), audit))
  }
  const sealed = (await sealer.sealAll(items)).values()
  const ready = drafts.map((draft) => finish(draft, sealed, heads.get(draft.batch.scope) as HeadDraft))
  return { ready, rejected, heads: await sealHeads(heads, sealer) }
}

/** Throws `conflict`, with the slots as they were. */
function draftOf<B extends ScopedBatch>(
  batch: B,
  current: Current,
  slots: Map<string, Slot>,
  now: number,
): Draft<B> {
  const draft: Draft<B> = { batch, versions: [], writes: [] }
  try {
    for (const change of batch.changes) draftChange(draft, change, current, slots, now)
  } catch (thrown) {
    for (const { slot, before } of draft.writes.reverse()) slot.header = before
    throw thrown
  }
  return draft
}

function draftChange<B extends ScopedBatch>(
  { batch, versions, writes }: Draft<B>,
  change: Change,
  current: Current,
  slots: Map<string, Slot>,
  now: number,
): void {
  const { collection, key } = change
  const id = slotId(batch.scope, collection, key)
  const slot = slots.get(id) ?? slotOf(current.record(batch.scope, collection, key, id))
  slots.set(id, slot)
  const before = slot.header
  checkVersion(change, before === undefined || isExpired(before, now) ? 0 : before.version)
  const header = change.op === 'put' ? headerOf(change, (before?.version ?? 0) + 1) : undefined
  if (header) versions.push(header.version)
  slot.header = header
  writes.push({ change, slot, before, header })
}

function headerOf({ subject, expiresAt, terms }: Change & { op: 'put' }, version: number): RecordHeader {
  return {
    version,
    ...(subject === undefined ? {} : { subject }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(terms === undefined || terms.length === 0 ? {} : { terms }),
  }
}

function finish<B extends ScopedBatch>(
  { batch, versions, writes }: Draft<B>,
  sealed: Iterator<Uint8Array>,
  head: HeadDraft,
): PlannedBatch<B> {
  const made = writes.map(({ change: { collection, key }, slot, before, header }): RecordWrite => {
    const bytes = header && encodeRecord(header, next(sealed))
    head.replace(slot, bytes)
    return {
      collection,
      key,
      ...(before ? { before } : {}),
      ...(header && bytes ? { after: { header, bytes } } : {}),
    }
  })
  const { scope, audit } = batch
  if (!audit || scope === null) return { batch, versions, writes: made }
  const parts = Array.from({ length: auditParts(audit) }, () => next(sealed))
  return { batch, versions, writes: made, audit: head.append(audit, parts) }
}

/** The head of a scope while the batches of a group are counted into it. */
class HeadDraft {
  readonly #before: HeadState
  #sequence: number
  #records: number
  #bytes: number
  #digest: bigint
  #auditSequence: number
  #auditHash: string

  constructor(before: HeadState = EMPTY_HEAD) {
    this.#before = before
    this.#sequence = before.auditSequence
    this.#records = before.records
    this.#bytes = before.bytes
    this.#digest = before.digest
    this.#auditSequence = before.auditSequence
    this.#auditHash = before.auditHash
  }

  /** For an entry that is about to be sealed; entries are appended in the same order. */
  nextSequence(): number {
    this.#sequence += 1
    return this.#sequence
  }

  /** Undefined: deleted. */
  replace(slot: Slot, stored: Uint8Array | undefined): void {
    const digest = stored ? digestOf(stored) : 0n
    const bytes = stored?.length ?? 0
    this.#records += (bytes > 0 ? 1 : 0) - (slot.bytes > 0 ? 1 : 0)
    this.#bytes += bytes - slot.bytes
    this.#digest = addDigest(this.#digest, digest - slot.digest)
    slot.digest = digest
    slot.bytes = bytes
  }

  append(
    entry: AuditEntry,
    sealed: readonly Uint8Array[],
  ): { readonly sequence: number; readonly bytes: Uint8Array } {
    const { hash, bytes } = encodeAudit(this.#auditHash, entry, sealed)
    this.#auditHash = hash
    this.#auditSequence += 1
    return { sequence: this.#auditSequence, bytes }
  }

  state(): HeadState {
    return {
      ...this.#before,
      commits: this.#before.commits + 1,
      records: this.#records,
      bytes: this.#bytes,
      digest: this.#digest,
      auditSequence: this.#auditSequence,
      auditHash: this.#auditHash,
    }
  }
}

async function sealHeads(
  heads: ReadonlyMap<Scope, HeadDraft>,
  sealer: Sealer,
): Promise<Map<Scope, { state: HeadState; bytes: Uint8Array }>> {
  const states = [...heads].map(([scope, head]) => ({ scope, state: head.state() }))
  const sealed = await sealer.sealAll(
    states.map(({ scope, state }) => ({
      plain: headPlain(state),
      context: headContext(scope, state.commits),
    })),
  )
  return new Map(
    states.map(({ scope, state }, i) => [
      scope,
      { state, bytes: encodeHead(state.commits, sealed[i] ?? new Uint8Array()) },
    ]),
  )
}

function next(sealed: Iterator<Uint8Array>): Uint8Array {
  const { value } = sealed.next()
  if (!(value instanceof Uint8Array)) throw new YizhanError('internal', 'the sealer gave too few values')
  return value
}

/** One for each record: no part holds a NUL. */
export function slotId(scope: TenantId | null, collection: string, key: string): string {
  return `${scope ?? ''}\0${collection}\0${key}`
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
