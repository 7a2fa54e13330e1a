import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { root } from '../../support/installation.js'
import type { Length, Result } from './case.js'

const PAGE = join(root, 'docs', 'faults.md')
const BEGIN = '<!-- written by npm run test:faults: begin -->'
const END = '<!-- written by npm run test:faults: end -->'

/** The results as a Markdown table, in the order of the list. */
export function faultTable(results: readonly Result[]): string {
  const rows = results.map(({ case: number, title, status, seconds, figures, reason }) => {
    const measured = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
    // Why it failed is long and of one run; why it was skipped is worth reading.
    const said = status === 'skipped' ? [reason ?? ''] : measured
    return `| ${number} | ${cell(title)} | ${status} | ${cell(said.join(', '))} | ${seconds} |`
  })
  return ['| case | fault | status | figures | seconds |', '|---|---|---|---|---|', ...rows].join('\n')
}

/** Puts the table into docs/faults.md, between its markers. */
export async function writePage(
  results: readonly Result[],
  { length, seconds }: { readonly length: Length; readonly seconds: number },
): Promise<void> {
  const page = await readFile(PAGE, 'utf8')
  const about = { length, seconds, at: new Date(), cores: cpus().length }
  await writeFile(PAGE, withBlock(page, block(results, about)))
}

export function block(
  results: readonly Result[],
  { length, at, cores, seconds }: { length: Length; at: Date; cores: number; seconds: number },
): string {
  const count = (status: Result['status']) => results.filter((result) => result.status === status).length
  const head = `${at.toISOString().slice(0, 10)}, ${cores} cores, ${length === 'full' ? 'real' : length} durations: ${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped, in ${minutes(seconds)}.`
  return `${head}\n\n${faultTable(results)}`
}

/** `14 min 5 s`. */
export function minutes(seconds: number): string {
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** The page with other content between its markers. */
export function withBlock(page: string, content: string): string {
  const from = page.indexOf(BEGIN)
  const to = page.indexOf(END)
  if (from < 0 || to < from) throw new Error('docs/faults.md has lost its markers')
  return `${page.slice(0, from + BEGIN.length)}\n${content}\n${page.slice(to)}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
