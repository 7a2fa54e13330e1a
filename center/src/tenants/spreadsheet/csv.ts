import { CsvError, parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import type { Problem, Wording } from '../problem.js'
import { cellText, MAX_COLUMNS, MAX_ROWS, type Row, TOO_MANY } from './rows.js'

/** Spreadsheet programs run a cell that starts so. */
const FORMULA = /^'*[=+\-@\t\r]/
const GUARDED = /^'+[=+\-@\t\r]/

/** The rows of a CSV file with commas, semicolons or tabs; undefined after a problem. */
export function readCsv(file: string, text: string, problems: Problem[]): Row[] | undefined {
  try {
    const rows: Row[] = []
    let line = 1
    parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      relax_column_count: true,
      to: MAX_ROWS + 1,
      on_record(record: string[], { lines }) {
        rows.push({ line, cells: record.map((cell) => cellText(unguarded(cell))) })
        line = lines + 1
        return undefined
      },
    })
    if (rows.length <= MAX_ROWS && rows.every(({ cells }) => cells.length <= MAX_COLUMNS)) {
      return rows.filter(({ cells }) => cells.some((cell) => cell !== ''))
    }
    problems.push({ file, path: '', message: TOO_MANY })
  } catch (thrown) {
    if (!(thrown instanceof CsvError)) throw thrown
    const line = Number(thrown.lines)
    const place = Number.isInteger(line) && line > 0 ? { line } : {}
    problems.push({ file, path: '', ...place, message: MESSAGES[thrown.code] ?? NOT_CSV })
  }
  return undefined
}

/** In UTF-8 with a byte order mark, without which Excel takes it for another encoding. */
export function writeCsv(rows: readonly (readonly string[])[]): string {
  const guarded = rows.map((row) => row.map((cell) => (FORMULA.test(cell) ? `'${cell}` : cell)))
  return stringify(guarded, { bom: true, record_delimiter: '\r\n', quoted_match: /[\r\n]/ })
}

function unguarded(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(1) : cell
}

/** Excel writes semicolons where the comma is the decimal sign. */
function delimiterOf(text: string): string {
  const head = text.slice(0, text.search(/\r?\n|$/))
  const counts = [',', ';', '\t'].map((sign) => [sign, head.split(sign).length] as const)
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}

const MESSAGES: Readonly<Record<string, Wording>> = {
  CSV_QUOTE_NOT_CLOSED: { en: 'a quoted cell that begins here has no end', zh: '从这里开始的引号没有结束' },
  INVALID_OPENING_QUOTE: {
    en: 'a quote stands inside a cell; put the cell in quotes and double it: "a ""b"""',
    zh: '单元格内出现引号；请给整格加引号，内部引号写两遍："a ""b"""',
  },
  CSV_INVALID_CLOSING_QUOTE: {
    en: 'text follows a closing quote; double the quotes inside a cell: "a ""b"""',
    zh: '引号结束后还有文字；单元格内的引号请写两遍："a ""b"""',
  },
}
const NOT_CSV: Wording = { en: 'is not a CSV table', zh: '不是 CSV 表格' }
