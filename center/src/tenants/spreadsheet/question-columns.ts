import type { Told, Wording } from '../problem.js'
import { nearest } from '../yaml/index.js'
import { type Row, tableProblem } from './rows.js'

/** Which column (from 0) holds what. */
export interface QuestionColumns {
  readonly id: number
  readonly asks: ReadonlySet<number>
  /** Column → language. */
  readonly replies: ReadonlyMap<number, string>
  readonly count: number
}

const ID = /^(id|intent|编号|意图|意图id)$/
const ASK = /^(ask|question|问句|问法|问题)[\s._-]*\d*$/
const REPLY = /^(reply|answer|回复|答复|回答)(?:[\s._-]*[(（]?([a-z]{2}(?:-[a-z0-9]+)*|中文|英文)[)）]?)?$/i
const NAMED: Readonly<Record<string, string>> = { 中文: 'zh', 英文: 'en' }

/** Reads the first row; undefined after a problem. */
export function readHead(
  file: string,
  head: Row,
  languages: readonly string[] | undefined,
  told: Told,
): QuestionColumns | undefined {
  const before = told.problems.length
  const tell = (nth: number, message: Wording) => told.problems.push(tableProblem(file, head, nth, message))
  const ids: number[] = []
  const asks = new Set<number>()
  const replies = new Map<number, string>()
  for (const [nth, cell] of head.cells.entries()) {
    const name = cell.normalize('NFKC').trim()
    const reply = REPLY.exec(name)
    if (ID.test(name.toLowerCase())) ids.push(nth)
    else if (ASK.test(name.toLowerCase())) asks.add(nth)
    else if (reply) {
      const tag = NAMED[reply[2] ?? ''] ?? reply[2] ?? languages?.[0] ?? 'en'
      // An author's capitals do not matter: reply.ZH is reply.zh.
      const language = languages?.find((known) => known.toLowerCase() === tag.toLowerCase()) ?? tag
      if (languages && !languages.includes(language)) tell(nth, notSpoken(language, languages))
      if ([...replies.values()].includes(language)) tell(nth, TWICE)
      replies.set(nth, language)
    } else if (name !== '') tell(nth, unknown(name))
  }
  const [id = 0, second] = ids
  if (second !== undefined) tell(second, TWICE)
  const lacking = [
    ...(ids.length === 0 ? ['id'] : []),
    ...(asks.size === 0 ? ['ask'] : []),
    ...(replies.size === 0 ? ['reply.zh'] : []),
  ]
  for (const name of lacking) tell(0, { en: `needs a column ${name}`, zh: `缺少 ${name} 列` })
  return told.problems.length === before ? { id, asks, replies, count: head.cells.length } : undefined
}

function unknown(name: string): Wording {
  const near = nearest(name, ['id', 'ask', 'reply.zh', 'reply.en', 'reply'])
  return {
    en: `unknown column${near === undefined ? '' : ` (did you mean ${near}?)`}; known: id, ask, reply, reply.zh, reply.en`,
    zh: `未知的列${near === undefined ? '' : `（是不是 ${near}？）`}；可用：id、ask、reply、reply.zh、reply.en`,
  }
}

function notSpoken(tag: string, languages: readonly string[]): Wording {
  return {
    en: `${tag} is not one of the languages in tenant.yaml (${languages.join(', ')})`,
    zh: `${tag} 不在 tenant.yaml 的 languages 中（${languages.join('、')}）`,
  }
}

const TWICE: Wording = { en: 'this column stands here twice', zh: '这一列出现了两次' }
