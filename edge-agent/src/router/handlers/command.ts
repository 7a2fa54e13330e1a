import { MessageKind } from '@yizhan/proto'
import { type Command, parseCommand, type SkillRegistry } from '../../skills/index.js'
import type { Endings } from '../endings.js'
import { plainRoute, type RouterHandler, type Visit } from '../visit.js'

/** `/help` and its like: always acknowledged, never classified. */
export function commandHandler(endings: Endings, skills: SkillRegistry): RouterHandler {
  return {
    name: 'command',
    async handle(visit, next) {
      const { message } = visit.turn
      const command = message.kind === MessageKind.TEXT ? parseCommand(message.text) : undefined
      return command && skills.get(command.name) ? runCommand(endings, skills, visit, command) : next(visit)
    },
  }
}

export async function runCommand(
  endings: Endings,
  skills: SkillRegistry,
  visit: Visit,
  command: Command,
): Promise<void> {
  const { tenant, language, signal } = visit
  const turn = await endings.advance(visit.turn, 'answering', `command ${command.name}`)
  const answer = await skills
    .get(command.name)
    ?.answer(turn, { tenant, language, args: command.args }, signal)
  await endings.answer(turn, answer?.text ?? '', plainRoute(`/${command.name}`, 'command'))
}
