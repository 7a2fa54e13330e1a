import { normalise, type Slot } from '@yizhan/intent'
import { namesOf } from './name-index.js'
import { readDateTimes, readDays, readTimes, type Today } from './read-day.js'
import { mentionedNumbers, mentionedPercents } from './read-number.js'
import { namedOptions } from './read-option.js'
import { blanked, MAX_READ, type Reading } from './reading.js'

/**
 * What a question itself says for the slots of its intent: days and times in the order in which they stand, an option
 * or a number if there is just one. A text is always asked for.
 */
export function prefill(slots: readonly Slot[], question: string, today: Today): Map<string, string> {
  const values = new Map<string, string>()
  if (question.length > MAX_READ) return values
  const text = normalise(question)
  const of = (type: Slot['type']) => slots.filter((slot) => slot.type === type)
  const read: Reading[] = []

  const days = readDays(text, today)
  const times = readTimes(text, today)
  inOrder(of('datetime'), readDateTimes(text, today), values)
  inOrder(of('date'), days, values)
  inOrder(of('time'), times, values)
  read.push(...days, ...times)
  for (const slot of of('choice')) {
    const options = namedOptions(text, slot.options ?? [])
    read.push(...options)
    onlyOne([slot], options, values)
  }
  for (const slot of of('name')) {
    const names = namesOf(slot).find(text)
    read.push(...names)
    onlyOne([slot], names, values)
  }
  // The 3 of 12月3日 is no number of days: what has been read is not read again.
  const rest = read.reduce((left, { from, to }) => blanked(left, from, to), text)
  const percents = mentionedPercents(rest)
  onlyOne(of('percent'), percents, values)
  const others = percents.reduce((left, { from, to }) => blanked(left, from, to), rest)
  onlyOne(of('number'), mentionedNumbers(others), values)
  return values
}

/** More values than slots: nobody knows which are meant. */
function inOrder(slots: readonly Slot[], found: readonly Reading[], values: Map<string, string>): void {
  if (found.length > slots.length) return
  for (const [i, { value }] of found.entries()) {
    const slot = slots[i]
    if (slot) values.set(slot.name, value)
  }
}

function onlyOne(slots: readonly Slot[], found: readonly Reading[], values: Map<string, string>): void {
  const [slot, reading] = [slots[0], found[0]]
  if (slot && reading && slots.length === 1 && found.length === 1) values.set(slot.name, reading.value)
}
