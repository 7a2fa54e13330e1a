import { MessageKind } from '@yizhan/proto'
import type { Route } from '../../ledger/index.js'
import { type SkillRegistry, say } from '../../skills/index.js'
import { inLanguage } from '../../tenants/index.js'
import type { ConversationMemory } from '../conversation-memory.js'
import type { Decision } from '../decide.js'
import type { Endings } from '../endings.js'
import type { Forwarder } from '../forward/index.js'
import { toPlan, type Understanding } from '../understanding.js'
import type { RouterHandler, Visit } from '../visit.js'

export interface TextDeps {
  readonly understanding: Understanding
  readonly endings: Endings
  readonly skills: SkillRegistry
  readonly memory: ConversationMemory
  readonly forwarder: Forwarder
}

/** A question: understood, decided, and then answered here, asked back, refused, or sent to the center. */
export function textHandler(deps: TextDeps): RouterHandler {
  const { understanding, endings, forwarder } = deps
  return {
    name: 'text',
    async handle(visit, next) {
      // An intent that was chosen on a card is answered like one that was written.
      if (visit.turn.message.kind !== MessageKind.TEXT && visit.chosen === undefined) return next(visit)
      const understood = await understanding.of(visit, visit.signal)
      const { decision, route } = understood
      switch (decision.do) {
        case 'answer':
          return answer(deps, visit, decision, route)
        case 'ask-back':
          return askBack(deps, visit, decision.options, route)
        case 'refuse':
          return endings.refused(visit.turn, decision.why)
        case 'forward':
          return forwarder.forward(
            visit.turn,
            toPlan(visit, understood, decision.knowledge, offlineOf(visit, route)),
            visit.lane,
          )
        case 'queue':
          return forwarder.forward(
            visit.turn,
            toPlan(visit, understood, decision.knowledge, decision.offline),
            visit.lane,
          )
        default:
          return decision satisfies never
      }
    },
  }
}

/** The link may go while the turn is under way. */
function offlineOf({ tenant }: Visit, route: Route) {
  const { intents } = tenant.file
  return Object.hasOwn(intents, route.intent) ? intents[route.intent]?.offline : undefined
}

async function answer(
  { endings, skills }: TextDeps,
  visit: Visit,
  { intent, reply }: Extract<Decision, { do: 'answer' }>,
  route: Route,
): Promise<void> {
  const { tenant, language, signal } = visit
  const turn = await endings.advance(visit.turn, 'answering', intent)
  if (reply.kind === 'text') {
    return endings.answer(turn, inLanguage(reply.text, language, tenant.file.languages), route)
  }
  const answered = await skills.get(reply.skill)?.answer(turn, { tenant, language, args: '' }, signal)
  await endings.answer(turn, answered?.text ?? '', route)
}

async function askBack(
  { endings, memory }: TextDeps,
  visit: Visit,
  options: readonly string[],
  route: Route,
): Promise<void> {
  const { tenant, language, question } = visit
  const turn = await endings.advance(visit.turn, 'answering', 'ask-back')
  const lines = [
    say(tenant, language, 'ask-back.question', {}),
    ...options.map((intent, i) => `${i + 1}. ${describe(visit, intent)}`),
    `0. ${say(tenant, language, 'ask-back.neither', {})}`,
  ]
  memory.ask(turn, { question, options })
  await endings.answer(turn, lines.join('\n'), route)
}

/** An intent as a person can tell it from another: its typical question, or its id. */
function describe({ tenant, language }: Visit, intent: string): string {
  const title = tenant.file.intents[intent]?.title
  return title === undefined ? intent : inLanguage(title, language, tenant.file.languages)
}
