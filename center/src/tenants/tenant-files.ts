import { canonicalJson, sha256Hex } from '@yizhan/kernel'
import type { Problem, Told, Wording } from './problem.js'
import { nearest } from './yaml/index.js'

/** The files of a tenant directory: path relative to it with `/`, content in bytes. */
export type TenantFiles = ReadonlyMap<string, Uint8Array>

export const MAX_TENANT_FILES = 2_000
/** Of all files together; they are stored in one batch, which takes little more. */
export const MAX_TENANT_BYTES = 24 * 1024 * 1024
const MIB = 1024 * 1024
const MAX_FILE_BYTES = MIB
/** Of a file that is not text. */
const MAX_BINARY_BYTES = 5 * MIB
const MAX_MODEL_BYTES = 20 * MIB
/** A path is a key of the store, with room for the number of a part. */
const MAX_PATH_BYTES = 500

const READ = [
  /^(tenant|knowledge|channels)\.yaml$/,
  /^sites\.csv$/,
  /^intents\/[^/]+\.(yaml|csv|xlsx)$/,
  /^(cards|tests)\/[^/]+\.yaml$/,
  /^tasks\/[^/]+\.json$/,
  /^personas\/[^/]+\.md$/,
  /^encoder\/(model\.onnx|tokenizer\.json)$/,
  /^knowledge\/(?:[^/]+\/)*[^/]+\.(md|txt|html|pdf|docx)$/,
]
const BINARY = /\.(xlsx|pdf|docx)$|^encoder\//
/** Where programs other than editors write, in the encoding of their country. */
const MAYBE_GB18030 = /\.(csv|html)$/
const IGNORED = /^(README|LICENSE)([.-][^/]*)?$|(^|\/)\.[^./]/

/** Changed when the same files come to give another bundle, so that a newer center trains them anew. */
const COMPILED_FORM = 2

/** The files that belong to a tenant: without READMEs, licences and hidden files at any depth. */
export function relevantFiles(files: TenantFiles): Map<string, Uint8Array> {
  const kept = [...files].filter(([path]) => !IGNORED.test(path))
  return new Map(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The text of each file that a tenant may have; undefined where the file is there and cannot be taken. */
export type Texts = ReadonlyMap<string, string | undefined>

/** What is too much as a whole; it is not even decoded. */
export function tooMuch(files: TenantFiles): Problem | undefined {
  const bytes = [...files.values()].reduce((sum, content) => sum + content.byteLength, 0)
  if (files.size <= MAX_TENANT_FILES && bytes <= MAX_TENANT_BYTES) return undefined
  return { file: '.', path: '', message: TOO_MUCH }
}

/** What the files hold; undefined where a file is there and cannot be taken. */
export interface Contents {
  readonly texts: Texts
  readonly binaries: ReadonlyMap<string, Uint8Array | undefined>
}

/** Decodes the files that are text; what cannot be taken becomes a problem. */
export function decodeFiles(files: TenantFiles, told: Told): Contents {
  const texts = new Map<string, string | undefined>()
  const binaries = new Map<string, Uint8Array | undefined>()
  for (const [file, content] of files) {
    const tell = (message: Wording) => told.problems.push({ file: shown(file), path: '', message })
    const misplaced = wrongPath(file)
    if (misplaced) tell(misplaced)
    else if (BINARY.test(file)) {
      const isModel = file.endsWith('.onnx')
      const isTaken = content.byteLength <= (isModel ? MAX_MODEL_BYTES : MAX_BINARY_BYTES)
      if (!isTaken) tell(isModel ? MODEL_TOO_LARGE : BINARY_TOO_LARGE)
      binaries.set(file, isTaken ? content : undefined)
    } else {
      const text =
        content.byteLength > MAX_FILE_BYTES ? TOO_LARGE : (decode(content) ?? otherwise(file, content, told))
      if (typeof text !== 'string') tell(text)
      texts.set(file, typeof text === 'string' ? text : undefined)
    }
  }
  return { texts, binaries }
}

function wrongPath(file: string): Wording | undefined {
  const isUnsafe = file.split('/').some((part) => part === '' || part === '.' || part === '..')
  if (isUnsafe || /[\\\p{Cc}\p{Surrogate}]/u.test(file) || Buffer.byteLength(file) > MAX_PATH_BYTES) {
    return BAD_PATH
  }
  if (READ.some((pattern) => pattern.test(file))) return undefined
  const near = /^[^/]*$/.test(file)
    ? nearest(file, ['tenant.yaml', 'knowledge.yaml', 'channels.yaml', 'sites.csv'])
    : undefined
  if (near === undefined) return UNKNOWN
  return {
    en: `is no file of a tenant directory; did you mean ${near}?`,
    zh: `不是租户目录里的文件，是不是 ${near}？`,
  }
}

/** Without its byte order mark; undefined if it is not in this encoding. */
function decode(content: Uint8Array, encoding = 'utf-8'): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(content)
  } catch {
    return undefined
  }
}

/** As Excel saves in China, and as it saves “Unicode text”. */
function otherwise(file: string, content: Uint8Array, told: Told): string | Wording {
  if (!MAYBE_GB18030.test(file)) return NOT_UTF8
  const encoding = content[0] === 0xff && content[1] === 0xfe ? 'utf-16le' : 'gb18030'
  const text = decode(content, encoding)
  if (text === undefined) return NOT_GB18030
  told.warnings.push({ file, path: '', message: readAs(encoding.toUpperCase()) })
  return text
}

function readAs(encoding: string): Wording {
  return {
    en: `is not UTF-8; it was read as ${encoding}`,
    zh: `不是 UTF-8 编码，已按 ${encoding} 读取`,
  }
}

/** A path as it may stand in a message. */
function shown(file: string): string {
  const plain = file.replace(/[\p{Cc}\p{Surrogate}]/gu, '?')
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain
}

/** The same for the same files, in whatever order, as long as the center makes the same of them. */
export function filesDigest(files: TenantFiles): string {
  const entries = [...files].map(([path, content]) => [path, sha256Hex(content)]).sort()
  return sha256Hex(canonicalJson({ form: COMPILED_FORM, entries }))
}

const ALL_MIB = MAX_TENANT_BYTES / MIB
const TOO_MUCH: Wording = {
  en: `is too large: more than ${MAX_TENANT_FILES} files or ${ALL_MIB} MiB`,
  zh: `过大：超过 ${MAX_TENANT_FILES} 个文件或 ${ALL_MIB} MiB`,
}
const BAD_PATH: Wording = {
  en: 'is not a path below the tenant directory of at most 500 bytes',
  zh: '不是租户目录之下的路径，或超过 500 字节',
}
const UNKNOWN: Wording = {
  en: 'is no file of a tenant directory; rename or remove it',
  zh: '不是租户目录里的文件，请改名或移出',
}
const TOO_LARGE: Wording = { en: 'is larger than 1 MiB; split it', zh: '超过 1 MiB，请拆分' }
const BINARY_TOO_LARGE: Wording = { en: 'is larger than 5 MiB; split it', zh: '超过 5 MiB，请拆分' }
const MODEL_TOO_LARGE: Wording = {
  en: 'is larger than 20 MiB; export it with 8-bit weights',
  zh: '超过 20 MiB，请导出为 8 位权重',
}
const NOT_UTF8: Wording = { en: 'is not UTF-8', zh: '不是 UTF-8 编码' }
const NOT_GB18030: Wording = { en: 'is neither UTF-8 nor GB18030', zh: '既不是 UTF-8 也不是 GB18030 编码' }
