import { normalise } from '@yizhan/intent'
import { MessageKind } from '@yizhan/proto'
import type { ConversationMemory, PendingQuestion } from '../conversation-memory.js'
import type { RouterHandler } from '../visit.js'

/**
 * Takes a text as the answer to a question back, if one is open and the text names an option by number or name, or says
 * that none fits: then the first question goes on. Anything else closes the question and is one of its own.
 */
export function pendingQuestionHandler(memory: ConversationMemory): RouterHandler {
  return {
    name: 'pending-question',
    async handle(visit, next) {
      if (visit.turn.message.kind !== MessageKind.TEXT) return next(visit)
      const pending = memory.takePending(visit.turn)
      const choice = pending && chosenBy(visit.turn.message.text, pending)
      if (!pending || choice === undefined) return next(visit)
      const { question } = pending
      return next(
        choice === 'neither' ? { ...visit, question } : { ...visit, question, chosen: choice.intent },
      )
    },
  }
}

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['一', 1],
  ['第一个', 1],
  ['the first', 1],
  ['二', 2],
  ['第二个', 2],
  ['the second', 2],
])
const NEITHER: ReadonlySet<string> = new Set(['0', '都不是', '都不', 'neither', 'none', 'no'])

export function chosenBy(
  text: string,
  { options }: Pick<PendingQuestion, 'options'>,
): { readonly intent: string } | 'neither' | undefined {
  const said = normalise(text).replace(/[.。)、!！]+$/u, '')
  if (NEITHER.has(said)) return 'neither'
  const number = /^\d+$/.test(said) ? Number(said) : NUMBERS.get(said)
  const intent =
    number === undefined ? options.find((option) => normalise(option) === said) : options[number - 1]
  return intent === undefined ? undefined : { intent }
}
