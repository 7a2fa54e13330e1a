import { normalise, type Slot } from '@yizhan/intent'
import type { Reading } from './reading.js'
import { bareAnswer, placeChosen } from './spoken-choice.js'

type Option = NonNullable<Slot['options']>[number]

/** The option whose number, value or label is the whole answer. */
export function chosenOption(text: string, options: readonly Option[]): Reading | undefined {
  const said = bareAnswer(text)
  const place = placeChosen(said)
  const named = options.find((option) => namesOf(option).includes(said))
  const option = named ?? (place === undefined ? undefined : options[place - 1])
  return option && { value: option.value, from: 0, to: normalise(text).length }
}

/** Options whose label stands in a normalised text; a label within a longer one that was found does not count. */
export function namedOptions(text: string, options: readonly Option[]): Reading[] {
  const found = options.flatMap((option) => {
    const [longest] = namesOf(option)
      .flatMap((name) => {
        const from = indexOfName(text, name)
        return from < 0 ? [] : [{ value: option.value, from, to: from + name.length }]
      })
      .sort((a, b) => b.to - b.from - (a.to - a.from))
    return longest ? [longest] : []
  })
  return found.filter((one) => !found.some((other) => other !== one && covers(other, one)))
}

function covers(wide: Reading, narrow: Reading): boolean {
  const wider = wide.to - wide.from > narrow.to - narrow.from
  return wider && wide.from <= narrow.from && wide.to >= narrow.to
}

/** A Latin name has to stand as a word of its own: `it` is not in `with`. */
function indexOfName(text: string, name: string): number {
  if (!/^[\p{sc=Latin}\d]/u.test(name)) return text.indexOf(name)
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return text.search(new RegExp(`(?<![\\p{sc=Latin}\\d])${escaped}(?![\\p{sc=Latin}\\d])`, 'u'))
}

function namesOf({ value, label }: Option): string[] {
  return [value, ...Object.values(label)].map((name) => normalise(name)).filter((name) => name !== '')
}
