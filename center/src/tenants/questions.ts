import { exactKey, normalise } from '@yizhan/intent'
import { type Problem, problemPlace, type Told, type Wording } from './problem.js'

/** A question of an intent, and where it stands. */
export interface Question {
  readonly text: string
  readonly intent: string
  readonly file: string
  at(message: Wording): Problem
}

const NOWHERE: Wording = { en: '', zh: '' }

/** Tells questions that stand in two intents, which no model can tell apart by them, and warns of those that stand twice in one. */
export function checkQuestions(questions: readonly Question[], told: Told): void {
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
