import { asEdgeId, type EdgeId, type TenantId, YizhanError } from '@yizhan/kernel'
import type { EdgeRegistry } from '../fleet/index.js'
import type { TurnAction } from './command-collection.js'
import type { Turn } from './turn-collection.js'
import type { TurnStateName } from './turn-names.js'

export interface NewOrder {
  readonly action: TurnAction
  /** `edit`: the new question; `answer`: the answer. */
  readonly text?: string
  /** `reroute`: `center`, `intent:<name>`, `handoff:<key>`, `edge:<id>`. */
  readonly target?: string
  /** Of the turn, as it was looked at; default: as the replica has it. */
  readonly expectedVersion?: number
  /** From now, in milliseconds; default 24 h. */
  readonly ttlMs?: number
}

const MAX_TEXT = 16_384
const TARGET = /^(center|intent:[\w.-]{1,128}|handoff:[\w.-]{1,128}|edge:[a-z0-9][a-z0-9-]{0,62})$/
/** What the center ends a turn with that it has taken over. */
const ENDED: ReadonlySet<TurnStateName> = new Set(['done', 'abandoned', 'rerouted'])

/**
 * The other edge that a reroute names; undefined for any other order. Throws as `TurnDesk.give` does.
 */
export function checkOrder(
  registry: Pick<EdgeRegistry, 'get'>,
  tenant: TenantId,
  turn: Turn,
  { action, text, target, expectedVersion }: NewOrder,
): EdgeId | undefined {
  const needsText = action === 'edit' || action === 'answer'
  if (needsText !== (text !== undefined)) throw refuse(`${action} ${needsText ? 'needs' : 'takes no'} text`)
  if (text !== undefined && (text.trim() === '' || text.length > MAX_TEXT))
    throw refuse(`the text is not 1–${MAX_TEXT} characters`)
  if ((action === 'reroute') !== (target !== undefined))
    throw refuse('reroute, and nothing else, has a target')
  if (target !== undefined && !TARGET.test(target))
    throw refuse('the target is not center, intent:<name>, handoff:<key> or edge:<id>')
  if (expectedVersion !== undefined && expectedVersion !== turn.version) throw movedOn(turn)
  const other = target?.startsWith('edge:')
    ? otherEdge(registry, tenant, turn, target.slice('edge:'.length))
    : undefined
  if (turn.takenOver) {
    const possible = action === 'answer' || action === 'abandon' || other !== undefined
    if (!possible)
      throw cannot('the edge of this turn is gone', 'turns answer | abandon | reroute --to edge:<id>')
    if (turn.doubtSince === undefined && ENDED.has(turn.state))
      throw cannot('the turn has ended', 'turns show')
    return other
  }
  if (turn.doubtSince !== undefined)
    throw cannot(
      'its edge has another journal and does not know it',
      `turns takeover --edge ${turn.edge} --older`,
    )
  const edge = asEdgeId(turn.edge)
  const entry = edge && registry.get(edge)
  if (!entry || entry.revoked) throw cannot('its edge is revoked', `turns takeover --edge ${turn.edge}`)
  return other
}

function otherEdge(registry: Pick<EdgeRegistry, 'get'>, tenant: TenantId, turn: Turn, name: string): EdgeId {
  const edge = asEdgeId(name)
  const entry = edge && registry.get(edge)
  if (!edge || !entry) throw new YizhanError('not_found', `there is no edge ${name}`, { hint: 'edges list' })
  if (entry.revoked || !entry.tenants.includes(tenant))
    throw cannot(`${name} does not serve the tenant`, 'edges list')
  if (name === turn.edge && !turn.takenOver) throw refuse('the turn is there already')
  return edge
}

function movedOn({ version, state }: Turn): YizhanError {
  return new YizhanError('conflict', `the turn is at version ${version}, ${state}`, {
    details: { version, state },
    hint: 'turns show',
  })
}

function cannot(why: string, hint: string): YizhanError {
  return new YizhanError('failed_precondition', why, { hint })
}

function refuse(message: string): YizhanError {
  return new YizhanError('invalid_argument', message)
}
