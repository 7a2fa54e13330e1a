import type { ReplyContent } from '../../ledger/index.js'
import { inLanguage } from '../../tenants/index.js'
import type { Endings } from '../endings.js'
import { ticketFor } from '../ticket.js'
import type { ForwardedTurn } from './forwarded-turn.js'

/** What the asker of a turn that waits is told: its ticket and its place, 1 = next. */
export function ticketNotice(
  { turn, plan, ticket = ticketFor(turn), question }: ForwardedTurn,
  place: number,
  languages: readonly string[],
  endings: Pick<Endings, 'say'>,
): ReplyContent {
  const first = plan?.offline
    ? inLanguage(plan.offline, plan.language, languages)
    : endings.say(turn, 'ticket.waits', {})
  const number = endings.say(turn, 'ticket.number', { ticket, place })
  const base = { answeredBy: 'queued', citations: [], finish: 'stop' } as const
  return {
    ...base,
    text: `${first}\n${number}`,
    ticket,
    place,
    ...(plan ? { route: { ...plan.route, decision: 'queue' } } : {}),
    ...(question === turn.message.text ? {} : { asked: question }),
  }
}
