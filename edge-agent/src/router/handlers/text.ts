import type { LanguageMap } from '@yizhan/intent'
import { YizhanError } from '@yizhan/kernel'
import { MessageKind } from '@yizhan/proto'
import type { EdgeLedger, Route } from '../../ledger/index.js'
import { say } from '../../skills/index.js'
import type { Decision } from '../decide.js'
import type { Endings } from '../endings.js'
import { type Forms, withValues } from '../forms.js'
import type { Forwarder } from '../forward/index.js'
import { type HandOffDeps, handOff } from '../hand-off.js'
import type { LocalAnswers } from '../local-answers.js'
import { typicalQuestion } from '../pressed-intent.js'
import { toPlan, type Understanding, type Understood } from '../understanding.js'
import type { RouterHandler, Visit } from '../visit.js'

export interface TextDeps extends HandOffDeps {
  readonly ledger: Pick<EdgeLedger, 'awaiting' | 'durable'>
  readonly understanding: Understanding
  readonly answers: LocalAnswers
  readonly forms: Forms
  readonly forwarder: Forwarder
  readonly endings: Endings
}

/** A question: understood, decided, and then answered here, asked back, handed off, refused, or sent to the center. */
export function textHandler(deps: TextDeps): RouterHandler {
  return {
    name: 'text',
    async handle(visit, next) {
      // An intent that was chosen on a card is answered like one that was written.
      const { message, mended } = visit.turn
      const isAsked = visit.chosen !== undefined || mended?.target !== undefined
      if (message.kind !== MessageKind.TEXT && !isAsked) return next(visit)
      const { ledger, understanding } = deps
      const understood = await ledger.awaiting(visit.turn.id, understanding.of(visit, visit.signal))
      if (isOnlySaid(understood.decision)) return carryOut(deps, visit, understood)
      await carryOut(deps, { ...visit, turn: await ledger.durable(visit.turn.id) }, understood)
    },
  }
}

/** Whether nothing is done but that the ledger gets a reply: it goes to disk with the message, if that is not there yet. */
function isOnlySaid(decision: Decision): boolean {
  if (decision.do === 'answer') return decision.reply.kind !== 'skill'
  return decision.do === 'ask-back' || decision.do === 'refuse'
}

async function carryOut(deps: TextDeps, visit: Visit, { decision, route }: Understood): Promise<void> {
  switch (decision.do) {
    case 'answer':
      return deps.answers.give(visit, decision, route)
    case 'slots':
      return deps.forms.begin(visit, decision.intent, route, async (filled) => {
        const again = await deps.understanding.of(filled, filled.signal)
        // The question said it all: it was understood once, and how is kept.
        await carryOut(deps, filled, { ...again, route: { ...route, decision: again.route.decision } })
      })
    case 'handoff': {
      const handoff = visit.tenant.file.handoffs?.find(({ name }) => name === decision.handoff)
      if (!handoff) throw new YizhanError('internal', `there is no hand-off ${decision.handoff}`)
      return handOff(deps, visit, handoff, route)
    }
    case 'ask-back':
      return askBack(deps, visit, decision.options, route)
    case 'refuse':
      return deps.endings.refused(visit.turn, decision.why)
    case 'forward':
      return forward(deps, visit, route, decision.knowledge, offlineOf(visit, route))
    case 'queue':
      return forward(deps, visit, route, decision.knowledge, decision.offline)
    default:
      return decision satisfies never
  }
}

async function forward(
  { forwarder }: TextDeps,
  visit: Visit,
  route: Route,
  knowledge: readonly string[],
  offline: LanguageMap | undefined,
): Promise<void> {
  const asked = { ...visit, question: withValues(visit) }
  await forwarder.forward(visit.turn, toPlan(asked, route, knowledge, offline), visit.lane)
}

/** The link may go while the turn is under way. */
function offlineOf({ tenant }: Visit, route: Route) {
  const { intents } = tenant.file
  return Object.hasOwn(intents, route.intent) ? intents[route.intent]?.offline : undefined
}

async function askBack(
  { endings }: TextDeps,
  visit: Visit,
  options: readonly string[],
  route: Route,
): Promise<void> {
  const { tenant, language, question } = visit
  const turn = await endings.advance(visit.turn, 'answering', 'ask-back')
  const choices = [
    ...options.map((intent, i) => ({
      label: typicalQuestion(tenant.file, intent, language),
      text: String(i + 1),
    })),
    { label: say(tenant, language, 'ask-back.neither', {}), text: '0' },
  ]
  const lines = choices.map(({ label, text }) => `${text}. ${label}`)
  const text = [say(tenant, language, 'ask-back.question', {}), ...lines].join('\n')
  await endings.answer(turn, text, route, {
    choices,
    opens: { kind: 'choice', question, options, language },
  })
}
