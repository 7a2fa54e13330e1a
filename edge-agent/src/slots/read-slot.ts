import { normalise, type Slot } from '@yizhan/intent'
import { namesOf } from './name-index.js'
import { readDateTimes, readDays, readTimes, type Today } from './read-day.js'
import { readNumbers, readPercents } from './read-number.js'
import { chosenOption, namedOptions } from './read-option.js'
import { MAX_READ, type Reading } from './reading.js'

export type SlotAnswer =
  /** `clear` is false if the value stands in a text that says much else. */
  { readonly is: 'value'; readonly value: string; readonly clear: boolean } | { readonly is: 'unusable' }

/** The longest value of a slot of type text, in characters. */
export const MAX_TEXT_VALUE = 300
/** So much may stand around a value: 我想从下周一开始, "from next Monday on, please". */
const AROUND = 12
const AROUND_LATIN = 24

const UNUSABLE: SlotAnswer = { is: 'unusable' }

/** What an answer says for a slot. Pure. */
export function readSlot(slot: Slot, answer: string, today: Today): SlotAnswer {
  if (slot.type === 'text') {
    const value = answer.trim()
    const fits = value !== '' && [...value].length <= MAX_TEXT_VALUE
    return fits ? { is: 'value', value, clear: true } : UNUSABLE
  }
  if (answer.length > MAX_READ) return UNUSABLE
  const text = normalise(answer)
  const whole = slot.type === 'choice' ? chosenOption(text, slot.options ?? []) : undefined
  const values = new Set((whole ? [whole] : readingsOf(slot, text, today)).map(({ value }) => value))
  const [value] = values
  // Two different days for one question are no answer to it.
  if (value === undefined || values.size > 1) return UNUSABLE
  const [reading] = whole ? [whole] : readingsOf(slot, text, today)
  return { is: 'value', value, clear: reading !== undefined && isClear(text, reading) }
}

/** Everything in a normalised text that could be the value of a slot, in order. */
export function readingsOf(slot: Slot, text: string, today: Today): Reading[] {
  switch (slot.type) {
    case 'date':
      return readDays(text, today)
    case 'time':
      return readTimes(text, today)
    case 'datetime':
      return readDateTimes(text, today)
    case 'number':
      return readNumbers(text)
    case 'percent':
      return readPercents(text)
    case 'name':
      return namesOf(slot).find(text)
    case 'choice':
      return namedOptions(text, slot.options ?? [])
    case 'text':
      return []
    default:
      return slot.type satisfies never
  }
}

function isClear(text: string, { from, to }: Reading): boolean {
  const around = text.slice(0, from) + text.slice(to)
  return around.length <= (/\p{sc=Han}/u.test(around) ? AROUND : AROUND_LATIN)
}
