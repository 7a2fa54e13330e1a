import type { EdgeId, TenantId } from '@yizhan/kernel'

/** How a person is known to a channel. Personal data: it stands in no key, term or log. */
export interface Account {
  readonly channel: string
  readonly sender: string
}

/** Who asks, for the audit: a user's, bot's or service's id. */
export interface By {
  readonly actor: string
  readonly requestId?: string
}

/** What privacy needs of the key store. */
export interface SubjectKeys {
  /** 32 bytes for blind indexes of the tenant; the same for ever. */
  lookupKey(tenant: TenantId): Promise<Uint8Array>
  /** Durable when it resolves; again is fine. The id never gets a key again. */
  destroySubject(tenant: TenantId, subject: string): Promise<{ readonly had: boolean; readonly at: number }>
  /** Milliseconds since the Unix epoch; undefined if the key was not destroyed. */
  erasedAt(tenant: TenantId, subject: string): number | undefined
}

/** What privacy needs of the engine below the store. */
export interface StoreUpkeep {
  /** Gives freed space back, so that what was deleted is gone from the disk as far as the engine can. */
  compact(tenant: TenantId, signal: AbortSignal): Promise<void>
  /** The same for one collection up to the key `through`, after records were deleted there. */
  reclaim(tenant: TenantId, collection: string, through: string, signal: AbortSignal): Promise<void>
  /** Deletes the audit entries up to `through`. */
  pruneAudit(tenant: TenantId, through: number): Promise<void>
}

/** Something that is held of a person, as it goes into a copy of their data. */
export type ExportItem =
  | { readonly kind: 'record'; readonly value: Readonly<Record<string, unknown>> }
  | {
      readonly kind: 'file'
      /** `a-z 0-9 _ -`, at most 64: its name in the copy. */
      readonly id: string
      readonly about: Readonly<Record<string, unknown>>
      open(signal: AbortSignal): AsyncIterable<Uint8Array>
    }

export interface ErasedCount {
  readonly erased: number
  /** What is not gone yet: it is asked again later, or is over at `until` (milliseconds since the Unix epoch). */
  readonly pending?: { readonly why: string; readonly until?: number }
}

/** A part of the center that holds data of persons beside the store's records, or derives data from them. */
export interface PrivacySource {
  /** Id of a data class. */
  readonly dataClass: string
  collect(tenant: TenantId, subject: string, signal: AbortSignal): AsyncIterable<ExportItem>
  /** Asked after the key and the records are gone; idempotent. */
  erase(tenant: TenantId, subject: string, signal: AbortSignal): Promise<ErasedCount>
  /** Called after records of its class were swept: what hangs on them can go too. */
  swept?(tenant: TenantId, signal: AbortSignal): Promise<void>
}

/** Append-only list of who was erased, off the box; every restore replays it. */
export interface ErasureLog {
  /** Durable when it resolves. The same erasure and subject again changes nothing. */
  append(entry: ErasureLogEntry): Promise<void>
}

export interface ErasureLogEntry {
  readonly tenant: TenantId
  readonly subject: string
  readonly erasureId: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/** What erasing asks of the fleet. */
export interface FleetView {
  /** Edges that serve the tenant, revoked ones too: what they hold is still there. */
  edgesOf(tenant: TenantId): readonly FleetEdge[]
}

export interface FleetEdge {
  readonly edge: EdgeId
  readonly linked: boolean
  readonly revoked: boolean
  /** Milliseconds since the Unix epoch. */
  readonly lastSeenAt: number
}
