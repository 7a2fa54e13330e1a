import { MessageKind } from '@yizhan/proto'
import { parseCommand, type SkillRegistry } from '../../skills/index.js'
import type { Endings } from '../endings.js'
import { plainRoute, type RouterHandler } from '../visit.js'
import { runCommand } from './command.js'

/** A pressed button: its action is a command (`/new`), or the id of an intent. */
export function cardHandler(endings: Endings, skills: SkillRegistry): RouterHandler {
  return {
    name: 'card',
    async handle(visit, next) {
      const { message } = visit.turn
      if (message.kind !== MessageKind.CARD) return next(visit)
      const action = message.cardAction?.action ?? ''
      const command = parseCommand(action)
      if (command && skills.get(command.name)) return runCommand(endings, skills, visit, command)
      if (Object.hasOwn(visit.tenant.file.intents, action)) {
        return next({ ...visit, chosen: action, question: message.text || action })
      }
      const turn = await endings.advance(visit.turn, 'answering', 'card')
      return endings.answer(turn, endings.say(turn, 'card.unknown', {}), plainRoute('card', 'card'))
    },
  }
}
