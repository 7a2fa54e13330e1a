import { Type } from '@sinclair/typebox'
import { asEdgeId, type Clock, type EdgeId, YizhanError } from '@yizhan/kernel'
import type { SystemStore } from '../storage/index.js'
import { fromStored, toStored } from './stored-json.js'

const FenceSchema = Type.Object({
  at: Type.Number(),
  by: Type.String(),
  reason: Type.Optional(Type.String()),
})

/** Journals of edges that count no more: the center has taken over their turns. Epochs are 16 hex digits. */
export interface EpochFences {
  /** From memory. */
  has(edge: EdgeId, epoch: string): boolean
  /** Durable when it resolves; again changes nothing. */
  fence(edge: EdgeId, epochs: readonly string[], by: { actor: string; reason?: string }): Promise<void>
  /** Called after a fence is durable. Returns the unsubscribe. */
  onFenced(fn: (edge: EdgeId) => void): () => void
}

const FENCES = 'epoch-fences'

/** Reads every fence into memory. Throws `data_corrupt`. */
export async function openEpochFences(deps: {
  readonly system: SystemStore
  readonly clock: Clock
}): Promise<EpochFences> {
  const { system, clock } = deps
  const fenced = new Set<string>()
  const listeners = new Set<(edge: EdgeId) => void>()
  let cursor: string | undefined
  do {
    const page = await system.scan(FENCES, cursor === undefined ? {} : { cursor })
    for (const { key, value } of page.records) {
      fromStored(FenceSchema, value, 'the fence of a journal')
      if (!asEdgeId(key.split('/')[0] ?? '')) throw new YizhanError('data_corrupt', 'a fence names no edge')
      fenced.add(key)
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return {
    has: (edge, epoch) => fenced.has(`${edge}/${epoch}`),
    async fence(edge, epochs, { actor, reason }) {
      const keys = epochs.map((epoch) => `${edge}/${epoch}`).filter((key) => !fenced.has(key))
      const fence = { at: clock.wall(), by: actor, ...(reason === undefined ? {} : { reason }) }
      const value = toStored(fence)
      if (keys.length > 0)
        await system.batch(keys.map((key) => ({ op: 'put', collection: FENCES, key, value }) as const))
      for (const key of keys) fenced.add(key)
      for (const fn of listeners) fn(edge)
    },
    onFenced(fn) {
      listeners.add(fn)
      return () => listeners.delete(fn)
    },
  }
}

/** What an edge is told that comes with a fenced journal. */
export function epochFenced(): YizhanError {
  return new YizhanError(
    'epoch_fenced',
    'the center has taken over the turns of this journal: nothing of it is taken or answered any more',
    { hint: 'set the journal aside and start the edge with an empty one' },
  )
}
