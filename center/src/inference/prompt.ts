import { defused, fenced, fencedText, newMark } from './fence.js'
import { type Language, languageOf } from './language.js'
import type { GenerateRequest, Passage } from './port.js'
import { ANSWER_TEMPLATE } from './prompt-template.js'

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** A conversation as a model is to see it. */
export interface Prompting {
  /** How the tenant's bot speaks. */
  readonly persona?: string | undefined
  /** The images come with it: they are not named as unseen. */
  readonly sees?: boolean
  /** For the fences; default: drawn anew. */
  readonly mark?: string
}

/**
 * The conversation for a chat model: how the tenant's bot speaks, the rules, what was said before in short, the latest
 * history, and the question after the fenced passages. The rules come after the persona, so that it cannot take them back.
 */
export function chatMessages(
  request: GenerateRequest,
  { persona, sees = false, mark = newMark() }: Prompting = {},
): ChatMessage[] {
  if (request.task !== undefined) {
    return [
      { role: 'system', content: request.task },
      { role: 'user', content: request.question },
    ]
  }
  const language = languageOf(request.locale, request.question)
  const rules = rulesFor(request, language)
  const { leftOut } = ANSWER_TEMPLATE.rules[language]
  const isCut = request.historyLeftOut === true && request.summary === undefined
  const system = [...(persona === undefined ? [] : [persona]), rules, ...(isCut ? [leftOut] : [])]
  const asked = [...unseen(request, language, sees), withDocuments(request, language, mark)].join('\n\n')
  const said = request.history.map(({ role, text }) => ({ role, content: defused(text) }))
  return [
    { role: 'system', content: system.join('\n\n') },
    ...withSummary(request, language, mark, [...said, { role: 'user', content: asked }]),
  ]
}

/** Before the first words of a person: what people said has no place among the rules, and roles go on taking turns. */
function withSummary(
  { summary }: GenerateRequest,
  language: Language,
  mark: string,
  [first, ...more]: readonly ChatMessage[],
): readonly ChatMessage[] {
  if (summary === undefined || first === undefined) return first ? [first, ...more] : more
  const before = `${ANSWER_TEMPLATE.rules[language].summary(mark)}\n${fencedText(summary, mark)}`
  return [{ ...first, content: `${before}\n\n${first.content}` }, ...more]
}

/**
 * A client's own messages with the rules before them and the fenced passages before the last question. The passages are
 * quoted; what the client writes is its own affair.
 */
export function groundedMessages(
  messages: readonly Readonly<Record<string, unknown>>[],
  request: GenerateRequest,
  mark?: string,
): Readonly<Record<string, unknown>>[] {
  const language = languageOf(request.locale, request.question)
  const rules = { role: 'system', content: rulesFor(request, language) }
  const last = messages.findLastIndex(({ role }) => role === 'user')
  const documents = documentsOf(request, language, mark)
  return [
    rules,
    ...messages.flatMap((message, at) =>
      at === last && documents !== '' ? [{ role: 'user', content: documents }, message] : [message],
    ),
  ]
}

function rulesFor({ passages, locale }: GenerateRequest, language: Language): string {
  const rules = ANSWER_TEMPLATE.rules[language]
  const text = passages.length > 0 ? rules.found : rules.none
  return `${text}${language === 'zh' ? '' : ' '}${rules.language(locale || language)}`
}

function withDocuments(request: GenerateRequest, language: Language, mark?: string): string {
  const documents = documentsOf(request, language, mark)
  const question = defused(request.question)
  return documents === ''
    ? question
    : `${documents}\n\n${ANSWER_TEMPLATE.rules[language].question}\n${question}`
}

/** So that a model does not make up what stands in them. */
function unseen({ images = [], unread = [] }: GenerateRequest, language: Language, sees: boolean): string[] {
  const names = [...unread, ...(sees ? [] : images.map(({ name }) => name))]
  return names.length === 0 ? [] : [ANSWER_TEMPLATE.rules[language].unread(namesIn(names))]
}

const MAX_NAME = 60
/** What would be read as markup, or as the end of what is named. */
const MARKUP = /[<>[\]`*|\\\p{Cc}]/gu

/** Names of files for a sentence, shortened and without markup. */
export function namesIn(names: readonly string[]): string {
  return names
    .map((name) =>
      [...defused(name).replace(MARKUP, ' ').replace(/\s+/gu, ' ').trim()].slice(0, MAX_NAME).join(''),
    )
    .map((name) => (name === '' ? '…' : name))
    .join(', ')
}

function documentsOf({ passages }: GenerateRequest, language: Language, mark = newMark()): string {
  if (passages.length === 0) return ''
  return `${ANSWER_TEMPLATE.rules[language].documents(mark)}\n${fenced(passages, mark)}`
}

/** The passages whose number the text gives, in order of number; all of them if it gives none. */
export function citedPassages(text: string, passages: readonly Passage[]): readonly Passage[] {
  const numbers = new Set<number>()
  for (const [, list = ''] of text.matchAll(/[[【]((?:\d{1,2}[\s,，、]*){1,20})[\]】]/g)) {
    for (const [number] of list.matchAll(/\d{1,2}/g)) numbers.add(Number(number))
  }
  const cited = passages.filter((_, index) => numbers.has(index + 1))
  return cited.length > 0 ? cited : passages
}
