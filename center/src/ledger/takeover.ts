import { type Clock, type EdgeId, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import { type EdgeRegistry, type EpochFences, toStored } from '../fleet/index.js'
import type { By } from '../privacy/index.js'
import type { AuditEntry, Store } from '../storage/index.js'
import type { LedgerMetrics } from './ledger-metrics.js'
import type { TurnReplica } from './replica.js'
import type { TurnDesk } from './turn-desk.js'

export interface TakeoverDeps {
  readonly store: Store
  readonly replica: TurnReplica
  readonly desk: TurnDesk
  readonly fences: EpochFences
  readonly registry: Pick<EdgeRegistry, 'get'>
  readonly metrics: LedgerMetrics
  readonly tenants: () => readonly TenantId[]
  readonly clock: Clock
  readonly log: Logger
}

export interface TakeoverOptions {
  readonly reason?: string
  /** Only journals before the one that the edge last linked with: it goes on. Default false. */
  readonly older?: boolean
}

export interface TakeoverReport {
  readonly edge: EdgeId
  /** Journals that count no more. */
  readonly epochs: readonly string[]
  /** Turns that are the center's from now on. */
  readonly turns: number
  /** Commands that waited for the edge and were taken back. */
  readonly dropped: number
}

/**
 * Takes over the open turns of an edge that is gone, or whose journal is: first its journals are fenced for good, so that
 * nothing of them can be answered there any more, then the turns are the center's. Again goes on where it was broken off.
 */
export async function takeOver(
  deps: TakeoverDeps,
  edge: EdgeId,
  { reason, older = false }: TakeoverOptions,
  by: By,
): Promise<TakeoverReport> {
  const { replica, desk, fences, registry, metrics, clock, log } = deps
  const entry = registry.get(edge)
  if (!entry) throw new YizhanError('not_found', `there is no edge ${edge}`, { hint: 'edges list' })
  const present = entry.journalEpoch
  const all = new Set([
    ...(await replica.positions.epochs(edge)),
    ...(present === undefined ? [] : [present]),
  ])
  if (older && present !== undefined) all.delete(present)
  const epochs = [...all].sort()
  const told = { epochs, ...(reason === undefined ? {} : { reason }) }
  for (const tenant of entry.tenants) await deps.store.batch(tenant, [], entryOf(clock, edge, by, told))
  await fences.fence(edge, epochs, { actor: by.actor, ...(reason === undefined ? {} : { reason }) })
  const takenOver = { at: clock.wall(), by: by.actor, ...(reason === undefined ? {} : { reason }) }
  const turns = await replica.inOrder(edge, async () => {
    let count = 0
    for (const tenant of deps.tenants()) {
      for await (const page of replica.openOf(tenant, edge)) {
        const own = page.filter(({ value }) => !value.takenOver && all.has(value.epoch))
        if (own.length === 0) continue
        const changed = own.map((before) => ({ before, after: { ...before.value, takenOver } }))
        const ids = own.map(({ key }) => key)
        await replica.save(tenant, changed, [], entryOf(clock, edge, by, { takenOver: ids }))
        count += own.length
      }
    }
    return count
  })
  const dropped = await desk.drop(edge)
  if (!older) metrics.forgetEdge(edge)
  log.warn({ edge, epochs: epochs.length, turns, dropped }, 'the turns of an edge were taken over')
  return { edge, epochs, turns, dropped }
}

function entryOf(clock: Clock, edge: EdgeId, { actor, requestId }: By, after: object): AuditEntry {
  return {
    time: clock.wall(),
    actor,
    action: 'UPDATE',
    object: `edges/${edge}`,
    ...(requestId === undefined ? {} : { requestId }),
    after: toStored(after),
  }
}
