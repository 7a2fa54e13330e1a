import { canonicalJson, sha256Hex } from '@yizhan/kernel'
import type { Problem, Wording } from './problem.js'

/** The files of a tenant directory: path relative to it with `/`, content in bytes. */
export type TenantFiles = ReadonlyMap<string, Uint8Array>

export interface FileDifference {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

export const MAX_TENANT_FILES = 2_000
/** Of all files together; they are stored in one batch, which takes little more. */
export const MAX_TENANT_BYTES = 24 * 1024 * 1024
/** One file is one stored value. */
const MAX_FILE_BYTES = 1024 * 1024
/** A path is a key of the store. */
const MAX_PATH_BYTES = 512

const READ = [
  /^(tenant|knowledge)\.yaml$/,
  /^(intents|tests)\/[^/]+\.yaml$/,
  /^knowledge\/(?:[^/]+\/)*[^/]+\.(md|txt)$/,
]
/** What the format has and this version cannot read. */
const LATER = [
  /^(channels\.yaml|sites\.csv)$/,
  /^intents\/[^/]+\.(csv|xlsx)$/,
  /^knowledge\/.+\.(html|pdf|docx)$/,
  /^(cards|tasks|personas)\//,
]
const IGNORED = /^(README|LICENSE)([.-][^/]*)?$|(^|\/)\.[^./]/

/** Changed when the same files come to give another bundle, so that a newer center trains them anew. */
const COMPILED_FORM = 1

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

/** Decodes the files; what cannot be taken becomes a problem. */
export function decodeFiles(files: TenantFiles, problems: Problem[]): Texts {
  const texts = new Map<string, string | undefined>()
  for (const [file, content] of files) {
    const misplaced = wrongPath(file)
    const text = misplaced ?? decode(content)
    const isText = typeof text === 'string'
    if (!misplaced) texts.set(file, isText ? text : undefined)
    if (!isText) problems.push({ file: shown(file), path: '', message: text })
  }
  return texts
}

function wrongPath(file: string): Wording | undefined {
  const isUnsafe = file.split('/').some((part) => part === '' || part === '.' || part === '..')
  if (isUnsafe || /[\\\p{Cc}\p{Surrogate}]/u.test(file) || Buffer.byteLength(file) > MAX_PATH_BYTES) {
    return BAD_PATH
  }
  if (READ.some((pattern) => pattern.test(file))) return undefined
  return LATER.some((pattern) => pattern.test(file)) ? NOT_YET : UNKNOWN
}

function decode(content: Uint8Array): string | Wording {
  if (content.byteLength > MAX_FILE_BYTES) return TOO_LARGE
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return NOT_UTF8
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

export function differenceOf(before: TenantFiles, after: TenantFiles): FileDifference {
  const isSame = (path: string, content: Uint8Array) => {
    const old = before.get(path)
    return old !== undefined && Buffer.compare(old, content) === 0
  }
  return {
    added: [...after.keys()].filter((path) => !before.has(path)),
    changed: [...after]
      .filter(([path, content]) => before.has(path) && !isSame(path, content))
      .map(([path]) => path),
    removed: [...before.keys()].filter((path) => !after.has(path)),
  }
}

const MIB = MAX_TENANT_BYTES / 1024 / 1024
const TOO_MUCH: Wording = {
  en: `is too large: more than ${MAX_TENANT_FILES} files or ${MIB} MiB`,
  zh: `过大：超过 ${MAX_TENANT_FILES} 个文件或 ${MIB} MiB`,
}
const BAD_PATH: Wording = {
  en: 'is not a path below the tenant directory of at most 512 bytes',
  zh: '不是租户目录之下的路径，或超过 512 字节',
}
const NOT_YET: Wording = {
  en: 'is part of a tenant directory, but this version does not read it yet; leave it out for now',
  zh: '属于租户目录，但本版本还不能读取，请先移出',
}
const UNKNOWN: Wording = {
  en: 'is no file of a tenant directory; rename or remove it',
  zh: '不是租户目录里的文件，请改名或移出',
}
const TOO_LARGE: Wording = { en: 'is larger than 1 MiB; split it', zh: '超过 1 MiB，请拆分' }
const NOT_UTF8: Wording = { en: 'is not UTF-8', zh: '不是 UTF-8 编码' }
