import { MessageKind } from '@yizhan/proto'
import { plainRoute, type RouterHandler } from '../visit.js'
import { type CommandDeps, parseRunnable, runCommand } from './command.js'

/** A pressed button: its action is a command (`/new`), or the id of an intent, which is answered as if asked. */
export function cardHandler(deps: CommandDeps): RouterHandler {
  const { endings, skills } = deps
  return {
    name: 'card',
    async handle(visit, next) {
      const { message, mended } = visit.turn
      if (message.kind !== MessageKind.CARD || mended?.target !== undefined) return next(visit)
      const command = parseRunnable(skills, message.cardAction?.action ?? '')
      if (command) return runCommand(deps, visit, command)
      // See `pressedIntent`: what was asked for is known from the start.
      if (visit.chosen !== undefined) return next(visit)
      const turn = await endings.advance(visit.turn, 'answering', 'card')
      return endings.answer(turn, endings.say(turn, 'card.unknown', {}), plainRoute('card', 'card'))
    },
  }
}
