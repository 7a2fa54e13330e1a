import type { TenantFile } from '@yizhan/intent'
import type { Clock } from '@yizhan/kernel'
import type { Route } from '../ledger/index.js'
import { say } from '../skills/index.js'
import { inOneLine } from '../slots/index.js'
import type { Endings } from './endings.js'
import { isOpen, toldHours } from './opening-hours.js'
import { ticketFor } from './ticket.js'
import type { Visit } from './visit.js'

type NamedHandoff = NonNullable<TenantFile['handoffs']>[number]

export interface HandOffDeps {
  readonly endings: Endings
  readonly clock: Pick<Clock, 'wall'>
}

/**
 * Puts a turn on the list of the people of a hand-off, or says when they are there. Nobody is called: the asker is told
 * no more than that it is on the list.
 */
export async function handOff(
  { endings, clock }: HandOffDeps,
  visit: Visit,
  handoff: NamedHandoff,
  route: Route,
): Promise<void> {
  const { tenant, language, turn } = visit
  const { name, channel } = handoff
  const hours = toldHours(handoff, language)
  const open = isOpen(handoff, clock.wall())
  if (!open && handoff.otherwise === 'refuse') {
    const answering = await endings.advance(turn, 'answering', `handoff ${name} closed`)
    return endings.answer(answering, say(tenant, language, 'handoff.closed', { name, channel, hours }), route)
  }
  const ticket = ticketFor(turn)
  const told = open
    ? say(tenant, language, 'handoff.queued', { name, channel, ticket })
    : say(tenant, language, 'handoff.later', { name, channel, hours, ticket })
  await endings.handedOff(turn, name, { text: told + asked(visit), ticket, route })
}

/** What the people on the other side need if the message alone does not say it, such as the last answer of a form. */
function asked({ tenant, language, turn, question, chosen, slots }: Visit): string {
  if (chosen === undefined || question === turn.message.text) return ''
  const { intents, languages } = tenant.file
  const reader = { language, languages }
  const values = slots ? inOneLine(intents[chosen]?.slots ?? [], slots, reader) : ''
  return `\n> ${[question.replaceAll('\n', ' '), values].filter((part) => part !== '').join(' · ')}`
}

/** The hand-off for who asks for a person without saying whom. */
export function firstHandoff({ tenant }: Visit): NamedHandoff | undefined {
  return tenant.file.handoffs?.[0]
}
