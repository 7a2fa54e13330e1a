import type { MessageKey } from '@yizhan/intent'
import type { Turn } from '../ledger/index.js'
import { fitting, primaryOf } from '../tenants/index.js'
import { type MessageParams, say } from './catalogue.js'
import type { Skill, SkillContext } from './skill.js'

/** What the built-in skills do to the conversation of the turn that asks. */
export interface ConversationControl {
  isLinkUp(): boolean
  /** Questions of this asker that wait for the center, in order. */
  waiting(turn: Turn): readonly { readonly ticket: string; readonly place: number }[]
  /** Cancels what the asker has running or waiting here; how many. */
  cancel(turn: Turn): Promise<number>
  /** Closes what the asker is being asked; whether they were asked anything. */
  closeQuestion(turn: Turn): boolean
  /** Forgets what was said so far. */
  reset(turn: Turn): void
  setLanguage(turn: Turn, language: string): void
}

/** help, status, new, cancel, lang and human. */
export function builtInSkills(control: ConversationControl): Skill[] {
  return [
    skill('help', async (_turn, { tell }) => `${tell('help.intro', {})}\n${tell('help.commands', {})}`),
    skill('status', async (turn, { tell }) => {
      const tickets = control.waiting(turn).map((ticket) => tell('status.ticket', ticket))
      return [
        tell(control.isLinkUp() ? 'status.link-up' : 'status.link-down', {}),
        tickets.length > 0
          ? tell('status.waits', { tickets: tickets.join(', ') })
          : tell('status.nothing-waits', {}),
      ].join('\n')
    }),
    skill('new', async (turn, { tell }) => {
      control.reset(turn)
      return tell('new.done', {})
    }),
    skill('cancel', async (turn, { tell }) => {
      const wasAsked = control.closeQuestion(turn)
      const count = await control.cancel(turn)
      if (count === 0 && wasAsked) return tell('slots.cancelled', {})
      return count > 0 ? tell('cancel.done', { count }) : tell('cancel.nothing', {})
    }),
    skill('lang', async (turn, { tenant, tell, args }) => {
      const { languages } = tenant.file
      const language = args === '' ? undefined : fitting(NAMED.get(args) ?? args, languages)
      if (language === undefined) {
        return tell('lang.unknown', { languages: languages.join(', '), example: languages[0] ?? 'en' })
      }
      control.setLanguage(turn, language)
      return ['zh', 'en'].includes(primaryOf(language))
        ? say(tenant, language, 'lang.done', {})
        : say(tenant, language, 'lang.other', { language })
    }),
    skill('human', async (_turn, { tell }) => tell('human.none', {})),
  ]
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['中文', 'zh'],
  ['汉语', 'zh'],
  ['chinese', 'zh'],
  ['英文', 'en'],
  ['english', 'en'],
])

type Tell = <K extends MessageKey>(key: K, params: MessageParams<K>) => string

function skill(
  name: string,
  answer: (turn: Turn, context: SkillContext & { readonly tell: Tell }) => Promise<string>,
): Skill {
  return {
    name,
    async answer(turn, context) {
      const tell: Tell = (key, params) => say(context.tenant, context.language, key, params)
      return { text: await answer(turn, { ...context, tell }) }
    },
  }
}
