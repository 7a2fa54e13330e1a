import readSheets from 'read-excel-file/node'
import { ExtractError, type ExtractedSheet, type TakenCell } from './port.js'
import { checkZip } from './zip.js'

/** How a number stands in the file: `parseNumber` keeps it apart from text. */
class NumberCell {
  readonly written: string

  constructor(written: string) {
    this.written = written
  }
}

/** The first sheet that holds something. A formula is what it last came to; nothing is computed. */
export async function xlsxToSheet(bytes: Uint8Array): Promise<ExtractedSheet> {
  checkZip(bytes)
  const sheets = await readSheets(Buffer.from(bytes), {
    parseNumber: (written) => new NumberCell(written),
    trim: true,
  }).catch(() => {
    throw new ExtractError('broken')
  })
  const [first, ...others] = sheets.filter(({ data }) =>
    data.some((row) => row.some((cell) => cell !== null)),
  )
  const taken: TakenCell[] = []
  const rows = (first?.data ?? []).map((cells, row) =>
    cells.map((cell: unknown, column) => {
      if (cell === null) return ''
      if (typeof cell === 'string') return cell
      const text = textOf(cell)
      taken.push({ row, column, text })
      return text
    }),
  )
  return { rows, taken, others: others.map(({ sheet }) => sheet) }
}

function textOf(cell: unknown): string {
  if (cell instanceof NumberCell) {
    const number = Number(cell.written)
    return Number.isFinite(number) ? String(number) : cell.written
  }
  if (!(cell instanceof Date)) return String(cell).toUpperCase()
  const iso = Number.isNaN(cell.getTime()) ? '' : cell.toISOString()
  return iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : iso.slice(0, 16).replace('T', ' ')
}
