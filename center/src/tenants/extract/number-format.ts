import type { Zip } from './zip.js'

/** Formats that a sheet names by number only; the other numbers are dates in the form of some country. */
const BUILT_IN: Readonly<Record<string, string>> = {
  '0': 'General',
  '1': '0',
  '2': '0.00',
  '3': '#,##0',
  '4': '#,##0.00',
  '9': '0%',
  '10': '0.00%',
  '49': '@',
}

/** The number format of a cell such as `B7`, undefined if that is not known. */
export type FormatOf = (cell: string) => string | undefined

/** Reads which cell of a sheet has which format. A library that reads the values does not tell. */
export function formatsOf(zip: Zip, sheet: string): FormatOf {
  const xml = zip.text(sheetPath(zip, sheet)) ?? ''
  const styles = zip.text('xl/styles.xml') ?? ''
  const own = new Map(
    elements(styles, 'numFmt').map((tag) => [attribute(tag, 'numFmtId'), attribute(tag, 'formatCode')]),
  )
  const cellStyles = /<cellXfs\b[^>]*>(.*?)<\/cellXfs>/s.exec(styles)?.[1] ?? ''
  const codes = elements(cellStyles, 'xf').map((tag) => {
    const id = attribute(tag, 'numFmtId') ?? '0'
    return own.get(id) ?? BUILT_IN[id]
  })
  const styleOf = new Map(elements(xml, 'c').map((tag) => [attribute(tag, 'r'), attribute(tag, 's') ?? '0']))
  return (cell) => {
    const style = styleOf.get(cell)
    return style === undefined ? undefined : codes.length === 0 ? 'General' : codes[Number(style)]
  }
}

function sheetPath(zip: Zip, name: string): string {
  const workbook = zip.text('xl/workbook.xml') ?? ''
  const tag = elements(workbook, 'sheet').find((sheet) => attribute(sheet, 'name') === name) ?? ''
  const id = attribute(tag, 'r:id')
  const relations = elements(zip.text('xl/_rels/workbook.xml.rels') ?? '', 'Relationship')
  const relation = relations.find((found) => attribute(found, 'Id') === id)
  const target = (relation && attribute(relation, 'Target')) ?? ''
  return target.startsWith('/') ? target.slice(1) : `xl/${target}`
}

/** Opening tags of this name. The values themselves are read by a real parser; here a miss means “not known”. */
function elements(xml: string, name: string): string[] {
  return xml.match(new RegExp(`<${name}(?=[\\s/>])[^>]{0,2000}>`, 'g')) ?? []
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value
    ?.replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
}

const PLAIN = /^(#,##)?(0+)(?:\.(0+))?(%)?$/
/** General shows more digits in another form. */
const MAX_DIGITS = 11

/** The number as the format shows it; undefined if this format is not one of the simple ones. */
export function shownNumber(value: number, format: string | undefined): string | undefined {
  if (format === 'General' || format === '@') {
    const text = String(value)
    return text.replace(/\D/g, '').length <= MAX_DIGITS && !text.includes('e') ? text : undefined
  }
  const code = PLAIN.exec(format ?? '')
  if (!code) return undefined
  const [, thousands, whole = '', decimals = '', percent = ''] = code
  const fixed = Math.abs(percent === '' ? value : value * 100).toFixed(decimals.length)
  const [integer = '', rest] = fixed.split('.')
  const padded = integer.padStart(whole.length, '0')
  const grouped = thousands === undefined ? padded : padded.replace(/\B(?=(\d{3})+$)/g, ',')
  return `${value < 0 ? '-' : ''}${grouped}${rest === undefined ? '' : `.${rest}`}${percent}`
}
