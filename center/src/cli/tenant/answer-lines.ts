import type { IntentReply, LanguageMap, TenantFile } from '@yizhan/intent'
import { type CliIo, type CliText, oneLine } from '@yizhan/kernel'
import type { Way } from '../../tenants/index.js'

type Intent = TenantFile['intents'][string]

/** Who answers a sentence, and what: what is asked for first, then a text as it is written, or what stands for it. */
export function answerLines(
  io: CliIo,
  say: string,
  by: Way,
  intent: Intent | undefined,
  languages: readonly string[],
): string[] {
  const who = io.say(WAYS[by])
  if (!intent || by === 'ask-back') return [who]
  const { reply, slots = [] } = intent
  const asked = slots.map(({ name }) => name).join(', ')
  const first = asked && io.say({ en: `, and asks first for ${asked}`, zh: `，并先询问 ${asked}` })
  const [line = '', ...more] = replyText(io, reply, say, languages).split('\n').map(oneLine)
  return [`${who}${first}${io.say({ en: ': ', zh: '：' })}${line}`, ...more.map((one) => `  ${one}`)]
}

function replyText(io: CliIo, reply: IntentReply, say: string, languages: readonly string[]): string {
  const named = (kind: CliText, name: string) => `${io.say(kind)} ${name}`.trim()
  switch (reply.kind) {
    case 'text':
      return inLanguageOf(say, reply.text, languages)
    case 'card':
      return named({ en: 'card', zh: '卡片' }, reply.card)
    case 'skill':
      return named({ en: 'skill', zh: '技能' }, reply.skill)
    case 'handoff':
      return named({ en: 'hand-off', zh: '转人工' }, reply.handoff)
    case 'forward':
      return named({ en: 'knowledge', zh: '知识库' }, reply.knowledge.join(', '))
    default:
      return reply satisfies never
  }
}

/** As an asker gets it whose sentence is all that is known of a language: in that of its letters, else in the default one. */
function inLanguageOf(say: string, text: LanguageMap, languages: readonly string[]): string {
  const primary = /\p{Script=Han}/u.test(say) ? 'zh' : 'en'
  const fitting = languages.filter((tag) => tag.toLowerCase().split('-')[0] === primary)
  const tag = [...fitting, ...languages].find((one) => Object.hasOwn(text, one))
  return (tag === undefined ? undefined : text[tag]) ?? Object.values(text)[0] ?? ''
}

const WAYS: Readonly<Record<Way, CliText>> = {
  edge: { en: 'the edge answers', zh: '由边缘节点回答' },
  center: { en: 'the center answers', zh: '转到中心回答' },
  'ask-back': { en: 'the edge asks which one is meant', zh: '边缘节点反问是哪一个' },
}
