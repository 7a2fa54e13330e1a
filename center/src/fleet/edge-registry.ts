import { type Clock, type EdgeId, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import type { SystemStore } from '../storage/index.js'
import type { StoredEdge } from './edge-entry.js'
import { type EdgeChange, EdgeRecords } from './edge-records.js'
import type { EdgeEntry, EdgeRegistry } from './port.js'

/** A certificate's key, counted until it expires. */
export interface CountedKey {
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number
}

export interface Enrolment {
  /** Names the join token. */
  readonly tokenId: string
  readonly tenants: readonly TenantId[]
  readonly site: string
  readonly key: CountedKey
}

/** The registry with what enrolment and desired states need beyond the port. */
export interface FleetRegistry extends EdgeRegistry {
  /**
   * Takes an edge in, or in again: its tenants, site and key replace what was there, so that certificates of
   * earlier enrolments count no more. A token that was used for it before changes nothing. `permission_denied` if revoked.
   */
  enrol(edge: EdgeId, enrolment: Enrolment): Promise<void>
  /** Counts a further key; the former one counts on until it expires. `not_found`, `permission_denied`. */
  addKey(edge: EdgeId, key: CountedKey): Promise<void>
  /** Called when the tenants of an edge have durably changed. Returns the unsubscribe. */
  onTenants(fn: (edge: EdgeId) => void): () => void
}

const MAX_JOINS_KEPT = 16
// The newest win: an edge that renews all day must not grow its entry without bound.
const MAX_KEYS = 16

/** Reads the whole registry into memory. Throws `data_corrupt`, or what the store throws. */
export async function openEdgeRegistry(deps: {
  readonly system: SystemStore
  readonly clock: Clock
  readonly log: Logger
}): Promise<FleetRegistry> {
  const records = new EdgeRecords(deps.system)
  await records.load()
  return new StoredEdgeRegistry({ records, clock: deps.clock, log: deps.log })
}

class StoredEdgeRegistry implements FleetRegistry {
  readonly #records: EdgeRecords
  readonly #clock: Clock
  readonly #log: Logger
  readonly #seenAt = new Map<EdgeId, number>()
  readonly #revokedListeners = new Set<(edge: EdgeId) => void>()
  readonly #tenantListeners = new Set<(edge: EdgeId) => void>()

  constructor(deps: { readonly records: EdgeRecords; readonly clock: Clock; readonly log: Logger }) {
    this.#records = deps.records
    this.#clock = deps.clock
    this.#log = deps.log
  }

  get(edge: EdgeId): EdgeEntry | undefined {
    const held = this.#records.get(edge)
    return held && this.#withSeen(held.entry)
  }

  list(): readonly EdgeEntry[] {
    return this.#records.list().map((entry) => this.#withSeen(entry))
  }

  async openLink(
    edge: EdgeId,
    hello: { readonly journalEpoch: string; readonly agentVersion: string; readonly site: string },
  ): Promise<{ readonly generation: number; readonly epochChanged: boolean }> {
    const { before, after } = await this.#change(edge, (stored) => ({
      ...refuseRevoked(edge, stored),
      journalEpoch: hello.journalEpoch,
      agentVersion: hello.agentVersion,
      // What an administrator said stands; an edge may only fill in what nobody said.
      ...(stored.site === '' ? { site: hello.site } : {}),
      linkGeneration: stored.linkGeneration + 1,
      lastSeenAt: this.#clock.wall(),
    }))
    const epochChanged = before.journalEpoch !== undefined && before.journalEpoch !== hello.journalEpoch
    if (epochChanged) this.#log.warn({ edge }, 'the edge came with a new journal')
    return { generation: after.linkGeneration, epochChanged }
  }

  async noteApplied(edge: EdgeId, revision: number): Promise<void> {
    await this.#change(edge, (stored) => {
      if (stored.appliedRevision === revision && stored.rejected === undefined) return stored
      const { rejected: _rejected, ...rest } = stored
      return { ...rest, appliedRevision: checkRevision(revision) }
    })
  }

  async noteRejected(edge: EdgeId, revision: number, code: string, message: string): Promise<void> {
    const rejected = { revision: checkRevision(revision), code, message }
    await this.#change(edge, (stored) => ({ ...stored, rejected }))
  }

  noteSeen(edge: EdgeId): void {
    if (this.#records.get(edge)) this.#seenAt.set(edge, this.#clock.wall())
  }

  async setTenants(edge: EdgeId, tenants: readonly TenantId[]): Promise<void> {
    const wanted = sortedTenants(tenants)
    await this.#change(edge, (stored) =>
      same(stored.tenants, wanted) ? stored : { ...refuseRevoked(edge, stored), tenants: wanted },
    )
  }

  async revoke(edge: EdgeId, actor: string): Promise<void> {
    const { before } = await this.#change(edge, (stored) =>
      stored.revoked
        ? stored
        : { ...stored, revoked: true, revokedBy: actor, revokedAt: this.#clock.wall(), keys: [] },
    )
    if (before.revoked) return
    this.#log.warn({ edge, actor }, 'the edge was revoked')
    for (const fn of this.#revokedListeners) fn(edge)
  }

  onRevoked(fn: (edge: EdgeId) => void): () => void {
    this.#revokedListeners.add(fn)
    return () => this.#revokedListeners.delete(fn)
  }

  onTenants(fn: (edge: EdgeId) => void): () => void {
    this.#tenantListeners.add(fn)
    return () => this.#tenantListeners.delete(fn)
  }

  async enrol(edge: EdgeId, { tokenId, tenants, site, key }: Enrolment): Promise<void> {
    const enrolledAt = this.#clock.wall()
    const taken = { tenants: sortedTenants(tenants), site, enrolledAt, keys: [{ ...key }] }
    const fresh = {
      revoked: false,
      linkGeneration: 0,
      appliedRevision: 0,
      lastSeenAt: 0,
      joinedBy: [tokenId],
    }
    await this.#change(
      edge,
      (stored) => {
        const { joinedBy } = refuseRevoked(edge, stored)
        if (joinedBy.includes(tokenId)) return stored
        return { ...stored, ...taken, joinedBy: [...joinedBy, tokenId].slice(-MAX_JOINS_KEPT) }
      },
      { ...fresh, ...taken },
    )
  }

  async addKey(edge: EdgeId, key: CountedKey): Promise<void> {
    const now = this.#clock.wall()
    await this.#change(edge, (stored) => {
      const others = refuseRevoked(edge, stored).keys.filter(
        (known) => known.notAfter > now && known.spkiSha256 !== key.spkiSha256,
      )
      return { ...stored, keys: [...others, { ...key }].slice(-MAX_KEYS) }
    })
  }

  keyCounts(edge: EdgeId, spkiSha256: string): boolean {
    const held = this.#records.get(edge)
    if (!held || held.edge.revoked) return false
    const now = this.#clock.wall()
    return held.edge.keys.some((key) => key.spkiSha256 === spkiSha256 && key.notAfter > now)
  }

  async #change(
    edge: EdgeId,
    change: (stored: StoredEdge) => StoredEdge,
    fresh?: StoredEdge,
  ): Promise<EdgeChange> {
    const withSeen = (stored: StoredEdge) => {
      const changed = change(stored)
      if (changed === stored) return stored
      return { ...changed, lastSeenAt: Math.max(changed.lastSeenAt, this.#seenAt.get(edge) ?? 0) }
    }
    const changed = await this.#records.change(edge, withSeen, fresh)
    if (changed.isNew || !same(changed.before.tenants, changed.after.tenants)) {
      for (const fn of this.#tenantListeners) fn(edge)
    }
    return changed
  }

  #withSeen(entry: EdgeEntry): EdgeEntry {
    const seenAt = this.#seenAt.get(entry.edgeId) ?? 0
    return seenAt > entry.lastSeenAt ? { ...entry, lastSeenAt: seenAt } : entry
  }
}

function refuseRevoked(edge: EdgeId, stored: StoredEdge): StoredEdge {
  if (stored.revoked) throw new YizhanError('permission_denied', `the edge ${edge} is revoked`)
  return stored
}

function checkRevision(revision: number): number {
  if (Number.isSafeInteger(revision) && revision >= 0) return revision
  throw new YizhanError('invalid_argument', 'the revision is not a whole number from 0')
}

function sortedTenants(tenants: readonly TenantId[]): TenantId[] {
  return [...new Set(tenants)].sort()
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
