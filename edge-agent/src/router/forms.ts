import type { MessageKey, Slot } from '@yizhan/intent'
import type { Clock } from '@yizhan/kernel'
import { MessageKind } from '@yizhan/proto'
import type { OpenForm, Route } from '../ledger/index.js'
import { say } from '../skills/index.js'
import { inOneLine, MAX_TEXT_VALUE, prefill, readSlot, type Today, valuesInOneLine } from '../slots/index.js'
import { inLanguage } from '../tenants/index.js'
import type { Endings } from './endings.js'
import type { Understanding } from './understanding.js'
import { plainRoute, type Visit } from './visit.js'

export interface FormsDeps {
  readonly endings: Endings
  readonly understanding: Pick<Understanding, 'surely'>
  readonly clock: Pick<Clock, 'wall'>
}

type Next = (visit: Visit) => Promise<void>
type Draft = Pick<OpenForm, 'intent' | 'question' | 'values' | 'unusable' | 'language'>

/** How often an answer that cannot be used is asked for again. */
const MAX_UNUSABLE = 2

/** Asks for what an intent has to know, one slot after the other, and goes on when all of it is known. */
export class Forms {
  readonly #deps: FormsDeps

  constructor(deps: FormsDeps) {
    this.#deps = deps
  }

  /** Begins with what the question says already. */
  async begin(visit: Visit, intent: string, route: Route, filled: Next): Promise<void> {
    const { turn, question, language } = visit
    const slots = slotsOf(visit, intent)
    // The title behind a pressed button is nobody's own words.
    const typed = turn.message.kind === MessageKind.TEXT
    const values = Object.fromEntries(typed ? prefill(slots, question, this.#today(visit)) : [])
    await this.#goOn(visit, { intent, question, values, unusable: 0, language }, route, filled)
  }

  /** Takes a text as the answer to what is asked; one that is clearly a question of its own leaves the form. */
  async take(visit: Visit, form: OpenForm, next: Next): Promise<void> {
    const slot = slotsOf(visit, form.intent).find(({ name }) => name === form.slot)
    const route = plainRoute(form.intent, 'slots')
    if (!slot) return this.#end(visit, form, 'slots.changed')
    const answer = readSlot(slot, visit.turn.message.text, this.#today(visit))
    if (answer.is === 'unusable' || !answer.clear) {
      const other = await this.#deps.understanding.surely(visit, visit.signal)
      if (other !== undefined) return next(visit)
    }
    if (answer.is === 'value') {
      const values = { ...form.values, [slot.name]: answer.value }
      return this.#goOn(visit, { ...form, values, unusable: 0 }, route, next)
    }
    const unusable = form.unusable + 1
    if (unusable > MAX_UNUSABLE) return this.#end(visit, form, 'slots.gave-up')
    return this.#ask(visit, { ...form, unusable }, slot, route)
  }

  /** Whether a text clearly answers what a form asks; of one that asks for any text nobody can tell. */
  wouldTake(visit: Visit, form: OpenForm): boolean {
    const slot = slotsOf(visit, form.intent).find(({ name }) => name === form.slot)
    if (!slot || slot.type === 'text') return false
    const answer = readSlot(slot, visit.turn.message.text, this.#today(visit))
    return answer.is === 'value' && answer.clear
  }

  async #goOn(visit: Visit, draft: Draft, route: Route, filled: Next): Promise<void> {
    const { intent, question, values, language } = draft
    const open = slotsOf(visit, intent).find(({ name }) => !Object.hasOwn(values, name))
    if (!open) return filled({ ...visit, language, question, chosen: intent, slots: values })
    return this.#ask(visit, draft, open, route)
  }

  async #ask(visit: Visit, draft: Draft, slot: Slot, route: Route): Promise<void> {
    const { endings } = this.#deps
    const { tenant } = visit
    const { language, unusable } = draft
    const turn = await endings.advance(visit.turn, 'answering', `slot ${slot.name}`)
    const { languages } = tenant.file
    const choices = (slot.options ?? []).map(({ label }, i) => ({
      label: inLanguage(label, language, languages),
      text: String(i + 1),
    }))
    const lines = [
      ...(unusable > 0 ? [hint(visit, language, slot)] : this.#noted(visit, draft, route)),
      inLanguage(slot.ask, language, languages),
      ...choices.map(({ label, text }) => `${text}. ${label}`),
      ...(unusable > 0 ? [say(tenant, language, 'slots.way-out', {})] : []),
    ]
    const opens: OpenForm = { ...draft, kind: 'form', slot: slot.name }
    await endings.answer(turn, lines.join('\n'), route, { opens, ...(choices.length > 0 ? { choices } : {}) })
  }

  /** What the first question said is told, so that a misreading is seen. */
  #noted(visit: Visit, { intent, values, language }: Draft, route: Route): string[] {
    const isFirst = route.match !== 'none'
    const reader = { language, languages: visit.tenant.file.languages }
    const told = isFirst ? valuesInOneLine(slotsOf(visit, intent), values, reader) : ''
    return told === '' ? [] : [say(visit.tenant, language, 'slots.noted', { values: told })]
  }

  async #end(visit: Visit, { intent, language }: OpenForm, key: 'slots.changed' | 'slots.gave-up') {
    const turn = await this.#deps.endings.advance(visit.turn, 'answering', key)
    await this.#deps.endings.answer(turn, say(visit.tenant, language, key, {}), plainRoute(intent, 'slots'))
  }

  #today({ turn, tenant }: Visit): Today {
    const { timezone } = tenant.file
    return { wallMs: this.#deps.clock.wall(), locale: turn.message.locale, timezone }
  }
}

/** The slots of an intent in the bundle of now; none if it is gone. */
export function slotsOf({ tenant }: Pick<Visit, 'tenant'>, intent: string): readonly Slot[] {
  const { intents } = tenant.file
  return (Object.hasOwn(intents, intent) ? intents[intent]?.slots : undefined) ?? []
}

/** The question as the center shall read it: with what a form asked for behind it. */
export function withValues(visit: Visit): string {
  const { question, chosen, slots, language, tenant } = visit
  if (chosen === undefined || !slots) return question
  const values = inOneLine(slotsOf(visit, chosen), slots, { language, languages: tenant.file.languages })
  return `${question} (${values})`
}

function hint({ tenant }: Visit, language: string, { type }: Slot): string {
  if (type === 'text') return say(tenant, language, 'slots.unread-text', { max: MAX_TEXT_VALUE })
  const key = `slots.unread-${type}` as const satisfies MessageKey
  return say(tenant, language, key, {})
}
