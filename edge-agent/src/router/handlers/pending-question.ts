import { toYizhanError } from '@yizhan/kernel'
import { MessageKind } from '@yizhan/proto'
import type { OpenCard, OpenQuestion } from '../../ledger/index.js'
import { type SkillRegistry, say } from '../../skills/index.js'
import { bareAnswer } from '../../slots/index.js'
import type { ConversationMemory } from '../conversation-memory.js'
import type { Forms } from '../forms.js'
import { typicalQuestion } from '../pressed-intent.js'
import type { Understanding } from '../understanding.js'
import { plainRoute, type RouterHandler, type Visit } from '../visit.js'
import { type CommandDeps, parseRunnable, runCommand } from './command.js'
import { buttonNamed, chosenBy } from './named-option.js'

export interface PendingQuestionDeps extends CommandDeps {
  readonly memory: ConversationMemory
  readonly forms: Forms
  readonly skills: SkillRegistry
  readonly understanding: Pick<Understanding, 'surely'>
}

type Next = (visit: Visit) => Promise<void>

/**
 * Takes a text as the answer to what is open for its asker: a question back, the buttons of a card, a form. Anything
 * else closes it and is a question of its own.
 */
export function pendingQuestionHandler(deps: PendingQuestionDeps): RouterHandler {
  const { memory } = deps
  return {
    name: 'pending-question',
    async handle(visit, next) {
      const { turn } = visit
      // One that was started again answers nothing that was asked meanwhile.
      if (turn.message.kind !== MessageKind.TEXT || turn.mended) return next(visit)
      const asked = memory.takePending(turn)
      if (!asked) return next(visit)
      try {
        if (memory.hasLapsed(asked)) await tooLate(deps, visit, asked.question, next)
        else await answer(deps, visit, asked.question, next)
      } catch (thrown) {
        // The turn is run again once there is room, and means the same then.
        if (toYizhanError(thrown).code === 'disk_full') memory.putBack(turn, asked)
        throw thrown
      }
    },
  }
}

const STOP: ReadonlySet<string> = new Set([
  ...['取消', '算了', '不用了', '停止', '退出'],
  ...['cancel', 'never mind', 'nevermind', 'stop', 'quit', 'forget it'],
])

async function answer(
  deps: PendingQuestionDeps,
  visit: Visit,
  pending: OpenQuestion,
  next: Next,
): Promise<void> {
  const { text } = visit.turn.message
  const { language } = pending
  if (pending.kind !== 'card' && STOP.has(bareAnswer(text))) return stop(deps, visit, language)
  switch (pending.kind) {
    case 'choice': {
      const choice = chosenBy(text, pending)
      if (choice === undefined) return next(visit)
      const { question } = pending
      if (choice === 'neither') return next({ ...visit, language, question })
      return next({ ...visit, language, question, chosen: choice.intent })
    }
    case 'card': {
      const button = buttonNamed(text, pending.buttons)
      if (!button) return next(visit)
      return press(deps, { ...visit, language }, button, next)
    }
    case 'form':
      return deps.forms.take(visit, pending, next)
    default:
      return pending satisfies never
  }
}

/** An answer after its time: nobody is left to guess what "明天" is about, and nothing is handed in on a guess. */
async function tooLate(
  deps: PendingQuestionDeps,
  visit: Visit,
  asked: OpenQuestion,
  next: Next,
): Promise<void> {
  const { turn, tenant } = visit
  if (asked.kind === 'card') return next(visit)
  const answers =
    asked.kind === 'choice'
      ? chosenBy(turn.message.text, asked) !== undefined
      : deps.forms.wouldTake(visit, asked)
  if (!answers || (await deps.understanding.surely(visit, visit.signal)) !== undefined) return next(visit)
  const answering = await deps.endings.advance(turn, 'answering', 'question lapsed')
  const { question, language } = asked
  const text = say(tenant, language, 'slots.lapsed', { question })
  const choices = [{ label: question, text: question }]
  await deps.endings.answer(answering, text, plainRoute('lapsed', 'slots'), { choices })
}

async function stop({ endings }: PendingQuestionDeps, visit: Visit, language: string): Promise<void> {
  const turn = await endings.advance(visit.turn, 'answering', 'question closed')
  const text = say(visit.tenant, language, 'slots.cancelled', {})
  await endings.answer(turn, text, plainRoute('cancel', 'command'))
}

/** A button by its number: the same as a press on a channel that shows it. */
async function press(
  deps: PendingQuestionDeps,
  visit: Visit,
  { label, does }: OpenCard['buttons'][number],
  next: Next,
): Promise<void> {
  if (does.kind === 'say') return next({ ...visit, question: does.text })
  if (does.kind === 'url') {
    const turn = await deps.endings.advance(visit.turn, 'answering', 'card')
    return deps.endings.answer(turn, `${label}: ${does.url}`, plainRoute('card', 'card'))
  }
  const command = parseRunnable(deps.skills, does.action)
  if (command) return runCommand(deps, visit, command)
  // Taken out of the tenant meanwhile: the text is a question of its own.
  const { file } = visit.tenant
  if (!Object.hasOwn(file.intents, does.action)) return next(visit)
  const question = typicalQuestion(file, does.action, visit.language)
  return next({ ...visit, question, chosen: does.action })
}
