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

/** `file:line:column path: message`, as a line of its own. */
export function problemLine(p: Problem, lang: CliLanguage): string {
  const { path, message } = problemDetail(p, lang)
  return `${path}: ${message}`
}

/** The same for programs. */
export function problemDetail(p: Problem, lang: CliLanguage) {
  return {
    path: problemPlace(p),
    ...(p.line === undefined ? {} : { line: p.line, column: p.column ?? 1 }),
    message: p.path === '' ? p.message[lang] : `${p.path}: ${p.message[lang]}`,
  }
}

function detailsOf(problems: readonly Problem[], lang: CliLanguage) {
  return problems.slice(0, MAX_TOLD).map((p) => problemDetail(p, lang))
}

/** All problems of a directory in one error (`tenant_invalid`), the first 200 in `details`; nothing of it was taken. */
export function tenantInvalid(problems: readonly Problem[], lang: CliLanguage = 'en'): YizhanError {
  const n = problems.length
  const isMore = n > MAX_TOLD
  const isKept = problems.some(({ file }) => file === KEPT_INTENTS)
  const told: Wording = {
    en: `${n} ${n === 1 ? 'problem' : 'problems'} in the tenant directory${isMore ? `, the first ${MAX_TOLD} follow` : ''}; nothing was changed`,
    zh: `租户目录有 ${n} 处问题${isMore ? `，以下为前 ${MAX_TOLD} 处` : ''}；未作任何改动`,
  }
  return new YizhanError('tenant_invalid', told[lang], {
    details: { problems: detailsOf(problems, lang) },
    hint: isKept ? KEPT_HINT[lang] : MEND_HINT[lang],
  })
}

/** Every test that does not hold in one error (`tests_failed`); nothing was changed. */
export function testsFailed(
  failed: readonly Problem[],
  passed: number,
  lang: CliLanguage = 'en',
): YizhanError {
  const n = failed.length
  const all = n + passed
  const told: Wording = {
    en: `${n} of ${all} ${all === 1 ? 'test' : 'tests'} failed; nothing was changed`,
    zh: `${all} 条测试中有 ${n} 条未通过；未作任何改动`,
  }
  return new YizhanError('tests_failed', told[lang], {
    details: { problems: detailsOf(failed, lang), passed, failed: n },
    hint: TEST_HINT[lang],
  })
}

/** Written by the center: see kept-intents.ts. */
export const KEPT_INTENTS = 'intents/kept.yaml'

const MEND_HINT: Wording = { en: 'mend them and run the same command again', zh: '改好后再运行同一命令' }
const KEPT_HINT: Wording = {
  en: `${KEPT_INTENTS} is what the center keeps and the directory lacks; --prune deletes it`,
  zh: `${KEPT_INTENTS} 是中心保留而目录中已没有的内容；加 --prune 会删除`,
}
const TEST_HINT: Wording = {
  en: 'add questions to the intent, or change what the test expects',
  zh: '给意图补充问句，或修改测试的期望',
}
