import { type IntentReply, type LanguageMap, OOS, type Slot } from '@yizhan/intent'
import { hiddenCharacter } from './hidden.js'
import type { Told, Wording } from './problem.js'
import type { Question } from './questions.js'
import { formsOf, replyOf, type Use, usesIn } from './reply.js'
import { IntentYaml } from './schema/index.js'
import { checkSentence, type Languages, sentenceOf } from './sentence.js'
import { checkPlaceholders, checkSlots, slotsOf } from './slots.js'
import type { SheetIntent } from './spreadsheet/index.js'
import type { Texts } from './tenant-files.js'
import { isMap, nearest, type Path, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

export interface ReadIntent {
  readonly asks: readonly string[]
  readonly reply: IntentReply
  readonly offline?: LanguageMap
  readonly slots?: readonly Slot[]
}

export interface ReadIntents {
  /** Those without a problem, by id. */
  readonly whole: ReadonlyMap<string, ReadIntent>
  /** Of all intents, also of those with a problem. */
  readonly uses: readonly Use[]
  readonly questions: readonly Question[]
  /** What is wrong with the name of an intent; undefined for every name as long as some file cannot be read. */
  missing(id: string): Wording | undefined
}

/** Words of `a-z 0-9 - _` joined by dots. */
const INTENT_ID = /^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$/
const MAX_ID = 120

const isIntent = schemaCheck(IntentYaml)
const PARTS: ReadonlySet<string> = new Set(Object.keys(IntentYaml.properties))

/** Reads `intents/*.yaml`, and takes in what the spreadsheets beside them hold. */
export function readIntents(
  texts: Texts,
  sheets: { readonly intents: readonly SheetIntent[]; readonly unread: number },
  languages: Languages,
  told: Told,
): ReadIntents {
  const { problems } = told
  const whole = new Map<string, ReadIntent>()
  const uses: Use[] = []
  const questions: Question[] = []
  const firstFile = new Map<string, string>()
  let { unread } = sheets
  for (const [file, text] of texts) {
    if (!/^intents\/.*\.yaml$/.test(file)) continue
    const document = text === undefined ? undefined : parseYaml(file, text, problems)
    if (!document || !isMap(document.value)) {
      if (document) problems.push(document.misread([], NOT_INTENTS))
      unread++
      continue
    }
    for (const [id, value] of Object.entries(document.value)) {
      const wrong = isOutdented(id, value) ? OUTDENTED : wrongId(id, firstFile.get(id))
      if (wrong) problems.push(document.misread([id], wrong))
      if (!firstFile.has(id)) firstFile.set(id, file)
      uses.push(...usesIn(document, id, value))
      checkBeyondSchema(document, id, value, languages, told)
      if (!wrong) questions.push(...questionsIn(document, file, id, value, told))
      if (wrong === OUTDENTED) continue
      if (isIntent(document, [id], value, problems) && !wrong) whole.set(id, readIntent(value, languages))
    }
  }
  for (const { id, asks, reply, file, at, questions: asked } of sheets.intents) {
    const wrong = wrongId(id, firstFile.get(id))
    if (wrong) problems.push(at(wrong))
    if (!firstFile.has(id)) firstFile.set(id, file)
    if (!wrong) questions.push(...asked)
    if (!wrong && reply) whole.set(id, { asks, reply: { kind: 'text', text: reply } })
  }
  if (firstFile.size === 0 && unread === 0) problems.push({ file: 'intents', path: '', message: NONE })
  return {
    whole,
    uses,
    questions,
    missing: (id) => (unread > 0 || firstFile.has(id) ? undefined : noIntent(id, firstFile.keys())),
  }
}

/** A part of an intent that stands where an intent should. */
function isOutdented(id: string, value: unknown): boolean {
  return PARTS.has(id) && !(isMap(value) && 'ask' in value)
}

/** What is wrong with an id, undefined if nothing. */
function wrongId(id: string, firstFile: string | undefined): Wording | undefined {
  if (id === OOS) return RESERVED
  if (!INTENT_ID.test(id) || id.length > MAX_ID) return hiddenCharacter(id) ?? BAD_ID
  if (firstFile === undefined) return undefined
  return {
    en: `stands already in ${firstFile}; an intent has one place`,
    zh: `已在 ${firstFile} 中定义；一个意图只能写在一处`,
  }
}

/** What the schema cannot say. Looks at any value, so that what is wrong beside does not hide it. */
function checkBeyondSchema(
  document: YamlDocument,
  id: string,
  value: unknown,
  languages: Languages,
  told: Told,
): void {
  if (!isMap(value)) return
  const { ask, reply, offline } = value
  if (typeof ask === 'string' && document.isJoined([id, 'ask'])) {
    told.problems.push(document.at([id, 'ask'], JOINED))
  }
  const sentences: [Path, unknown][] = [
    [['reply'], formsOf(reply) ? undefined : reply],
    [['reply', 'text'], isMap(reply) ? reply.text : undefined],
    [['offline'], offline],
  ]
  for (const [path, sentence] of sentences) {
    checkSentence(document, [id, ...path], sentence, languages, told)
  }
  checkSlots(document, id, value, languages, told)
  checkPlaceholders(document, id, value, told)
}

/** The questions with their places; tells those that look like entries of a list. */
function questionsIn(
  document: YamlDocument,
  file: string,
  id: string,
  value: unknown,
  told: Told,
): Question[] {
  const ask = isMap(value) ? value.ask : undefined
  if (typeof ask !== 'string') return []
  const path = [id, 'ask']
  return ask.split('\n').flatMap((line, nth): Question[] => {
    const text = line.trim()
    const at = (message: Wording) => document.atLine(path, nth, message)
    if (/^[-－•]\s/.test(text)) told.warnings.push(at(BULLET))
    return text === '' ? [] : [{ text, intent: id, file, at }]
  })
}

function readIntent({ ask, reply, offline, slots }: IntentYaml, languages: Languages): ReadIntent {
  const asks = ask.split('\n').map((line) => line.trim())
  return {
    asks: asks.filter((line) => line !== ''),
    reply: replyOf(reply, languages),
    ...(offline === undefined ? {} : { offline: sentenceOf(offline, languages) }),
    ...(slots === undefined ? {} : { slots: slotsOf(slots, languages) }),
  }
}

/** What a name of no intent is told; with the one that is nearest. */
export function noIntent(id: string, ids: Iterable<string>): Wording {
  const near = nearest(id, ids)
  return {
    en: `there is no intent named ${id}${near === undefined ? '' : `; did you mean ${near}?`}`,
    zh: `没有名为 ${id} 的意图${near === undefined ? '' : `，是不是 ${near}？`}`,
  }
}

const NOT_INTENTS: Wording = {
  en: 'must map intent ids to intents, such as “it.vpn:” and below it ask and reply',
  zh: '应为意图 id 到意图的映射，例如“it.vpn:”及其下的 ask 和 reply',
}
const NONE: Wording = {
  en: 'holds no intent; a tenant needs at least one in intents/',
  zh: '没有意图；至少要在 intents/ 中写一个',
}
const RESERVED: Wording = {
  en: `“${OOS}” is what no intent fits; choose another id`,
  zh: `“${OOS}”表示没有合适的意图，请换一个 id`,
}
const OUTDENTED: Wording = {
  en: 'belongs to an intent: put it below an id such as “it.vpn:” and indent it',
  zh: '属于某个意图：请放到“it.vpn:”之类的 id 之下并缩进',
}
const BAD_ID: Wording = {
  en: `must be an intent id: at most ${MAX_ID} of a-z, 0-9, - and _, words joined by dots, such as it.vpn`,
  zh: `应为意图 id：至多 ${MAX_ID} 个 a-z、0-9、-、_，用点连接，例如 it.vpn`,
}
const JOINED: Wording = {
  en: 'YAML joins these lines to one question; write “ask: |” and then one question a line',
  zh: 'YAML 会把这些行并成一句；请写“ask: |”，之后每行一句',
}
const BULLET: Wording = {
  en: 'the “-” becomes part of the question; in a block every line is a question already',
  zh: '“-”会成为问句的一部分；块中每行本来就是一个问句',
}
