import { type IntentReply, type LanguageMap, OOS } from '@yizhan/intent'
import type { Problem, Wording } from './problem.js'
import { IntentYaml, type ReplyForms } from './schema.js'
import { foreignTag, foreignTags, type Languages, sentenceOf } from './sentence.js'
import type { Texts } from './tenant-files.js'
import { isMap, type Path, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

export interface ReadIntent {
  readonly asks: readonly string[]
  readonly reply: IntentReply
  readonly offline?: LanguageMap
}

/** A name in a reply that forwards. */
export interface KnowledgeUse {
  readonly name: string
  /** A problem at this name. */
  at(message: Wording): Problem
}

export interface ReadIntents {
  /** Those without a problem, by id. */
  readonly whole: ReadonlyMap<string, ReadIntent>
  /** Of all intents, also of those with a problem. */
  readonly uses: readonly KnowledgeUse[]
  /** False if no intent of this id stands anywhere; true for every id as long as some file cannot be read. */
  mayExist(id: string): boolean
}

/** Words of `a-z 0-9 - _` joined by dots. */
const INTENT_ID = /^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$/
const MAX_ID = 120

const isIntent = schemaCheck(IntentYaml)

/** Reads `intents/*.yaml`. */
export function readIntents(texts: Texts, languages: Languages, problems: Problem[]): ReadIntents {
  const whole = new Map<string, ReadIntent>()
  const uses: KnowledgeUse[] = []
  const firstFile = new Map<string, string>()
  let unread = 0
  for (const [file, text] of texts) {
    if (!file.startsWith('intents/')) continue
    const document = text === undefined ? undefined : parseYaml(file, text, problems)
    if (!document || !isMap(document.value)) {
      if (document) problems.push(document.misread([], NOT_INTENTS))
      unread++
      continue
    }
    for (const [id, value] of Object.entries(document.value)) {
      const wrong = wrongId(id, firstFile.get(id))
      if (wrong) problems.push(document.misread([id], wrong))
      if (!firstFile.has(id)) firstFile.set(id, file)
      uses.push(...usesIn(document, id, value))
      problems.push(...beyondSchema(document, id, value, languages))
      if (isIntent(document, [id], value, problems) && !wrong) whole.set(id, readIntent(value, languages))
    }
  }
  if (firstFile.size === 0 && unread === 0) problems.push({ file: 'intents', path: '', message: NONE })
  return { whole, uses, mayExist: (id) => unread > 0 || firstFile.has(id) }
}

function wrongId(id: string, firstFile: string | undefined): Wording | undefined {
  if (id === OOS) return RESERVED
  if (!INTENT_ID.test(id) || id.length > MAX_ID) return BAD_ID
  if (firstFile === undefined) return undefined
  return {
    en: `stands already in ${firstFile}; an intent has one place`,
    zh: `已在 ${firstFile} 中定义；一个意图只能写在一处`,
  }
}

/** What the schema cannot say. Looks at any value, so that what is wrong beside does not hide it. */
function beyondSchema(document: YamlDocument, id: string, value: unknown, languages: Languages): Problem[] {
  if (!isMap(value)) return []
  const { ask, reply, offline } = value
  const sentences: [Path, unknown][] = [
    [['reply'], reply],
    [['reply', 'text'], isMap(reply) ? reply.text : undefined],
    [['offline'], offline],
  ]
  const foreign = sentences.flatMap(([path, sentence]) =>
    foreignTags(sentence, languages).map((tag) => document.at([id, ...path, tag], foreignTag(languages))),
  )
  const isJoined = typeof ask === 'string' && document.isJoined([id, 'ask'])
  return isJoined ? [document.at([id, 'ask'], JOINED), ...foreign] : foreign
}

function usesIn(document: YamlDocument, id: string, value: unknown): KnowledgeUse[] {
  const reply = isMap(value) ? value.reply : undefined
  const forward = isMap(reply) ? reply.forward : undefined
  const names: unknown = isMap(forward) ? forward.knowledge : undefined
  if (!Array.isArray(names)) return []
  return names.flatMap((name: unknown, i) => {
    const at = (message: Wording) => document.at([id, 'reply', 'forward', 'knowledge', i], message)
    return typeof name === 'string' ? [{ name, at }] : []
  })
}

function readIntent({ ask, reply, offline }: IntentYaml, languages: Languages): ReadIntent {
  const asks = ask.split('\n').map((line) => line.trim())
  return {
    asks: asks.filter((line) => line !== ''),
    reply: replyOf(reply, languages),
    ...(offline === undefined ? {} : { offline: sentenceOf(offline, languages) }),
  }
}

function replyOf(reply: IntentYaml['reply'], languages: Languages): IntentReply {
  const text = (said: string | LanguageMap): IntentReply => ({
    kind: 'text',
    text: sentenceOf(said, languages),
  })
  if (typeof reply === 'string' || !isForms(reply)) return text(reply)
  if (reply.skill !== undefined) return { kind: 'skill', skill: reply.skill }
  if (reply.forward !== undefined) return { kind: 'forward', knowledge: reply.forward.knowledge }
  return text(reply.text ?? '')
}

/** The names of the forms are longer than a language, and the schema lets nothing stand beside one. */
function isForms(reply: ReplyForms | LanguageMap): reply is ReplyForms {
  return 'skill' in reply || 'forward' in reply || 'text' in reply
}

const NOT_INTENTS: Wording = {
  en: 'must map intent ids to intents, such as “it.vpn:” and below it ask and reply',
  zh: '应为意图 id 到意图的映射，例如“it.vpn:”及其下的 ask 和 reply',
}
const NONE: Wording = {
  en: 'holds no intent; a tenant needs at least one in intents/*.yaml',
  zh: '没有意图；至少要在 intents/*.yaml 中写一个',
}
const RESERVED: Wording = {
  en: `“${OOS}” is what no intent fits; choose another id`,
  zh: `“${OOS}”表示没有合适的意图，请换一个 id`,
}
const BAD_ID: Wording = {
  en: `must be an intent id: at most ${MAX_ID} of a-z, 0-9, - and _, words joined by dots, such as it.vpn`,
  zh: `应为意图 id：至多 ${MAX_ID} 个 a-z、0-9、-、_，用点连接，例如 it.vpn`,
}
const JOINED: Wording = {
  en: 'YAML joins these lines to one question; write “ask: |” and then one question a line',
  zh: 'YAML 会把这些行并成一句；请写“ask: |”，之后每行一句',
}
