import type { IntentReply, LanguageMap } from '@yizhan/intent'
import type { Problem, Wording } from './problem.js'
import { type IntentYaml, REPLY_FORMS, type ReplyForms } from './schema/index.js'
import { type Languages, sentenceOf } from './sentence.js'
import { isMap, type Path, type YamlDocument } from './yaml/index.js'

/** A name in a reply that must be defined elsewhere. */
export interface Use {
  readonly kind: 'knowledge' | 'card' | 'handoff'
  readonly name: string
  /** The intent whose reply it is. */
  readonly intent: string
  /** A problem at this name. */
  at(message: Wording): Problem
}

export function usesIn(document: YamlDocument, id: string, value: unknown): Use[] {
  const reply = isMap(value) ? value.reply : undefined
  if (!isMap(reply)) return []
  const use = (kind: Use['kind'], name: unknown, path: Path): Use[] => {
    const at = (message: Wording) => document.misread([id, 'reply', ...path], message)
    return typeof name === 'string' ? [{ kind, name, intent: id, at }] : []
  }
  const knowledge: unknown = isMap(reply.forward) ? reply.forward.knowledge : undefined
  const names: unknown[] = Array.isArray(knowledge) ? knowledge : []
  return [
    ...names.flatMap((name, i) => use('knowledge', name, ['forward', 'knowledge', i])),
    ...use('card', reply.card, ['card']),
    ...use('handoff', reply.handoff, ['handoff']),
  ]
}

export function replyOf(reply: IntentYaml['reply'], languages: Languages): IntentReply {
  const text = (said: string | LanguageMap): IntentReply => ({
    kind: 'text',
    text: sentenceOf(said, languages),
  })
  if (typeof reply === 'string' || !formsOf(reply)) return text(reply)
  if (reply.card !== undefined) return { kind: 'card', card: reply.card }
  if (reply.skill !== undefined) return { kind: 'skill', skill: reply.skill }
  if (reply.forward !== undefined) return { kind: 'forward', knowledge: reply.forward.knowledge }
  if (reply.handoff !== undefined) return { kind: 'handoff', handoff: reply.handoff }
  return text(reply.text ?? '')
}

/** Whether a reply names a form; their names are longer than a language, and the schema lets nothing stand beside one. */
export function formsOf(reply: unknown): reply is ReplyForms {
  return isMap(reply) && REPLY_FORMS.some((form) => form in reply)
}
