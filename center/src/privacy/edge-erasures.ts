import { asEdgeId, type Clock, type EdgeId, type Logger, type TenantId, YizhanError } from '@yizhan/kernel'
import { type Command, create, EraseCommandSchema } from '@yizhan/proto'
import type { EdgeCommands } from '../fleet/index.js'
import type { ErasureEdge, ErasureRecord } from './erasure-record.js'
import type { FleetView } from './port.js'

export interface EdgeErasuresDeps {
  readonly commands: Pick<EdgeCommands, 'queue' | 'get' | 'drop'>
  readonly fleet: FleetView
  /** The tenant's offline lease in milliseconds; 0 = none. */
  readonly leaseMs: (tenant: TenantId) => Promise<number>
  readonly clock: Clock
  readonly log: Logger
}

const CONTACT_STEP_MS = 3_600_000
/** Later than the lease says, for clocks that drift and for the hour of contact that a crash may have forgotten. */
const LEASE_GRACE_MS = 2 * CONTACT_STEP_MS

/** The part of an erasure that edges do: each gets a command, and is asked until it has answered or its lease is over. */
export class EdgeErasures {
  readonly #deps: EdgeErasuresDeps

  constructor(deps: EdgeErasuresDeps) {
    this.#deps = deps
  }

  /** The edges that an erasure of now must reach. */
  of(tenant: TenantId, now: number): ErasureEdge[] {
    return this.#deps.fleet
      .edgesOf(tenant)
      .map(({ edge }) => ({ edge, state: 'pending', contactAt: now }) as const)
  }

  /** The edges' states now; commands that were not sent, failed or got lost are queued (again). */
  async ask(tenant: TenantId, erasure: ErasureRecord & { readonly id: string }): Promise<ErasureEdge[]> {
    const fleet = new Map<string, ReturnType<FleetView['edgesOf']>[number]>()
    for (const view of this.#deps.fleet.edgesOf(tenant)) fleet.set(view.edge, view)
    const leaseMs = await this.#deps.leaseMs(tenant)
    const edges: ErasureEdge[] = []
    for (const before of erasure.edges) {
      const edge = asEdgeId(before.edge)
      if (!edge || before.state !== 'pending') edges.push(before)
      else edges.push(await this.#askEdge(tenant, edge, before, { erasure, leaseMs, view: fleet.get(edge) }))
    }
    return edges
  }

  async #askEdge(
    tenant: TenantId,
    edge: EdgeId,
    before: ErasureEdge,
    about: {
      readonly erasure: ErasureRecord & { readonly id: string }
      readonly leaseMs: number
      readonly view: ReturnType<FleetView['edgesOf']>[number] | undefined
    },
  ): Promise<ErasureEdge> {
    const { commands, clock } = this.#deps
    const { erasure, leaseMs, view } = about
    const now = clock.wall()
    const sent = before.command === undefined ? undefined : await commands.get(edge, before.command)
    if (sent?.state === 'done') {
      return { ...before, state: 'done', at: sent.settledAt ?? now, ...detailOf(sent.detail) }
    }
    const contactAt = contactOf(before, view, now)
    if (leaseMs > 0 && now >= contactAt + leaseMs + LEASE_GRACE_MS) {
      if (sent?.state === 'waiting' && before.command !== undefined) await commands.drop(edge, before.command)
      return {
        ...before,
        contactAt,
        state: 'closed-by-lease',
        at: now,
        detail: `not heard of for ${leaseMs} ms: by its policy it destroys what it holds of persons by then, at the latest when it is started again`,
      }
    }
    if (sent?.state === 'waiting') return { ...before, contactAt }
    const command = await this.#queue(tenant, edge, erasure)
    const { detail: _detail, ...rest } = before
    return { ...rest, contactAt, ...(command === undefined ? {} : { command }), ...detailOf(sent?.detail) }
  }

  /** Undefined if the edge's queue is full: tried again with the next round. */
  async #queue(
    tenant: TenantId,
    edge: EdgeId,
    { id, salt, identities, subjects, requestedBy }: ErasureRecord & { readonly id: string },
  ): Promise<string | undefined> {
    const value = create(EraseCommandSchema, {
      tenantId: tenant,
      subjectId: subjects[0] ?? '',
      erasureId: id,
      salt: new Uint8Array(Buffer.from(salt ?? '', 'base64')),
      identityDigests: identities.map((digest) => new Uint8Array(Buffer.from(digest, 'base64'))),
    })
    const command: Command['command'] = { case: 'erase', value }
    try {
      return await this.#deps.commands.queue(edge, { actor: requestedBy, expiresAt: 0, command })
    } catch (thrown) {
      if (!(thrown instanceof YizhanError && thrown.code === 'overloaded')) throw thrown
      this.#deps.log.warn(
        { edge, erasure: id },
        'too many commands wait for the edge: the erasure is told later',
      )
      return undefined
    }
  }
}

/**
 * The latest moment at which the edge may have heard from the center. What the registry knows is in memory while a link
 * lives, so that it is written down once an hour here.
 */
function contactOf(
  { contactAt }: ErasureEdge,
  view: { readonly linked: boolean; readonly lastSeenAt: number } | undefined,
  now: number,
): number {
  const seen = view?.linked === true ? now : (view?.lastSeenAt ?? 0)
  return seen - contactAt >= CONTACT_STEP_MS || (view?.linked !== true && seen > contactAt) ? seen : contactAt
}

function detailOf(detail: string | undefined): { detail?: string } {
  return detail === undefined || detail === '' ? {} : { detail }
}
