import type { EdgeId, TenantId } from '@yizhan/kernel'
import type { KnownTurn } from '@yizhan/proto'
import type { Seen } from '../privacy/index.js'
import type { Change } from '../storage/index.js'
import type { Turn } from './turn-collection.js'
import type { TurnChange } from './turn-fold.js'

/** One record of an upload whose tenant the gateway has held against the registry. */
export type Uploaded =
  | {
      readonly kind: 'change'
      readonly seq: bigint
      /** It tells of positions up to this one: `seq`, or a later one. */
      readonly upTo: bigint
      readonly tenant: TenantId
      readonly change: TurnChange
    }
  /** What the edge's disk lost: a number of positions, of whatever tenants. */
  | { readonly kind: 'lost'; readonly seq: bigint; readonly count: bigint }
  /** What this build does not know or cannot use: it only moves the position on. */
  | { readonly kind: 'skipped'; readonly seq: bigint }

/** How far the center has an edge's journal. */
export interface UploadStart {
  /** 0: nothing of this epoch yet. */
  readonly seq: bigint
  /** Turns that were open in earlier epochs, while nothing of this one has come. */
  readonly known: readonly KnownTurn[]
}

/** What is derived from turns, and changes with them in one batch. */
export interface TurnFollower {
  /** Called with turns as they will be; may be called again for the same turns if the batch was refused. */
  changes(tenant: TenantId, turns: readonly Turn[]): Promise<readonly Change[]>
}

/** What the replica needs of the directory of persons. */
export interface Askers {
  /** As `SubjectDirectory.resolve`. */
  resolve(
    tenant: TenantId,
    account: { readonly channel: string; readonly sender: string },
    seen: Seen,
    by: { readonly actor: string },
  ): Promise<string>
  /** The mark by which turns of a conversation are found: it says nothing of who is in it. */
  conversation(tenant: TenantId, channel: string, conversation: string): Promise<string>
  /** An erasure of this account has not been answered by the edge yet: what it sends of it is not kept. */
  leaving(
    edge: EdgeId,
    tenant: TenantId,
    account: { readonly channel: string; readonly sender: string },
  ): boolean
}
