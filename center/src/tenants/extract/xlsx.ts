import readSheets from 'read-excel-file/node'
import { cellName, MAX_COLUMNS, MAX_ROWS } from '../spreadsheet/rows.js'
import { formatsOf, shownNumber } from './number-format.js'
import { ExtractError, type ExtractedSheet, type TakenCell } from './port.js'
import { openZip } from './zip.js'

/** How a number stands in the file: `parseNumber` keeps it apart from text. */
class NumberCell {
  readonly written: string

  constructor(written: string) {
    this.written = written
  }
}

/** The first sheet that holds something. A formula is what it last came to; nothing is computed. */
export async function xlsxToSheet(bytes: Uint8Array): Promise<ExtractedSheet> {
  const zip = openZip(bytes)
  const sheets = await readSheets(Buffer.from(bytes), {
    parseNumber: (written) => new NumberCell(written),
    trim: true,
  }).catch(() => {
    throw new ExtractError('broken')
  })
  const [first, ...others] = sheets.filter(({ data }) =>
    data.some((row) => row.some((cell) => cell !== null)),
  )
  const data = first?.data ?? []
  if (data.length > MAX_ROWS || data.some((row) => row.length > MAX_COLUMNS))
    throw new ExtractError('too-large')
  const formatOf = formatsOf(zip, first?.sheet ?? '')
  const taken: TakenCell[] = []
  const rows = data.map((cells, row) =>
    cells.map((cell: unknown, column) => {
      if (cell === null) return ''
      if (typeof cell === 'string') return cell
      const shown = shownAs(cell, formatOf(cellName(row, column)))
      if (shown !== undefined) return shown
      const text = digitsOf(cell)
      taken.push({ row, column, text })
      return text
    }),
  )
  return { rows, taken, others: others.map(({ sheet }) => sheet) }
}

function shownAs(cell: unknown, format: string | undefined): string | undefined {
  if (cell instanceof NumberCell) return shownNumber(Number(cell.written), format)
  if (typeof cell === 'boolean') return String(cell).toUpperCase()
  if (cell instanceof Date && format?.toLowerCase() === 'yyyy-mm-dd') return digitsOf(cell)
  return undefined
}

function digitsOf(cell: unknown): string {
  if (cell instanceof NumberCell) {
    const number = Number(cell.written)
    return Number.isFinite(number) ? String(number) : cell.written
  }
  if (!(cell instanceof Date)) return String(cell)
  const iso = Number.isNaN(cell.getTime()) ? '' : cell.toISOString()
  return iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : iso.slice(0, 16).replace('T', ' ')
}
