import { parseJson } from '@yizhan/kernel'
import { type ExtractFailure, Extractor, failureWording } from '../tenants/extract/index.js'
import type { Wording } from '../tenants/problem.js'

/** A document of a source. */
export interface SourceDocument {
  /** Among those of its source; missing where it is the only one. */
  readonly id?: string
  readonly title: string
  /** Markdown or plain text. */
  readonly text: string
}

export type ReadSource =
  | {
      readonly documents: readonly SourceDocument[]
      /** Rows that hold no text. */
      readonly skipped: number
    }
  | { readonly problem: Wording }

type Kind = 'text' | 'jsonl' | 'html' | 'pdf' | 'docx'

const KINDS: Readonly<Record<string, Kind>> = {
  md: 'text',
  markdown: 'text',
  txt: 'text',
  text: 'text',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  html: 'html',
  htm: 'html',
  pdf: 'pdf',
  docx: 'docx',
}
const MIB = 1024 * 1024
const MAX_BYTES: Readonly<Record<Kind, number>> = {
  text: 4 * MIB,
  jsonl: 16 * MIB,
  html: 4 * MIB,
  pdf: 16 * MIB,
  docx: 16 * MIB,
}
const MAX_TITLE = 200

/** Undefined for what cannot be imported. */
export function sourceKind(name: string): string | undefined {
  const ending = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase()
  return ending !== undefined && Object.hasOwn(KINDS, ending) ? ending : undefined
}

/** Reads one source after the other; what is no plain text in a process of its own, which `close` ends. */
export class SourceReader {
  readonly #extractor = new Extractor()

  /** `ending`: as `sourceKind` tells it. Never throws for what the bytes hold; rejects with the signal's reason. */
  async read(name: string, ending: string, bytes: Uint8Array, signal: AbortSignal): Promise<ReadSource> {
    const kind = KINDS[ending]
    if (kind === undefined) return { problem: UNKNOWN }
    if (bytes.byteLength > MAX_BYTES[kind]) return { problem: tooLarge(MAX_BYTES[kind] / MIB) }
    if (kind === 'text' || kind === 'jsonl') {
      const text = decode(bytes)
      if (text === undefined) return { problem: NOT_UTF8 }
      return kind === 'jsonl' ? rowsOf(text) : whole(name, text)
    }
    const outcome = await this.#extractor.extract({ kind, bytes }, signal)
    if ('text' in outcome) return whole(name, outcome.text)
    const failure: ExtractFailure = 'failure' in outcome ? outcome.failure : 'broken'
    return { problem: failureWording(failure, kind) }
  }

  close(): void {
    this.#extractor.close()
  }
}

function whole(name: string, text: string): ReadSource {
  if (text.trim() === '') return { problem: EMPTY }
  const title = /^#[ \t]+(\S.*)$/m.exec(text)?.[1] ?? nameWithoutEnding(name)
  return { documents: [{ title: title.trim().slice(0, MAX_TITLE), text }], skipped: 0 }
}

/** `{"title","text"}` and, if it is known by one, `"id"`; other fields are passed over. */
function rowsOf(text: string): ReadSource {
  const documents: SourceDocument[] = []
  const ids = new Set<string>()
  let skipped = 0
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const row = rowIn(line)
    if (!row) return { problem: badRow(at + 1) }
    const body = row.text
    if (typeof body !== 'string' || body.trim() === '') {
      skipped++
      continue
    }
    const id = typeof row.id === 'string' || typeof row.id === 'number' ? String(row.id) : String(at + 1)
    if (ids.has(id)) return { problem: twice(at + 1) }
    ids.add(id)
    const title = typeof row.title === 'string' ? row.title.trim().slice(0, MAX_TITLE) : ''
    documents.push({ id: id.slice(0, MAX_TITLE), title, text: body })
  }
  return documents.length === 0 ? { problem: EMPTY } : { documents, skipped }
}

function rowIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const row = parseJson(line)
    return typeof row === 'object' && row !== null && !Array.isArray(row) ? { ...row } : undefined
  } catch {
    return undefined
  }
}

/** UTF-8 without its byte order mark, else as Windows writes in China. */
function decode(bytes: Uint8Array): string | undefined {
  for (const encoding of ['utf-8', 'gb18030']) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes)
    } catch {
      // The next one.
    }
  }
  return undefined
}

function nameWithoutEnding(name: string): string {
  const last = name.replace(/\/+$/, '').split('/').at(-1) ?? name
  return last.replace(/\.[a-z]+$/i, '')
}

function tooLarge(mib: number): Wording {
  return { en: `is larger than ${mib} MiB; split it`, zh: `超过 ${mib} MiB，请拆分` }
}

function badRow(line: number): Wording {
  return { en: `line ${line} is no JSON object`, zh: `第 ${line} 行不是 JSON 对象` }
}

function twice(line: number): Wording {
  return { en: `line ${line} has the id of another row`, zh: `第 ${line} 行的 id 与其他行重复` }
}

const UNKNOWN: Wording = {
  en: 'is none of md, txt, html, pdf, docx, jsonl',
  zh: '不是 md、txt、html、pdf、docx、jsonl 文件',
}
const NOT_UTF8: Wording = { en: 'is neither UTF-8 nor GB18030', zh: '既不是 UTF-8 也不是 GB18030 编码' }
const EMPTY: Wording = { en: 'holds no text', zh: '没有文字' }
