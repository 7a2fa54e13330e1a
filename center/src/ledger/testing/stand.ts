import type { TestContext } from 'node:test'
import { createMetrics, type EdgeId, ManualClock, newId, silentLogger, type TenantId } from '@yizhan/kernel'
import {
  create,
  MessageKind,
  MessageSchema,
  ReplyState,
  TurnFeedbackSchema,
  type TurnRating,
  TurnReplyChangeSchema,
  TurnReplyKind,
  TurnState,
  TurnTransitionSchema,
} from '@yizhan/proto'
import { type EdgeEntry, openEdgeCommands, openEpochFences } from '../../fleet/index.js'
import { SubjectDirectory } from '../../privacy/index.js'
import { sealedStorage } from '../../privacy/testing/sealed-storage.js'
import { acme, by, edge, tenant } from '../../privacy/testing/stand.js'
import { createAskers } from '../askers.js'
import { LedgerMetrics } from '../ledger-metrics.js'
import type { TurnFollower, Uploaded } from '../port.js'
import { TurnReplica } from '../replica.js'
import { type TakeoverOptions, takeOver } from '../takeover.js'
import { TurnDesk } from '../turn-desk.js'
import type { Source, TurnChange } from '../turn-fold.js'

export const globex = tenant('globex')
export const beijing = edge('beijing-1')
export const shanghai = edge('shanghai-1')
export const first: Source = { edge: beijing, epoch: '0000000000000007' }
export const second: Source = { edge: beijing, epoch: '0000000000000008' }

const at = Date.UTC(2026, 0, 5, 8)

/** The id of a turn that was received `n` seconds into the test. */
export function turnId(n: number): string {
  return newId('t', at + n * 1_000)
}

interface Step {
  readonly version?: number
  readonly state?: TurnState
  /** With the first transition that is uploaded. */
  readonly text?: string
  readonly sender?: string
  readonly tenant?: string
  readonly cause?: string
  readonly timeMs?: number
}

/** A transition; with `text` it carries the message. */
export function transition(id: string, step: Step = {}): TurnChange {
  const { version = 1, state = TurnState.ROUTED, text, cause = '', timeMs = at } = step
  const value = create(TurnTransitionSchema, {
    turnId: id,
    version: BigInt(version),
    state,
    timeMs: BigInt(timeMs),
    cause,
    actor: 'edge',
    ...(text === undefined
      ? {}
      : { message: message(text, step.sender, step.tenant), receivedMs: BigInt(at) }),
  })
  return { case: 'turn', value }
}

export function message(text: string, sender = 'li', tenantId: string = acme) {
  return create(MessageSchema, {
    tenantId,
    channelId: 'web',
    conversationId: `web/${sender}/c1`,
    sender: { id: sender, name: '李雷' },
    kind: MessageKind.TEXT,
    text,
    platformId: `${sender}/${text}`,
  })
}

export function reply(
  id: string,
  text: string,
  state: ReplyState = ReplyState.PENDING,
  how: { intent?: string; score?: number; accept?: number; question?: string; answeredBy?: string } = {},
): TurnChange {
  const value = create(TurnReplyChangeSchema, {
    turnId: id,
    timeMs: BigInt(at),
    kind: TurnReplyKind.FINAL,
    reply: { replyId: `${id}/final`, text, answeredBy: 'center', finish: 'stop', state, ...how },
    state,
  })
  return { case: 'reply', value }
}

export function replyState(id: string, state: ReplyState): TurnChange {
  const kind = TurnReplyKind.FINAL
  return {
    case: 'reply',
    value: create(TurnReplyChangeSchema, { turnId: id, timeMs: BigInt(at), kind, state }),
  }
}

export function feedback(id: string, rating: TurnRating, by: number): TurnChange {
  const value = create(TurnFeedbackSchema, { turnId: id, timeMs: BigInt(at), rating, by: BigInt(by) })
  return { case: 'feedback', value }
}

export function record(seq: number, change: TurnChange, of: TenantId = acme): Uploaded {
  return { kind: 'change', seq: BigInt(seq), upTo: BigInt(seq), tenant: of, change }
}

export type FollowerDeps = Pick<Awaited<ReturnType<typeof sealedStorage>>, 'store' | 'keys'> & {
  readonly clock: ManualClock
}

/** The replica on real, sealing storage; edges serve `acme` and `globex`. */
export async function stand(t: TestContext, follow?: (deps: FollowerDeps) => TurnFollower) {
  const clock = new ManualClock(at)
  const storage = await sealedStorage(t, clock)
  const log = silentLogger()
  const entry = (edgeId: EdgeId, more: Partial<EdgeEntry> = {}): [EdgeId, EdgeEntry] => [
    edgeId,
    {
      edgeId,
      tenants: [acme, globex],
      site: '',
      revoked: false,
      enrolledAt: 0,
      linkGeneration: 1,
      appliedRevision: 1,
      lastSeenAt: 0,
      ...more,
    },
  ]
  const edges = new Map([entry(beijing), entry(shanghai)])
  const registry = { get: (id: EdgeId) => edges.get(id), list: () => [...edges.values()] }
  const tenants = () => [acme, globex]
  const build = async () => {
    const { store, system, keys } = storage
    const metrics = createMetrics()
    const commands = await openEdgeCommands({ system, clock, log })
    const subjects = new SubjectDirectory({ store, keys, clock })
    const askers = createAskers({ subjects, keys, commands })
    const ledgerMetrics = new LedgerMetrics(metrics)
    const replica = new TurnReplica({
      ...{ store, system, registry, askers, metrics: ledgerMetrics, clock, log },
      followers: follow ? [follow({ store, keys, clock })] : [],
    })
    const fences = await openEpochFences({ system, clock })
    const desk = new TurnDesk({ store, replica, commands, registry, tenants, clock, log })
    await desk.start()
    const over = { store, replica, desk, fences, registry, metrics: ledgerMetrics, tenants, clock, log }
    const takeover = (of: EdgeId, options: TakeoverOptions = {}) => takeOver(over, of, options, by)
    return { store, system, keys, metrics, commands, fences, subjects, replica, desk, takeover }
  }
  let parts = await build()
  return {
    clock,
    storage,
    /** What the registry says of an edge from now on. */
    register: (id: EdgeId, more: Partial<EdgeEntry>) => edges.set(...entry(id, more)),
    /** As they are since the last restart. */
    get parts() {
      return parts
    },
    async restart(): Promise<void> {
      await storage.reopen()
      parts = await build()
      for (const id of [acme, globex]) await parts.replica.recount(id)
    },
    async turn(id: string, of: TenantId = acme) {
      return (await parts.replica.turns.get(of, id))?.value
    },
    /** Everything that is held of a tenant's turns, without what differs from run to run. */
    async all(of: TenantId = acme) {
      const { records } = await parts.replica.turns.scan(of, { limit: 1_000 })
      return records.map(({ value: { subject: _subject, ...turn } }) => turn)
    },
    async count(name: string, labels: Record<string, string> = {}): Promise<number> {
      const { values } = (await parts.metrics.registry.getSingleMetric(name)?.get()) ?? { values: [] }
      return values
        .filter((value) => Object.entries(labels).every(([key, text]) => value.labels[key] === text))
        .reduce((sum, { value }) => sum + value, 0)
    },
  }
}

export type Stand = Awaited<ReturnType<typeof stand>>
