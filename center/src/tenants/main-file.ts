import {
  type LanguageMap,
  MESSAGES,
  type MessageProblem,
  messageProblem,
  type TenantFile,
} from '@yizhan/intent'
import type { ReadCards } from './cards.js'
import type { ReadChannels } from './channels.js'
import { checkDocumentClasses } from './document-classes.js'
import { checkHandoffs, handoffsOf } from './handoffs.js'
import type { ReadIntent, ReadIntents } from './intents.js'
import { isTimezone, NO_TIMEZONE } from './opening-hours.js'
import { checkPrivacy, privacyOf } from './privacy.js'
import type { Problem, Told, Wording } from './problem.js'
import { LANGUAGE, TenantYaml } from './schema/index.js'
import { checkSentence, type Languages, sentenceOf } from './sentence.js'
import type { TenantSite } from './sites.js'
import type { Texts } from './tenant-files.js'
import { isMap, nearest, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

const MAIN = 'tenant.yaml'
const isTenant = schemaCheck(TenantYaml)
/** Of a list that the schema refuses as too long anyway. */
const MAX_LOOKED_AT = 50
const IS_LANGUAGE = new RegExp(LANGUAGE)

export interface MainFile {
  readonly document: YamlDocument
  /** Undefined if it does not fit. */
  readonly value: TenantYaml | undefined
}

/** Reads `tenant.yaml`; undefined if that is no YAML. */
export function readMain(texts: Texts, problems: Problem[]): MainFile | undefined {
  const text = texts.get(MAIN)
  if (!texts.has(MAIN)) problems.push({ file: MAIN, path: '', message: MISSING })
  const document = text === undefined ? undefined : parseYaml(MAIN, text, problems)
  if (!document) return undefined
  const { value } = document
  return { document, value: isTenant(document, [], value, problems) ? value : undefined }
}

/** Also of a file that is otherwise wrong, so that it does not hide what is wrong in the others. */
export function languagesOf(main: MainFile | undefined): Languages {
  const value = main?.document.value
  const languages: unknown = isMap(value) ? value.languages : undefined
  if (!Array.isArray(languages) || languages.length === 0) return undefined
  return languages.every((tag) => typeof tag === 'string' && IS_LANGUAGE.test(tag)) ? languages : undefined
}

/** The key's value, whatever it is. */
export function valueIn(main: MainFile | undefined, key: keyof TenantYaml): unknown {
  const value = main?.document.value
  return isMap(value) ? value[key] : undefined
}

/** What the schema cannot say of tenant.yaml. */
export function checkMain(
  { document }: MainFile,
  parts: { readonly intents: ReadIntents; readonly channels: ReadChannels },
  languages: Languages,
  told: Told,
): void {
  const value = isMap(document.value) ? document.value : {}
  const welcome = isMap(value.welcome) ? value.welcome : {}
  const messages = isMap(value.messages) ? value.messages : {}
  checkSentence(document, ['name'], value.name, languages, told)
  checkSentence(document, ['welcome', 'text'], welcome.text, languages, told)
  checkSentence(document, ['aiMark'], value.aiMark, languages, told)
  for (const [key, text] of Object.entries(messages)) {
    // In a language without own words the built-in ones are said: nothing is lacking.
    checkSentence(document, ['messages', key], text, languages, { ...told, warnings: [] })
  }
  checkMessages(document, messages, told.problems)
  if (typeof value.timezone === 'string' && !isTimezone(value.timezone)) {
    told.problems.push(document.misread(['timezone'], NO_TIMEZONE))
  }
  checkHandoffs(document, value.handoff, parts.channels, told)
  checkDocumentClasses(document, value.documentClasses, parts.channels, told)
  checkPrivacy(document, value.privacy, { channels: parts.channels, languages }, told)
  const suggest: unknown[] = Array.isArray(welcome.suggest) ? welcome.suggest : []
  for (const [i, id] of suggest.slice(0, MAX_LOOKED_AT).entries()) {
    const missing = typeof id === 'string' ? parts.intents.missing(id) : undefined
    if (missing) told.problems.push(document.misread(['welcome', 'suggest', i], missing))
  }
}

/** A tenant's own words for a built-in sentence: it must exist, and may name only what the edge fills in. */
function checkMessages(
  document: YamlDocument,
  messages: Readonly<Record<string, unknown>>,
  problems: Problem[],
): void {
  for (const [key, value] of Object.entries(messages)) {
    for (const text of isMap(value) ? Object.values(value) : [value]) {
      const problem = messageProblem(key, String(text))
      if (!problem) continue
      problems.push(document.at(['messages', key], messageWording(key, problem)))
      break
    }
  }
}

function messageWording(key: string, problem: MessageProblem): Wording {
  if (problem.unknown === 'placeholder') {
    return { en: `there is no {${problem.name}} in this sentence`, zh: `该语句没有 {${problem.name}}` }
  }
  const near = nearest(key, Object.keys(MESSAGES))
  return {
    en: `is not the key of a built-in sentence${near === undefined ? '' : `; did you mean ${near}?`}`,
    zh: `不是内置语句的键${near === undefined ? '' : `，是不是 ${near}？`}`,
  }
}

/** What edges get. */
export function compileFile(
  value: TenantYaml,
  {
    intents,
    cards,
    channels,
    sites,
  }: {
    readonly intents: ReadIntents
    readonly cards: ReadCards
    readonly channels: ReadChannels
    readonly sites: readonly TenantSite[]
  },
): TenantFile {
  const {
    tenant,
    languages,
    welcome,
    handoff,
    privacy,
    messages = {},
    operatingPoint = 'balanced',
    timezone,
  } = value
  const timezones = sites.flatMap(({ edge, timezone: own }) =>
    edge === undefined || own === undefined || own === timezone ? [] : [[edge, own] as const],
  )
  const said = (sentence: string | LanguageMap) => sentenceOf(sentence, languages)
  const title = (id: string) => questionsOf(intents.whole.get(id)?.asks ?? [], languages)
  return {
    format: 1,
    tenant,
    name: said(value.name),
    languages,
    operatingPoint,
    ...(timezone !== undefined && { timezone }),
    ...(timezones.length > 0 && { timezones: Object.fromEntries(timezones) }),
    ...(welcome && { welcome: { text: said(welcome.text), suggest: (welcome.suggest ?? []).map(title) } }),
    messages: Object.fromEntries(Object.entries(messages).map(([key, text]) => [key, said(text)])),
    intents: Object.fromEntries(
      [...intents.whole].map(([id, { reply, offline, slots }]: [string, ReadIntent]) => [
        id,
        {
          title: title(id),
          reply,
          ...(offline && { offline }),
          ...(slots && { slots: [...slots] }),
        },
      ]),
    ),
    ...(cards.whole.size > 0 && { cards: Object.fromEntries(cards.whole) }),
    ...(handoff && { handoffs: handoffsOf(handoff) }),
    ...(privacy && { privacy: privacyOf(privacy, languages, channels.channels) }),
  }
}

/** For each language the first example in its script, or the first at all. */
function questionsOf(asks: readonly string[], languages: readonly string[]): LanguageMap {
  const inScript = (language: string) => {
    const isChinese = language.startsWith('zh')
    return asks.find((ask) => /\p{Script=Han}/u.test(ask) === isChinese) ?? asks[0] ?? ''
  }
  return Object.fromEntries(languages.map((language) => [language, inScript(language)]))
}

const MISSING: Wording = { en: 'is missing; it names the tenant', zh: '缺少此文件；它说明租户是谁' }
