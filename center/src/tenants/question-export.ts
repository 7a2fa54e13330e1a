import type { TenantSource } from './source.js'
import { writeCsv } from './spreadsheet/index.js'

/** The questions and replies of a tenant as they stand in a spreadsheet. */
export interface QuestionsTable {
  /** The first names the columns. */
  readonly rows: readonly (readonly string[])[]
  /** Intents that do something else than reply with text; they stay in YAML. */
  readonly left: readonly string[]
}

/** One row for each question of an intent; the reply stands in its first. */
export function questionsTable({ file, examples }: Pick<TenantSource, 'file' | 'examples'>): QuestionsTable {
  const rows: string[][] = [['id', 'ask', ...file.languages.map((tag) => `reply.${tag}`)]]
  const left: string[] = []
  const asks = new Map<string, string[]>()
  for (const { text, intent } of examples) asks.set(intent, [...(asks.get(intent) ?? []), text])
  for (const [id, { reply, slots, offline }] of Object.entries(file.intents)) {
    if (reply.kind !== 'text' || slots || offline) {
      left.push(id)
      continue
    }
    for (const [nth, ask] of (asks.get(id) ?? []).entries()) {
      rows.push([id, ask, ...file.languages.map((tag) => (nth === 0 ? (reply.text[tag] ?? '') : ''))])
    }
  }
  return { rows, left }
}

/** As a CSV file that Excel takes as it is. */
export function questionsCsv({ rows }: QuestionsTable): Uint8Array {
  return Buffer.from(writeCsv(rows))
}

/** As an Excel file; every cell is text, whatever it looks like. */
export async function questionsXlsx({ rows }: QuestionsTable): Promise<Uint8Array> {
  // Only an export needs it.
  const { default: writeSheet } = await import('write-excel-file/node')
  const [head = [], ...body] = rows
  const cells = [
    head.map((value) => ({ value, type: String, fontWeight: 'bold' as const })),
    ...body.map((row) =>
      row.map((value) => (value === '' ? null : { value, type: String, format: '@', wrap: true })),
    ),
  ]
  const columns = head.map((_, nth) => ({ width: nth === 0 ? 20 : 48 }))
  return await writeSheet(cells, { sheet: 'questions', columns, stickyRowsCount: 1 }).toBuffer()
}
