import type { Card, Slot } from '@yizhan/intent'
import type { Told, Wording } from './problem.js'
import type { Use } from './reply.js'
import type { SlotYaml } from './schema/index.js'
import { checkSentence, type Languages, sentenceOf } from './sentence.js'
import { isMap, nearest, type Path, type YamlDocument } from './yaml/index.js'

/** The slots in the order of the file. */
export function slotsOf(slots: Readonly<Record<string, SlotYaml>>, languages: Languages): Slot[] {
  return Object.entries(slots).map(([name, { type, ask, options, names }]) => ({
    name,
    type,
    ask: sentenceOf(ask, languages),
    ...(options && {
      options: Object.entries(options).map(([value, label]) => ({
        value,
        label: sentenceOf(label, languages),
      })),
    }),
    ...(names && { names: Object.entries(names).map(([value, also]) => ({ value, also })) }),
  }))
}

/** What the schema cannot say of an intent's slots; `intent` is any value. */
export function checkSlots(
  document: YamlDocument,
  id: string,
  intent: Readonly<Record<string, unknown>>,
  languages: Languages,
  told: Told,
): void {
  const slots = isMap(intent.slots) ? intent.slots : {}
  for (const [name, slot] of Object.entries(slots)) {
    if (!isMap(slot)) continue
    const path = [id, 'slots', name]
    checkSentence(document, [...path, 'ask'], slot.ask, languages, told)
    const { options } = slot
    if (slot.type === 'choice' && options === undefined) {
      told.problems.push(document.at(path, NEEDS_OPTIONS))
    }
    if (slot.type === 'name' && slot.names === undefined) {
      told.problems.push(document.at(path, NEEDS_NAMES))
    }
    if (slot.type !== 'name' && slot.names !== undefined) {
      told.problems.push(document.at([...path, 'names'], NO_NAMES))
    }
    if (options === undefined) continue
    if (slot.type !== 'choice') told.problems.push(document.at([...path, 'options'], NO_OPTIONS))
    if (!isMap(options)) continue
    for (const [value, label] of Object.entries(options)) {
      checkSentence(document, [...path, 'options', value], label, languages, told)
    }
  }
}

/** Braces around a word; those of JSON and the like are what they are. */
const PLACEHOLDER = /\{([^{}\s"':,;=<>()]+)\}/gu

/** In an intent with slots, `{name}` in the text of its reply must be one of them. */
export function checkPlaceholders(
  document: YamlDocument,
  id: string,
  intent: Readonly<Record<string, unknown>>,
  told: Told,
): void {
  if (!isMap(intent.slots)) return
  const names = Object.keys(intent.slots)
  for (const [path, text] of textsOf(intent.reply)) {
    for (const name of strangersIn([text], names)) {
      told.problems.push(document.at([id, 'reply', ...path], noSlot(name, names)))
    }
  }
}

/** The same in what the card of such an intent says; a card that several intents show is looked at for each. */
export function checkCardPlaceholders(use: Use, slots: readonly Slot[], card: Card, told: Told): void {
  const names = slots.map(({ name }) => name)
  const facts = card.facts.flatMap(({ name, value }) => [name, value])
  const texts = [card.title, card.text, ...facts].flatMap((map) => Object.values(map ?? {}))
  for (const name of strangersIn(texts, names)) {
    const { en, zh } = noSlot(name, names)
    told.problems.push(use.at({ en: `the card has {${name}}: ${en}`, zh: `卡片中有 {${name}}：${zh}` }))
  }
}

function strangersIn(texts: readonly string[], names: readonly string[]): Set<string> {
  const found = texts.flatMap((text) => [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name))
  return new Set(found.filter((name) => !names.includes(name)))
}

/** The texts of a reply with their paths in it. */
function textsOf(reply: unknown): [Path, string][] {
  if (typeof reply === 'string') return [[[], reply]]
  if (!isMap(reply)) return []
  const deeper = textsOf(reply.text).map(([path, text]): [Path, string] => [['text', ...path], text])
  const own = Object.entries(reply).flatMap(([tag, text]): [Path, string][] =>
    typeof text === 'string' && /^[a-z]{2}(-|$)/.test(tag) ? [[[tag], text]] : [],
  )
  return [...own, ...deeper]
}

function noSlot(name: string, names: readonly string[]): Wording {
  const near = nearest(name, names)
  return {
    en: `there is no slot ${name}${near === undefined ? '' : `; did you mean {${near}}?`}`,
    zh: `没有名为 ${name} 的槽位${near === undefined ? '' : `，是不是 {${near}}？`}`,
  }
}

const NEEDS_OPTIONS: Wording = {
  en: 'a choice needs “options”, such as {annual: {zh: 年假, en: annual leave}}',
  zh: 'choice 需要“options”，例如 {annual: {zh: 年假, en: annual leave}}',
}
const NEEDS_NAMES: Wording = {
  en: 'a name needs “names”, such as {Beijing: [北京, Peking]}',
  zh: 'name 需要“names”，例如 {北京: [帝都, Beijing]}',
}
const NO_NAMES: Wording = {
  en: 'only a slot of type name has names',
  zh: '只有类型为 name 的槽位才有 names',
}
const NO_OPTIONS: Wording = {
  en: 'only a slot of type choice has options',
  zh: '只有类型为 choice 的槽位才有 options',
}
