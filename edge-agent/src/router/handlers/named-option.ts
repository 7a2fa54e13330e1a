import { normalise } from '@yizhan/intent'
import type { OpenChoice, ReplyButton } from '../../ledger/index.js'
import { bareAnswer, placeChosen } from '../../slots/index.js'

const NEITHER: ReadonlySet<string> = new Set(['0', '都不是', '都不', 'neither', 'none', 'no'])

/** The intent that an answer to a question back names by number or id. */
export function chosenBy(
  text: string,
  { options }: Pick<OpenChoice, 'options'>,
): { readonly intent: string } | 'neither' | undefined {
  const said = bareAnswer(text)
  if (NEITHER.has(said)) return 'neither'
  const place = placeChosen(said)
  const intent =
    place === undefined ? options.find((option) => normalise(option) === said) : options[place - 1]
  return intent === undefined ? undefined : { intent }
}

/** The button whose number or label is the whole text. */
export function buttonNamed(text: string, buttons: readonly ReplyButton[]): ReplyButton | undefined {
  const said = bareAnswer(text)
  const place = placeChosen(said)
  const named = buttons.find(({ label }) => bareAnswer(label) === said)
  return named ?? (place === undefined ? undefined : buttons[place - 1])
}
