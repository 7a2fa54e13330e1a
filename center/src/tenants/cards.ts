import type { Card, CardButton } from '@yizhan/intent'
import type { ReadIntents } from './intents.js'
import type { Told, Wording } from './problem.js'
import { type ButtonYaml, CardYaml, NAME } from './schema/index.js'
import { checkSentence, type Languages, sentenceOf } from './sentence.js'
import type { Texts } from './tenant-files.js'
import { isMap, nearest, type Path, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

export interface ReadCards {
  /** Those without a problem, by name. */
  readonly whole: ReadonlyMap<string, Card>
  /** What is wrong with the name of a card, undefined if a file has it. */
  missing(name: string): Wording | undefined
}

const isCard = schemaCheck(CardYaml)
const IS_NAME = new RegExp(NAME)
/** Of a list that the schema refuses as too long anyway. */
const MAX_LOOKED_AT = 50
const ACTIONS = ['intent', 'command', 'say', 'url'] as const
const COMMANDS = ['/help', '/status', '/new', '/cancel', '/lang', '/human']

/** Reads `cards/*.yaml`, one card a file. */
export function readCards(texts: Texts, intents: ReadIntents, languages: Languages, told: Told): ReadCards {
  const whole = new Map<string, Card>()
  const names = new Set<string>()
  for (const [file, text] of texts) {
    const name = /^cards\/([^/]+)\.yaml$/.exec(file)?.[1]
    if (name === undefined) continue
    names.add(name)
    if (!IS_NAME.test(name)) told.problems.push({ file, path: '', message: BAD_NAME })
    const document = text === undefined ? undefined : parseYaml(file, text, told.problems)
    if (!document) continue
    const { value } = document
    checkBeyondSchema(document, intents, languages, told)
    if (isCard(document, [], value, told.problems)) whole.set(name, cardOf(value, languages))
  }
  const used = new Set(intents.uses.flatMap(({ kind, name }) => (kind === 'card' ? [name] : [])))
  for (const name of names) {
    if (!used.has(name)) told.warnings.push({ file: `cards/${name}.yaml`, path: '', message: UNUSED })
  }
  return { whole, missing: (name) => (names.has(name) ? undefined : noCard(name, names)) }
}

function checkBeyondSchema(
  document: YamlDocument,
  intents: ReadIntents,
  languages: Languages,
  told: Told,
): void {
  const value = isMap(document.value) ? document.value : {}
  const check = (path: Path, sentence: unknown) => checkSentence(document, path, sentence, languages, told)
  check(['title'], value.title)
  check(['text'], value.text)
  for (const [i, fact] of entriesOf(value.facts)) {
    check(['facts', i, 'name'], fact.name)
    check(['facts', i, 'value'], fact.value)
  }
  for (const [i, button] of entriesOf(value.buttons)) {
    const path = ['buttons', i]
    check([...path, 'label'], button.label)
    check([...path, 'say'], button.say)
    const actions = ACTIONS.filter((action) => action in button)
    if (actions.length !== 1) told.problems.push(document.at(path, oneAction(actions)))
    const { intent, command } = button
    const missing = typeof intent === 'string' ? intents.missing(intent) : undefined
    if (missing) told.problems.push(document.misread([...path, 'intent'], missing))
    if (typeof command === 'string' && !COMMANDS.includes(command.split(' ')[0] ?? '')) {
      told.warnings.push(document.at([...path, 'command'], UNKNOWN_COMMAND))
    }
  }
}

function entriesOf(list: unknown): [number, Readonly<Record<string, unknown>>][] {
  const entries: unknown[] = Array.isArray(list) ? list : []
  return entries
    .slice(0, MAX_LOOKED_AT)
    .flatMap((entry, i): [number, Readonly<Record<string, unknown>>][] => (isMap(entry) ? [[i, entry]] : []))
}

function cardOf({ title, text, facts = [], buttons = [] }: CardYaml, languages: Languages): Card {
  return {
    title: sentenceOf(title, languages),
    ...(text !== undefined && { text: sentenceOf(text, languages) }),
    facts: facts.map(({ name, value }) => ({
      name: sentenceOf(name, languages),
      value: sentenceOf(value, languages),
    })),
    buttons: buttons.map((button) => buttonOf(button, languages)),
  }
}

function buttonOf({ label, say, ...rest }: ButtonYaml, languages: Languages): CardButton {
  return {
    ...rest,
    label: sentenceOf(label, languages),
    ...(say !== undefined && { say: sentenceOf(say, languages) }),
  }
}

function oneAction(actions: readonly string[]): Wording {
  const has = actions.length === 0 ? '' : ` (${actions.join(', ')})`
  return {
    en: `needs exactly one of ${ACTIONS.join(', ')}${has === '' ? '' : `, not ${actions.length}${has}`}`,
    zh: `应恰好有 ${ACTIONS.join('、')} 之一${has === '' ? '' : `，而不是 ${actions.length} 个（${actions.join('、')}）`}`,
  }
}

function noCard(name: string, names: Iterable<string>): Wording {
  const near = nearest(name, names)
  return {
    en: `there is no cards/${name}.yaml${near === undefined ? '' : `; did you mean ${near}?`}`,
    zh: `没有 cards/${name}.yaml${near === undefined ? '' : `，是不是 ${near}？`}`,
  }
}

const BAD_NAME: Wording = {
  en: 'the name of a card is its file name: at most 63 of a-z, 0-9 and -',
  zh: '卡片的名称即文件名：至多 63 个字符，仅含 a-z、0-9 和 -',
}
const UNUSED: Wording = { en: 'no intent shows this card', zh: '没有意图使用这张卡片' }
const UNKNOWN_COMMAND: Wording = {
  en: `is no command of the chat (${COMMANDS.join(', ')})`,
  zh: `不是聊天指令（${COMMANDS.join('、')}）`,
}
