import { asEdgeId, isName } from '@yizhan/kernel'
import { isTimezone, NO_TIMEZONE } from './opening-hours.js'
import type { Told, Wording } from './problem.js'
import { A_NAME } from './schema/index.js'
import { type Row, readCsv, tableProblem } from './spreadsheet/index.js'
import type { Texts } from './tenant-files.js'
import { nearest } from './yaml/index.js'

/** A branch of the tenant. */
export interface TenantSite {
  readonly site: string
  readonly name?: string
  readonly edge?: string
  readonly timezone?: string
  readonly address?: string
}

export interface ReadSites {
  readonly sites: readonly TenantSite[]
  /** False without sites.csv, and while it has a problem. */
  readonly isRead: boolean
}

const FILE = 'sites.csv'
const MAX_SITES = 10_000
const COLUMNS = ['site', 'name', 'edge', 'timezone', 'address'] as const
type Column = (typeof COLUMNS)[number]
const CHINESE: Readonly<Record<string, Column>> = {
  网点: 'site',
  站点: 'site',
  名称: 'name',
  边缘: 'edge',
  时区: 'timezone',
  地址: 'address',
}

/** Reads `sites.csv`. */
export function readSites(texts: Texts, told: Told): ReadSites {
  const none: ReadSites = { sites: [], isRead: false }
  const text = texts.get(FILE)
  if (text === undefined) return none
  const before = told.problems.length
  const [head, ...rows] = readCsv(FILE, text, told.problems) ?? []
  if (!head) {
    if (told.problems.length === before) told.problems.push({ file: FILE, path: '', message: NO_HEAD })
    return none
  }
  const columns = columnsOf(head, told)
  const sites: TenantSite[] = []
  const seen = new Map<string, number>()
  for (const row of rows.slice(0, MAX_SITES)) {
    const site = siteIn(row, columns, seen, told)
    if (site) sites.push(site)
  }
  if (rows.length > MAX_SITES) told.problems.push({ file: FILE, path: '', message: TOO_MANY })
  return { sites, isRead: told.problems.length === before }
}

function columnsOf(head: Row, told: Told): (Column | undefined)[] {
  const columns = head.cells.map((cell, i): Column | undefined => {
    const name = cell.toLowerCase()
    const column = COLUMNS.find((known) => known === name) ?? CHINESE[name]
    if (column === undefined) told.problems.push(tableProblem(FILE, head, i, unknownColumn(name)))
    return column
  })
  if (!columns.includes('site')) told.problems.push(tableProblem(FILE, head, 0, NO_SITE_COLUMN))
  return columns
}

function siteIn(
  row: Row,
  columns: readonly (Column | undefined)[],
  seen: Map<string, number>,
  told: Told,
): TenantSite | undefined {
  const found: Partial<Record<Column, string>> = {}
  const tell = (i: number, message: Wording) => told.problems.push(tableProblem(FILE, row, i, message))
  for (const [i, text] of row.cells.entries()) {
    const column = columns[i]
    if (text === '') continue
    if (column === undefined) {
      if (i >= columns.length) tell(i, BEYOND)
      continue
    }
    found[column] = text
    if (column === 'edge' && !asEdgeId(text)) tell(i, BAD_NAME)
    if (column === 'timezone' && !isTimezone(text)) tell(i, NO_TIMEZONE)
  }
  const { site } = found
  const at = Math.max(0, columns.indexOf('site'))
  if (!columns.includes('site')) return undefined
  if (site === undefined || !isName(site)) {
    tell(at, site === undefined ? NO_SITE : BAD_NAME)
    return undefined
  }
  const first = seen.get(site)
  if (first !== undefined) tell(at, twice(site, first))
  seen.set(site, first ?? row.line)
  return { ...found, site }
}

function unknownColumn(name: string): Wording {
  const near = nearest(name, COLUMNS)
  return {
    en: `unknown column${near === undefined ? '' : ` (did you mean ${near}?)`}; known: ${COLUMNS.join(', ')}`,
    zh: `未知的列${near === undefined ? '' : `（是不是 ${near}？）`}；可用：${COLUMNS.join('、')}`,
  }
}

function twice(site: string, line: number): Wording {
  return { en: `${site} stands already in line ${line}`, zh: `${site} 已在第 ${line} 行中` }
}

const NO_HEAD: Wording = {
  en: `is empty; its first line names the columns: ${COLUMNS.join(',')}`,
  zh: `为空；第一行应为列名：${COLUMNS.join(',')}`,
}
const NO_SITE_COLUMN: Wording = { en: 'needs a column site', zh: '缺少 site 列' }
const NO_SITE: Wording = { en: 'needs a site', zh: '缺少 site' }
const BAD_NAME: Wording = { en: `must be ${A_NAME.en}`, zh: `应为${A_NAME.zh}` }
const BEYOND: Wording = { en: 'stands beyond the columns of the first line', zh: '超出了第一行的列数' }
const TOO_MANY: Wording = { en: `has more than ${MAX_SITES} sites`, zh: `超过 ${MAX_SITES} 个网点` }
