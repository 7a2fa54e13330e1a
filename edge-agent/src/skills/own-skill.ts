import { type Logger, YizhanError } from '@yizhan/kernel'
import type { Turn } from '../ledger/index.js'
import type { Skill, SkillContext } from './skill.js'
import { readAnswer } from './skill-answer.js'

/** What a file of `skills.dir` exports by default; `docs/reference/skills.md`. */
export interface OwnSkill {
  readonly name: string
  readonly answer: (question: OwnQuestion, context: OwnContext, signal: AbortSignal) => unknown
}

export interface OwnQuestion {
  readonly text: string
  /** What the platform says of the asker's language; may be empty. */
  readonly locale: string
  readonly sender: { readonly id: string; readonly name: string; readonly department: string }
  readonly tenant: string
  readonly conversation: string
}

export interface OwnContext {
  /** The language to answer in. */
  readonly language: string
  readonly slots: Readonly<Record<string, string>>
  readonly args: string
  /** Writes a line to the agent's log. */
  readonly log: (text: string) => void
}

const MAX_LOG_CHARS = 500

/** A skill of one's own as the router knows skills: whatever goes wrong in it ends its own turn as `internal`. */
export function adapted(own: OwnSkill, log: Logger): Skill {
  const { name } = own
  return {
    name,
    async answer(turn, context, signal) {
      const returned = await called(own, turn, context, signal, log)
      return readAnswer(name, returned)
    },
  }
}

async function called(
  own: OwnSkill,
  turn: Turn,
  context: SkillContext,
  signal: AbortSignal,
  log: Logger,
): Promise<unknown> {
  try {
    return await own.answer(questionOf(turn, context), contextOf(own.name, turn, context, log), signal)
  } catch (thrown) {
    signal.throwIfAborted()
    // Not as it came: what a skill throws must not pass for an error of the agent, such as a full disk.
    throw new YizhanError('internal', `skill ${own.name} failed: ${messageOf(thrown)}`, { cause: thrown })
  }
}

function questionOf({ tenant, message }: Turn, { question }: SkillContext): OwnQuestion {
  const { id = '', name = '', department = '' } = message.sender ?? {}
  return Object.freeze({
    text: question,
    locale: message.locale,
    sender: Object.freeze({ id, name, department }),
    tenant,
    conversation: message.conversationId,
  })
}

function contextOf(
  name: string,
  turn: Turn,
  { language, slots, args }: SkillContext,
  log: Logger,
): OwnContext {
  return Object.freeze({
    language,
    slots: Object.freeze({ ...slots }),
    args,
    log: (text: string) => log.info({ skill: name, turnId: turn.id }, String(text).slice(0, MAX_LOG_CHARS)),
  })
}

/** Anything can be thrown, also what has no text. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message
  return typeof thrown === 'string' ? thrown : `threw ${typeof thrown}`
}
