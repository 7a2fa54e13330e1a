import { type IntentReply, type LanguageMap, OOS } from '@yizhan/intent'
import type { Problem, Wording } from './problem.js'
import { IntentYaml } from './schema.js'
import { foreignTag, foreignTags, type Languages, sentenceOf } from './sentence.js'
import type { Texts } from './tenant-files.js'
import { type Path, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

export interface ReadIntent {
  readonly asks: readonly string[]
  readonly reply: IntentReply
  readonly offline?: LanguageMap
  /** A problem at a path inside the intent. */
  at(path: Path, message: Wording): Problem
}

export interface ReadIntents {
  /** Those without a problem, by id. */
  readonly whole: ReadonlyMap<string, ReadIntent>
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
      const intent = readIntent(document, id, value, languages, problems)
      if (intent && !wrong) whole.set(id, intent)
    }
  }
  if (firstFile.size === 0 && unread === 0) problems.push({ file: 'intents', path: '', message: NONE })
  return { whole, mayExist: (id) => unread > 0 || firstFile.has(id) }
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

function readIntent(
  document: YamlDocument,
  id: string,
  value: unknown,
  languages: Languages,
  problems: Problem[],
): ReadIntent | undefined {
  if (!isIntent(document, [id], value, problems)) return undefined
  if (document.isJoined([id, 'ask'])) problems.push(document.at([id, 'ask'], JOINED))
  const reply = replyOf(value.reply, languages)
  const sentences: [Path, unknown][] = [
    [['offline'], value.offline],
    ...(reply.kind === 'text' ? [textOf(value.reply)] : []),
  ]
  for (const [path, sentence] of sentences) {
    for (const tag of foreignTags(sentence, languages)) {
      problems.push(document.at([id, ...path, tag], foreignTag(languages)))
    }
  }
  return {
    asks: value.ask
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
    reply,
    ...(value.offline === undefined ? {} : { offline: sentenceOf(value.offline, languages) }),
    at: (path, message) => document.at([id, ...path], message),
  }
}

function replyOf(reply: IntentYaml['reply'], languages: Languages): IntentReply {
  if (typeof reply === 'object') {
    if ('skill' in reply && reply.skill !== undefined) return { kind: 'skill', skill: reply.skill }
    if ('forward' in reply && typeof reply.forward === 'object') {
      return { kind: 'forward', knowledge: reply.forward.knowledge }
    }
  }
  const [, text] = textOf(reply)
  return { kind: 'text', text: sentenceOf(text, languages) }
}

/** The text of a reply that has one, and where it stands in the intent. */
function textOf(reply: IntentYaml['reply']): [Path, string | LanguageMap] {
  if (typeof reply === 'object' && 'text' in reply && reply.text !== undefined) {
    return [['reply', 'text'], reply.text]
  }
  return [['reply'], reply as string | LanguageMap]
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
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
