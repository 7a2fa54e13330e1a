import type { Member } from './member.js'

/** What a choice depends on beside the members. */
export interface Ask {
  readonly tokens: number
  /** The member that had the conversation last. */
  readonly before: Member | undefined
  /** 0 ≤ n < 1, the same for all of a conversation: who falls under a canary's share tries it out. */
  readonly lot: number
}

/** A member that had the conversation keeps it unless its load is this many times the least one's, and more than this. */
const IMBALANCE = 1.5
const IMBALANCE_TOKENS = 4_096

/** The member for a request, of those that are usable; undefined if none of them has room. */
export function choose(usable: readonly Member[], ask: Ask): Member | undefined {
  const canary = canaryOf(usable, ask.lot)
  if (canary?.hasRoom(ask.tokens)) return canary
  const plain = usable.filter(({ config }) => config.canary === 0)
  const roomy = (plain.length > 0 ? plain : usable).filter((member) => member.hasRoom(ask.tokens))
  const least = leastLoaded(roomy)
  const { before } = ask
  if (!least || !before || !roomy.includes(before)) return least
  return before.load <= Math.max(least.load * IMBALANCE, least.load + IMBALANCE_TOKENS) ? before : least
}

function leastLoaded(members: readonly Member[]): Member | undefined {
  let least: Member | undefined
  for (const member of members) if (!least || member.load < least.load) least = member
  return least
}

function canaryOf(members: readonly Member[], lot: number): Member | undefined {
  let from = 0
  for (const member of members) {
    const to = from + member.config.canary
    if (lot >= from && lot < to) return member
    from = to
  }
  return undefined
}
