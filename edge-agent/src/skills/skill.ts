import { YizhanError } from '@yizhan/kernel'
import type { ReplyCard, Turn } from '../ledger/index.js'
import type { LiveTenant } from '../tenants/index.js'

export interface SkillContext {
  readonly tenant: LiveTenant
  /** The language to answer in. */
  readonly language: string
  /** What follows the command word; empty for an intent. */
  readonly args: string
  /** What is asked: the message's text, or the earlier question that it makes clear. */
  readonly question: string
  /** The values of the intent's slots. */
  readonly slots: Readonly<Record<string, string>>
}

export interface SkillAnswer {
  /** Says everything by itself, for channels without cards and buttons. */
  readonly text: string
  readonly card?: ReplyCard
  /** Buttons that say `text`. */
  readonly choices?: readonly { readonly label: string; readonly text: string }[]
}

/** Code that answers an intent or a command at the edge. */
export interface Skill {
  readonly name: string
  answer(turn: Turn, context: SkillContext, signal: AbortSignal): Promise<SkillAnswer>
}

/** Skills by name. */
export class SkillRegistry {
  readonly #skills = new Map<string, Skill>()

  constructor(skills: readonly Skill[] = []) {
    for (const skill of skills) this.add(skill)
  }

  /** `already_exists` if the name is taken: nothing replaces a skill by accident. */
  add(skill: Skill): void {
    if (this.#skills.has(skill.name)) {
      throw new YizhanError('already_exists', `there is a skill ${skill.name} already`)
    }
    this.#skills.set(skill.name, skill)
  }

  get(name: string): Skill | undefined {
    return this.#skills.get(name)
  }
}
