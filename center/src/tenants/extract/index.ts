import type { Told, Wording } from '../problem.js'
import { cellText, type Row, readCsv, tableProblem } from '../spreadsheet/index.js'
import type { Contents } from '../tenant-files.js'
import { Extractor } from './extractor.js'
import type { ExtractMemory } from './memory.js'
import { type ExtractedSheet, type ExtractFailure, type ExtractJob, MAX_PAGES } from './port.js'

export { Extractor } from './extractor.js'
export { ExtractMemory } from './memory.js'
export type { ExtractFailure } from './port.js'

/** What stands in the files that are no plain text. */
export interface Extracted {
  /** Rows of the spreadsheets with questions, by file; undefined after a problem. */
  readonly tables: ReadonlyMap<string, readonly Row[] | undefined>
  /** Text of the documents, by file. */
  readonly documents: ReadonlyMap<string, string>
}

export interface ReadOptions {
  /** Without it every document is extracted anew. */
  readonly memory?: ExtractMemory
  /** Ends the process that extracts at once. */
  readonly signal?: AbortSignal
}

/** Of all documents together; their files and this are stored in one batch. */
const MAX_ALL_TEXT = 6 * 1024 * 1024
const KIND = /\.(html|pdf|docx|xlsx)$/

/** Reads spreadsheets and documents; what cannot be read becomes a problem of its file. */
export async function extractFiles(
  { texts, binaries }: Contents,
  { memory, signal }: ReadOptions,
  told: Told,
): Promise<Extracted> {
  const tables = new Map<string, readonly Row[] | undefined>()
  const documents = new Map<string, string>()
  const extractor = new Extractor()
  let bytes = 0
  try {
    for (const [file, content] of [...texts, ...binaries]) {
      if (/^intents\/.*\.csv$/.test(file)) {
        tables.set(file, typeof content === 'string' ? readCsv(file, content, told.problems) : undefined)
        continue
      }
      const job = jobOf(file, content)
      if (!job) {
        if (file.endsWith('.xlsx')) tables.set(file, undefined)
        continue
      }
      signal?.throwIfAborted()
      const known = memory?.get(job)
      const outcome = known === undefined ? await extractor.extract(job, signal) : { text: known }
      if ('text' in outcome && known === undefined) memory?.set(job, outcome.text)
      if ('sheet' in outcome) tables.set(file, rowsOf(file, outcome.sheet, told))
      else if ('text' in outcome) {
        bytes += Buffer.byteLength(outcome.text)
        if (bytes > MAX_ALL_TEXT) told.problems.push({ file, path: '', message: TOO_MUCH_TEXT })
        else documents.set(file, outcome.text)
      } else {
        told.problems.push({ file, path: '', message: failureWording(outcome.failure, job.kind) })
        if (job.kind === 'xlsx') tables.set(file, undefined)
      }
    }
  } finally {
    extractor.close()
  }
  return { tables, documents }
}

function jobOf(file: string, content: string | Uint8Array | undefined): ExtractJob | undefined {
  const kind = KIND.exec(file)?.[1] as ExtractJob['kind'] | undefined
  if (kind === undefined || content === undefined) return undefined
  return { kind, bytes: typeof content === 'string' ? Buffer.from(content) : content }
}

function rowsOf(file: string, { rows, taken, others }: ExtractedSheet, told: Told): Row[] {
  const row = (cells: readonly string[], nth: number): Row => ({
    line: nth + 1,
    cells: cells.map(cellText),
    isSheet: true,
  })
  for (const { row: nth, column, text } of taken) {
    told.warnings.push(tableProblem(file, row([], nth), column, takenAs(text)))
  }
  if (others.length > 0) told.warnings.push({ file, path: '', message: moreSheets(others) })
  return rows.map(row).filter(({ cells }) => cells.some((cell) => cell !== ''))
}

/** Why a file of this kind could not be read, to stand behind its name. */
export function failureWording(failure: ExtractFailure, kind: ExtractJob['kind']): Wording {
  const name = NAMES[kind]
  const messages: Readonly<Record<ExtractFailure, Wording>> = {
    broken: { en: `is damaged or is no ${name} file`, zh: `已损坏，或不是 ${name} 文件` },
    encrypted: {
      en: `has a password or an old format; save it without one as ${name}`,
      zh: `有密码或为旧格式；请去掉密码并另存为 ${name}`,
    },
    'no-font': {
      en: 'has text in a font that is not in the file; save it with its fonts, or as Word (docx)',
      zh: '部分文字所用的字体不在文件中，无法读取；请嵌入字体后另存，或另存为 Word（docx）',
    },
    'no-text': {
      en: kind === 'pdf' ? 'holds no text; is it a scan? Run it through OCR first' : 'holds no text',
      zh: kind === 'pdf' ? '没有文字；是扫描件吗？请先做文字识别（OCR）' : '没有文字',
    },
    'too-large': { en: 'holds too much; split it', zh: '内容过多，请拆分' },
    'too-many-pages': {
      en: `has more than ${MAX_PAGES} pages; split it`,
      zh: `超过 ${MAX_PAGES} 页，请拆分`,
    },
    'too-slow': { en: 'takes too long to read', zh: '读取时间过长' },
    'too-much-memory': { en: 'takes too much memory to read', zh: '读取占用内存过多' },
  }
  return messages[failure]
}

const NAMES: Readonly<Record<ExtractJob['kind'], string>> = {
  html: 'HTML',
  pdf: 'PDF',
  docx: 'Word (docx)',
  xlsx: 'Excel (xlsx)',
}

function takenAs(text: string): Wording {
  return {
    en: `is no text in the sheet and was taken as “${text}”; format the cell as text if it shows something else`,
    zh: `在表中不是文本，已按“${text}”读取；如与所见不同，请将单元格设为文本`,
  }
}

function moreSheets(names: readonly string[]): Wording {
  return {
    en: `only the first sheet is read, not ${names.join(', ')}`,
    zh: `只读取第一个工作表，不读取 ${names.join('、')}`,
  }
}

const TOO_MUCH_TEXT: Wording = {
  en: 'the documents together hold more than 6 MiB of text',
  zh: '所有文档的文字合计超过 6 MiB',
}
