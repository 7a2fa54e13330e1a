import type { Problem, Wording } from '../problem.js'

/** A row of a spreadsheet; rows without any text are left out. */
export interface Row {
  /** From 1: of a CSV file the line on which the row starts, of a sheet its number. */
  readonly line: number
  /** Trimmed. */
  readonly cells: readonly string[]
  /** Of a sheet: places have names such as B7. */
  readonly isSheet?: boolean
}

/** Trimmed, with one kind of line end. */
export function cellText(cell: string): string {
  return cell.replace(/\r\n?/g, '\n').trim()
}

/** A problem in the nth cell (from 0) of a row. */
export function tableProblem(file: string, row: Row, nth: number, message: Wording): Problem {
  const place = { line: row.line, column: nth + 1 }
  return { file, path: '', ...place, ...(row.isSheet && { cell: cellName(row.line - 1, nth) }), message }
}

/** The name of a cell such as B7; both from 0. */
export function cellName(row: number, column: number): string {
  let name = ''
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    name = String.fromCharCode(65 + ((rest - 1) % 26)) + name
  }
  return `${name}${row + 1}`
}

/** A row or cell beyond these is not read. */
export const MAX_ROWS = 100_000
export const MAX_COLUMNS = 200

export const TOO_MANY: Wording = {
  en: `has more than ${MAX_ROWS} rows or ${MAX_COLUMNS} columns`,
  zh: `超过 ${MAX_ROWS} 行或 ${MAX_COLUMNS} 列`,
}
