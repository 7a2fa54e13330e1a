import { MessageKind } from '@yizhan/proto'
import { type Command, parseCommand, type SkillRegistry } from '../../skills/index.js'
import { firstHandoff, type HandOffDeps, handOff } from '../hand-off.js'
import { plainRoute, type RouterHandler, type Visit } from '../visit.js'

export interface CommandDeps extends HandOffDeps {
  readonly skills: SkillRegistry
}

/** `/help` and its like: always acknowledged, never classified. */
export function commandHandler(deps: CommandDeps): RouterHandler {
  return {
    name: 'command',
    async handle(visit, next) {
      const { message, mended } = visit.turn
      // Somebody has decided already where it goes.
      if (mended?.target !== undefined) return next(visit)
      const text = mended?.asked ?? message.text
      const command = message.kind === MessageKind.TEXT ? parseRunnable(deps.skills, text) : undefined
      return command ? runCommand(deps, visit, command) : next(visit)
    },
  }
}

/** The command that a text is, if there is a skill for it. */
export function parseRunnable(skills: SkillRegistry, text: string): Command | undefined {
  const command = parseCommand(text)
  return command && skills.get(command.name) ? command : undefined
}

export async function runCommand(deps: CommandDeps, visit: Visit, { name, args }: Command): Promise<void> {
  const { endings, skills } = deps
  const { tenant, language, question, signal } = visit
  const handoff = name === 'human' ? firstHandoff(visit) : undefined
  if (handoff) return handOff(deps, visit, handoff, plainRoute('/human', 'handoff'))
  const turn = await endings.advance(visit.turn, 'answering', `command ${name}`)
  const context = { tenant, language, args, question, slots: {} }
  const answer = await skills.get(name)?.answer(turn, context, signal)
  await endings.answer(turn, answer?.text ?? '', plainRoute(`/${name}`, 'command'))
}
