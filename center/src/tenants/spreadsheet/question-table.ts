import type { LanguageMap } from '@yizhan/intent'
import type { Problem, Told, Wording } from '../problem.js'
import type { Question } from '../questions.js'
import { readHead } from './question-columns.js'
import { type Row, tableProblem } from './rows.js'

/** An intent of a spreadsheet: its rows together. */
export interface SheetIntent {
  readonly id: string
  readonly file: string
  readonly asks: readonly string[]
  readonly questions: readonly Question[]
  /** Undefined if something is wrong with it. */
  readonly reply: LanguageMap | undefined
  /** A problem at its first id. */
  at(message: Wording): Problem
}

export interface Sheets {
  readonly intents: readonly SheetIntent[]
  /** Files that could not be read. */
  readonly unread: number
}

interface Growing {
  readonly row: Row
  readonly questions: Question[]
  readonly reply: Map<string, { readonly text: string; readonly row: Row }>
  isWrong: boolean
}

/**
 * Reads `intents/*.csv` and the sheets of `intents/*.xlsx`: columns `id, ask, ask…, reply.LANGUAGE`. More rows of an id,
 * or rows without one below it, add questions. `tables`: rows by file, undefined if it could not be read.
 */
export function readQuestionTables(
  tables: ReadonlyMap<string, readonly Row[] | undefined>,
  languages: readonly string[] | undefined,
  told: Told,
): Sheets {
  const intents: SheetIntent[] = []
  let unread = 0
  for (const [file, rows] of tables) {
    const [head, ...body] = rows ?? []
    const columns = head && readHead(file, head, languages, told)
    if (rows && !head) told.problems.push({ file, path: '', message: NO_HEAD })
    if (!columns) {
      unread++
      continue
    }
    const found = new Map<string, Growing>()
    let current: string | undefined
    for (const row of body) current = readRow(file, row, columns, current, found, told)
    for (const [id, growing] of found) intents.push(intentOf(file, id, growing, columns.id, languages, told))
  }
  return { intents, unread }
}

/** Gives the id that the next row belongs to if it has none. */
function readRow(
  file: string,
  row: Row,
  columns: NonNullable<ReturnType<typeof readHead>>,
  above: string | undefined,
  found: Map<string, Growing>,
  told: Told,
): string | undefined {
  const tell = (nth: number, message: Wording) => told.problems.push(tableProblem(file, row, nth, message))
  const own = row.cells[columns.id] ?? ''
  const hasReply = [...columns.replies.keys()].some((nth) => (row.cells[nth] ?? '') !== '')
  const id = own === '' && !hasReply ? above : own
  if (id === undefined || id === '') {
    tell(columns.id, NO_ID)
    return above
  }
  const intent: Growing = found.get(id) ?? { row, questions: [], reply: new Map(), isWrong: false }
  found.set(id, intent)
  for (const [nth, cell] of row.cells.entries()) {
    if (cell === '' || nth === columns.id) continue
    const language = columns.replies.get(nth)
    if (language !== undefined) {
      const first = intent.reply.get(language)
      if (first === undefined) intent.reply.set(language, { text: cell, row })
      else if (first.text !== cell) {
        intent.isWrong = true
        tell(nth, otherReply(first.row.line))
      }
    } else if (columns.asks.has(nth)) {
      const at = (message: Wording) => tableProblem(file, row, nth, message)
      const lines = cell.split(/\r?\n/).map((line) => line.trim())
      for (const text of lines) if (text !== '') intent.questions.push({ text, intent: id, file, at })
    } else if (nth >= columns.count) {
      intent.isWrong = true
      tell(nth, BEYOND)
    }
  }
  return id
}

function intentOf(
  file: string,
  id: string,
  { row, questions, reply, isWrong }: Growing,
  idColumn: number,
  languages: readonly string[] | undefined,
  told: Told,
): SheetIntent {
  const at = (message: Wording) => ({ ...tableProblem(file, row, idColumn, message), path: id })
  if (questions.length === 0) told.problems.push(at(NO_QUESTION))
  if (reply.size === 0) told.problems.push(at(NO_REPLY))
  const said = Object.fromEntries([...reply].map(([tag, { text }]) => [tag, text]))
  const lacking = reply.size === 0 ? [] : (languages ?? []).filter((tag) => !reply.has(tag))
  // A single column “reply” is for every language.
  const isForAll =
    reply.size === 1 && lacking.length === (languages?.length ?? 0) - 1 && reply.has(languages?.[0] ?? '')
  if (lacking.length > 0 && !isForAll) told.warnings.push(at(lacks(lacking)))
  const isWhole = questions.length > 0 && reply.size > 0 && !isWrong
  return {
    id,
    file,
    asks: questions.map(({ text }) => text),
    questions,
    reply: isWhole ? said : undefined,
    at,
  }
}

function lacks(tags: readonly string[]): Wording {
  return { en: `has no reply in ${tags.join(', ')}`, zh: `缺少 ${tags.join('、')} 的回复` }
}

function otherReply(line: number): Wording {
  return {
    en: `is not the reply of row ${line}; leave it empty or write the same`,
    zh: `与第 ${line} 行的回复不同；请留空或写成一样`,
  }
}

const NO_HEAD: Wording = {
  en: 'is empty; its first row names the columns: id, ask, ask, reply.zh, reply.en',
  zh: '为空；第一行应为列名：id, ask, ask, reply.zh, reply.en',
}
const NO_ID: Wording = { en: 'needs the id of an intent', zh: '缺少意图 id' }
const NO_QUESTION: Wording = { en: 'has no question', zh: '没有问句' }
const NO_REPLY: Wording = {
  en: 'has no reply; intents that do something else than reply with text stand in YAML',
  zh: '没有回复；回复不是文本的意图请写在 YAML 中',
}
const BEYOND: Wording = { en: 'stands beyond the columns of the first row', zh: '超出了第一行的列数' }
