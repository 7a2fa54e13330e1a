import { isFilesOnly, namesOf } from '../attachments.js'
import type { Endings } from '../endings.js'
import { plainRoute, type RouterHandler } from '../visit.js'

/** Files without a word: what they hold never comes here, so their sender is told what to do instead. */
export function attachmentsHandler(endings: Endings): RouterHandler {
  return {
    name: 'attachments',
    async handle(visit, next) {
      const { message, mended } = visit.turn
      if (!isFilesOnly(message) || mended?.asked !== undefined) return next(visit)
      const turn = await endings.advance(visit.turn, 'answering', 'attachments')
      const text = endings.say(turn, 'attachments.only', { names: namesOf(message) })
      await endings.answer(turn, text, plainRoute('attachments', 'attachments'))
    },
  }
}
