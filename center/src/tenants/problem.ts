import { type CliLanguage, YizhanError } from '@yizhan/kernel'

/** The same sentence in every language of the program. */
export type Wording = Readonly<Record<CliLanguage, string>>

/** Something wrong in a tenant directory: where (1-based line and column where known) and what. */
export interface Problem {
  readonly file: string
  /** Path inside the file, such as `it.vpn.reply`; empty for the file itself. */
  readonly path: string
  readonly line?: number
  readonly column?: number
  /** Of a spreadsheet, such as `B7`. */
  readonly cell?: string
  readonly message: Wording
}

/** What a reader has to tell. A problem refuses the directory, a warning does not. */
export interface Told {
  readonly problems: Problem[]
  readonly warnings: Problem[]
}

/** `file:line:column`, `file:cell`, or the file alone. */
export function problemPlace(p: Problem): string {
  if (p.cell !== undefined) return `${p.file}:${p.cell}`
  return p.line === undefined ? p.file : `${p.file}:${p.line}:${p.column ?? 1}`
}

/** By file, then from top to bottom. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  )
}

/** More would not be read, and have to fit into an answer. */
const MAX_TOLD = 200

/** All problems of a directory in one error (`tenant_invalid`), the first 200 in `details`; nothing of it was taken. */
export function tenantInvalid(problems: readonly Problem[], lang: CliLanguage = 'en'): YizhanError {
  const n = problems.length
  const more = n > MAX_TOLD ? `, the first ${MAX_TOLD} follow` : ''
  return new YizhanError(
    'tenant_invalid',
    `${n} ${n === 1 ? 'problem' : 'problems'} in the tenant directory${more}; nothing was changed`,
    {
      details: {
        problems: problems.slice(0, MAX_TOLD).map((p) => ({
          path: problemPlace(p),
          message: p.path === '' ? p.message[lang] : `${p.path}: ${p.message[lang]}`,
        })),
      },
      hint: lang === 'zh' ? '改好后再运行同一命令' : 'mend them and run the same command again',
    },
  )
}
