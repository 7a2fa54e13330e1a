import { exactKey, normalise } from '@yizhan/intent'
import { type Problem, problemPlace, type Told, type Wording } from './problem.js'
import type { Languages } from './sentence.js'

/** A question of an intent, and where it stands. */
export interface Question {
  readonly text: string
  readonly intent: string
  readonly file: string
  at(message: Wording): Problem
}

/** With fewer the model hardly knows an intent. */
const FEW = 3
const NOWHERE: Wording = { en: '', zh: '' }

/**
 * Tells questions that stand in two intents, which no model can tell apart by them. Warns of those that stand twice in
 * one, and of intents that the model will hardly know.
 */
export function checkQuestions(questions: readonly Question[], languages: Languages, told: Told): void {
  checkEach(questions, told)
  const byIntent = new Map<string, Question[]>()
  for (const question of questions) {
    const others = byIntent.get(question.intent)
    if (others) others.push(question)
    else byIntent.set(question.intent, [question])
  }
  for (const asked of byIntent.values()) {
    const [first] = asked
    if (!first) continue
    if (asked.length < FEW) told.warnings.push(first.at(few(asked.length)))
    for (const language of languages ?? []) {
      if (!asked.some(({ text }) => mayBeIn(language, text))) told.warnings.push(first.at(noneIn(language)))
    }
  }
}

/** Scripts tell Chinese from English; other languages are not told apart. */
function mayBeIn(language: string, text: string): boolean {
  const isChinese = /\p{Script=Han}/u.test(text)
  if (language.startsWith('zh')) return isChinese
  return !language.startsWith('en') || !isChinese
}

function checkEach(questions: readonly Question[], told: Told): void {
  const first = new Map<string, Question>()
  for (const question of questions) {
    const key = exactKey(normalise(question.text))
    if (key === undefined) {
      told.warnings.push(question.at(NO_WORD))
      continue
    }
    const other = first.get(key)
    if (!other) first.set(key, question)
    else if (other.intent === question.intent) told.warnings.push(question.at(again(question, other)))
    else told.problems.push(question.at(ofTwo(question, other)))
  }
}

function few(count: number): Wording {
  return {
    en: `the intent has ${count} ${count === 1 ? 'question' : 'questions'}; from ${FEW} on it is recognised more surely`,
    zh: `该意图只有 ${count} 个问句；至少 ${FEW} 个才较容易识别`,
  }
}

function noneIn(language: string): Wording {
  return { en: `the intent has no question in ${language}`, zh: `该意图没有 ${language} 的问句` }
}

function again({ text }: Question, other: Question): Wording {
  const place = problemPlace(other.at(NOWHERE))
  return {
    en: `“${shown(text)}” stands already at ${place}`,
    zh: `“${shown(text)}”已写在 ${place}`,
  }
}

function ofTwo({ text }: Question, other: Question): Wording {
  const place = problemPlace(other.at(NOWHERE))
  return {
    en: `“${shown(text)}” is also a question of ${other.intent} (${place}); keep it in one of them`,
    zh: `“${shown(text)}”也是 ${other.intent} 的问句（${place}）；只保留一处`,
  }
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

const NO_WORD: Wording = { en: 'this question holds no word', zh: '这个问句没有文字' }
