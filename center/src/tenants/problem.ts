import { YizhanError } from '@yizhan/kernel'

/** Something wrong in a tenant directory: where (1-based line and column where known) and what. */
export interface Problem {
  readonly file: string
  /** Path inside the file, such as `it.vpn.reply`; empty for the file itself. */
  readonly path: string
  readonly line?: number
  readonly column?: number
  readonly message: string
}

/** `file:line:column`, or the file alone. */
export function problemPlace(p: Problem): string {
  return p.line === undefined ? p.file : `${p.file}:${p.line}:${p.column ?? 1}`
}

/** All problems of a directory in one error (`tenant_invalid`); nothing of it was taken. */
export function tenantInvalid(problems: readonly Problem[]): YizhanError {
  const n = problems.length
  return new YizhanError(
    'tenant_invalid',
    `${n} ${n === 1 ? 'problem' : 'problems'} in the tenant directory; nothing was changed`,
    {
      details: {
        problems: problems.map((p) => ({
          path: problemPlace(p),
          message: p.path === '' ? p.message : `${p.path}: ${p.message}`,
        })),
      },
      hint: 'mend them and run the same command again',
    },
  )
}
