import { newId, type TenantId, YizhanError } from '@yizhan/kernel'
import { STORE_LIMITS } from '../storage/index.js'
import type { TurnReplica } from './replica.js'
import { isOpen, stateTerm, type Turn } from './turn-collection.js'
import type { TurnStateName } from './turn-names.js'

export interface TurnFilter {
  readonly state?: TurnStateName
  readonly edge?: string
  /** Only those that have not ended, or of which nobody knows. */
  readonly open?: boolean
  /** Received at or after this, milliseconds since the Unix epoch. */
  readonly since?: number
  /** Only turns of the conversation of this one. */
  readonly with?: string
}

export interface TurnQuery extends TurnFilter {
  /** Default 100, at most 1,000. */
  readonly limit?: number
  readonly cursor?: string
  /** Oldest first. Default false: newest first. */
  readonly oldestFirst?: boolean
}

export interface TurnPage {
  readonly turns: readonly Turn[]
  /** Undefined once everything was looked at. A page may be short, or even empty, and still have one. */
  readonly cursor?: string
}

/** Turns that one call looks at before it gives back what it has. */
const MAX_LOOKED_AT = 5_000
const ID_TIME_CHARS = 't_'.length + 10

/** Turns that match, by the narrowest index. Throws `not_found` for a `with` that is not there. */
export async function listTurns(
  replica: Pick<TurnReplica, 'turns'>,
  tenant: TenantId,
  query: TurnQuery,
): Promise<TurnPage> {
  const { limit = STORE_LIMITS.scanDefault, oldestFirst = false, cursor, ...filter } = query
  const conversation =
    filter.with === undefined ? undefined : await conversationOf(replica, tenant, filter.with)
  const where = placeOf(filter, conversation)
  const found: Turn[] = []
  let next = cursor
  let looked = 0
  do {
    const page = await replica.turns.scan(tenant, {
      ...where,
      reverse: !oldestFirst,
      limit: limit - found.length,
      ...(next === undefined ? {} : { cursor: next }),
    })
    looked += page.records.length
    for (const { value } of page.records) if (matches(value, filter, conversation)) found.push(value)
    next = page.cursor
  } while (next !== undefined && found.length < limit && looked < MAX_LOOKED_AT)
  return { turns: found, ...(next === undefined ? {} : { cursor: next }) }
}

async function conversationOf(
  { turns }: Pick<TurnReplica, 'turns'>,
  tenant: TenantId,
  id: string,
): Promise<string> {
  const turn = await turns.get(tenant, id)
  if (turn) return turn.value.conversation
  throw unknownTurn()
}

function placeOf({ state, edge, open, since }: TurnFilter, conversation: string | undefined) {
  const first = since === undefined ? '' : newId('t', since).slice(0, ID_TIME_CHARS)
  const by = (name: string, of: string) => ({
    index: { name },
    from: `${of}/${first}`,
    // What follows `/`: the end of this one's values.
    to: `${of}0`,
  })
  if (conversation !== undefined) return by('conversation', conversation)
  if (open === true && edge !== undefined) return by('edge-open', edge)
  if (open === true) return { index: { name: 'open' }, ...(first === '' ? {} : { from: first }) }
  if (state !== undefined) return { ...by('state', state), from: stateTerm(state, first) }
  if (edge !== undefined) return by('edge', edge)
  return first === '' ? {} : { from: first }
}

function matches(turn: Turn, { state, edge, open }: TurnFilter, conversation: string | undefined): boolean {
  if (state !== undefined && turn.state !== state) return false
  if (edge !== undefined && turn.edge !== edge) return false
  if (conversation !== undefined && turn.conversation !== conversation) return false
  return open === undefined || isOpen(turn) === open
}

export function unknownTurn(): YizhanError {
  return new YizhanError('not_found', 'there is no such turn here', { hint: 'turns list' })
}
