// Letters that take two columns on a terminal: CJK, kana, hangul, full-width forms and emoji.
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/gu
const INVISIBLE = /\p{Mn}|\p{Cf}/gu
// They would move a terminal's cursor or change its title.
const CONTROL = /\p{Cc}/gu

/** Rows as text with aligned columns and a head in capitals; undefined and null show as `-`. */
export function formatTable(
  rows: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
): string {
  const cells = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((row) => columns.map((c) => show(row[c]))),
  ]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => width(line[i] ?? ''))))
  const lines = cells.map((line) =>
    line
      .map((cell, i) => pad(cell, widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return lines.join('\n')
}

function show(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-'
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.replace(CONTROL, ' ')
}

function width(text: string): number {
  const seen = text.replace(INVISIBLE, '')
  return [...seen].length + (seen.match(WIDE)?.length ?? 0)
}

function pad(text: string, to: number): string {
  return text + ' '.repeat(to - width(text))
}
