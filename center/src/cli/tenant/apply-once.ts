import { type CliIo, type CliText, type Clock, toYizhanError } from '@yizhan/kernel'
import type { ApplyReport } from '../../tenants/index.js'
import { type Difference, showDifference } from './difference-lines.js'
import { type EdgesAnswer, type EdgesOutcome, showEdges, waitForEdges } from './edges-wait.js'
import { APPLY_TIMEOUT_MS, sentFiles } from './sent-files.js'
import { showWarnings } from './warnings.js'

/** As `POST /v1/tenants/apply` answers: warnings are sentences already. */
export type ApplyAnswer = Omit<ApplyReport, 'warnings'> & {
  readonly warnings: readonly string[]
}

export interface ApplyOptions {
  readonly dir: string
  readonly prune: boolean
  readonly dryRun: boolean
  /** How long to wait for edges; undefined: not at all. */
  readonly waitMs: number | undefined
}

export interface ApplyDeps {
  readonly io: CliIo
  readonly clock: Clock
  /** Asks the center. */
  ask<T>(method: 'GET' | 'POST', path: string, body: unknown, options: AskOptions): Promise<T>
}

interface AskOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

export type Applied = ApplyAnswer & { readonly edges?: EdgesOutcome }

/** Reads a directory, has it put in force, and waits for edges if that is wanted. Throws what the center answers. */
export async function applyOnce(
  { io, clock, ask }: ApplyDeps,
  { dir, prune, dryRun, waitMs }: ApplyOptions,
  signal: AbortSignal,
): Promise<Applied> {
  const { readTenantDirectory } = await import('../../tenants/index.js')
  io.progress(io.say({ en: 'checking …', zh: '正在检查 …' }))
  const files = sentFiles(await readTenantDirectory(dir, io.lang))
  const options = { signal, timeoutMs: APPLY_TIMEOUT_MS }
  const lang = `?lang=${io.lang}`
  // A person at a terminal sees what is wrong, or that there is nothing to do, before the training begins.
  const ahead = io.showsProgress
    ? await ask<Difference>('POST', `/v1/tenants/diff${lang}`, { files, prune }, options)
    : undefined
  const stop = ahead && tick(io, clock, io.say(inWork(ahead.diff.length)))
  let report: ApplyAnswer
  try {
    report = await ask<ApplyAnswer>('POST', `/v1/tenants/apply${lang}`, { files, prune, dryRun }, options)
  } finally {
    stop?.()
  }
  if (waitMs === undefined) return report
  io.progress(io.say({ en: 'waiting for the edges …', zh: '正在等待边缘节点 …' }))
  const path = `/v1/tenants/${encodeURIComponent(report.tenant)}/edges`
  const look = () => ask<EdgesAnswer>('GET', path, undefined, options)
  const edges = await waitForEdges(look, { clock, timeoutMs: waitMs }, signal)
  io.progress(undefined)
  return { ...report, edges }
}

function inWork(changes: number): CliText {
  if (changes === 0) return { en: 'applying …', zh: '正在应用 …' }
  return {
    en: `${changes} to change; training and testing …`,
    zh: `${changes} 处变更；正在训练和测试 …`,
  }
}

/** Shows the seconds that pass, on a terminal. */
function tick(io: CliIo, clock: Clock, text: string): () => void {
  const started = clock.monotonic()
  let cancel: () => void
  const show = () => {
    const seconds = Math.round((clock.monotonic() - started) / 1000)
    io.progress(seconds === 0 ? text : `${text} ${seconds} s`)
    cancel = clock.after(1000, show)
  }
  cancel = clock.after(0, show)
  return () => {
    cancel()
    io.progress(undefined)
  }
}

/** What an apply did: what differs, then one line of what is in force, then the edges; warnings go to stderr. */
export function showApplied(io: CliIo, applied: Applied): void {
  const { tenant, version, changed, dryRun, tests } = applied
  showDifference(io, applied)
  const tested = counted(tests, 'test')
  const seconds = (applied.trainMs / 1000).toFixed(1)
  const what = contentOf(io, applied)
  if (!changed) {
    io.out(
      io.say({
        en: `${tenant} version ${version}: ${what}; nothing to do`,
        zh: `${tenant} 第 ${version} 版：${what}；没有变化`,
      }),
    )
  } else if (dryRun) {
    io.out(
      io.say({
        en: `${tenant}: ${what}; ${tested} passed, trained in ${seconds} s; only tried, nothing was changed`,
        zh: `${tenant}：${what}；${tests} 条测试通过，训练 ${seconds} 秒；仅为试运行，未作任何改动`,
      }),
    )
  } else {
    io.out(
      io.say({
        en: `${tenant} version ${version}: ${what}; ${tested} passed, trained in ${seconds} s`,
        zh: `${tenant} 第 ${version} 版：${what}；${tests} 条测试通过，训练 ${seconds} 秒`,
      }),
    )
  }
  if (applied.edges) showEdges(io, applied.edges)
  showWarnings(io, applied.warnings)
}

/** In a dry run the counts of what is in force are not those of the directory. */
function contentOf(io: CliIo, { dryRun, intents, examples, documents }: ApplyAnswer): string {
  const asked = counted(examples, 'example')
  if (dryRun) return io.say({ en: asked, zh: `${examples} 个问句` })
  return io.say({
    en: `${counted(intents, 'intent')}, ${asked}, ${counted(documents, 'document')}`,
    zh: `${intents} 个意图、${examples} 个问句、${documents} 篇文档`,
  })
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** What programs that read stdout get of an apply that failed; the error is told on stderr as ever. */
export function failedValue(thrown: unknown): Record<string, unknown> {
  const { code, message, details } = toYizhanError(thrown)
  const problems = Array.isArray(details.problems) ? details.problems : []
  return { changed: false, error: { code, message, problems } }
}
