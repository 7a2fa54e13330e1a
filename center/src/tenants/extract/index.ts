import type { Told } from '../problem.js'
import { type Row, readCsv } from '../spreadsheet/index.js'
import type { Contents } from '../tenant-files.js'

/** What stands in the files that are no plain text. */
export interface Extracted {
  /** Rows of the spreadsheets with questions, by file; undefined after a problem. */
  readonly tables: ReadonlyMap<string, readonly Row[] | undefined>
  /** Text of the documents, by file. */
  readonly documents: ReadonlyMap<string, string>
}

export async function extractFiles({ texts }: Contents, told: Told): Promise<Extracted> {
  const tables = new Map<string, readonly Row[] | undefined>()
  for (const [file, text] of texts) {
    if (!/^intents\/.*\.csv$/.test(file)) continue
    tables.set(file, text === undefined ? undefined : readCsv(file, text, told.problems))
  }
  return { tables, documents: new Map() }
}
