import { YizhanError } from '@yizhan/kernel'
import type { Route, Turn } from '../ledger/index.js'
import type { SkillAnswer, SkillRegistry } from '../skills/index.js'
import { filled } from '../slots/index.js'
import { inLanguage } from '../tenants/index.js'
import { cardAsText, cardFor } from './card-view.js'
import type { Decision } from './decide.js'
import type { Endings } from './endings.js'
import type { Visit } from './visit.js'

export interface LocalAnswersDeps {
  readonly endings: Endings
  readonly skills: SkillRegistry
}

/** What the edge answers by itself: a text, a card, or what a skill says. */
export class LocalAnswers {
  readonly #deps: LocalAnswersDeps

  constructor(deps: LocalAnswersDeps) {
    this.#deps = deps
  }

  async give(
    visit: Visit,
    { intent, reply }: Extract<Decision, { do: 'answer' }>,
    route: Route,
  ): Promise<void> {
    const { tenant, language, question, signal, slots: values = {} } = visit
    const { intents, languages, cards = {} } = tenant.file
    const turn = await this.#deps.endings.advance(visit.turn, 'answering', intent)
    const reader = { language, languages }
    const slots = intents[intent]?.slots ?? []
    switch (reply.kind) {
      case 'text': {
        const text = inLanguage(reply.text, language, languages)
        return this.#deps.endings.answer(turn, filled(text, slots, values, reader), route)
      }
      case 'card': {
        const card = cards[reply.card]
        if (!card) throw new YizhanError('internal', `there is no card ${reply.card}`)
        const shown = cardFor(reply.card, card, reader, slots, values)
        return this.#tell(turn, visit, { text: cardAsText(shown), card: shown }, route)
      }
      case 'skill': {
        const context = { tenant, language, args: '', question, slots: values }
        const skill = this.#deps.skills.get(reply.skill)
        if (!skill) throw new YizhanError('internal', `there is no skill ${reply.skill}`)
        return this.#tell(turn, visit, await skill.answer(turn, context, signal), route)
      }
      default:
        return reply satisfies never
    }
  }

  async #tell(turn: Turn, visit: Visit, answer: SkillAnswer, route: Route): Promise<void> {
    const { text, card, choices } = answer
    const { language } = visit
    const buttons = card?.buttons ?? []
    await this.#deps.endings.answer(turn, text, route, {
      ...(card ? { card } : {}),
      ...(choices ? { choices } : {}),
      ...(buttons.length > 0 ? { opens: { kind: 'card', buttons, language } } : {}),
    })
  }
}
