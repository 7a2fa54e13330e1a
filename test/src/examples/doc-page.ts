import { readFile } from 'node:fs/promises'

/**
 * What a page tells its reader to do, in order. Fenced blocks say by their info string what they are:
 * `sh run` is run, `sh start` starts what stays up, `<language> file=PATH` is written to PATH, `text shown` is what the
 * run before it shows (a line with `…` may have anything there).
 */
export type DocStep =
  | { readonly do: 'run'; readonly line: number; readonly script: string }
  | { readonly do: 'start'; readonly line: number; readonly script: string }
  | { readonly do: 'write'; readonly line: number; readonly path: string; readonly text: string }
  | { readonly do: 'see'; readonly line: number; readonly lines: readonly string[] }

const FENCE = /^( *)```(\S*)[ \t]*(.*)\n([\s\S]*?)^\1```$/gm

/** The steps of a page; throws on a command that nobody would run, unless it is marked `sh not-run`. */
export async function stepsOf(file: string): Promise<DocStep[]> {
  const text = await readFile(file, 'utf8')
  const steps: DocStep[] = []
  for (const match of text.matchAll(FENCE)) {
    const [, indent = '', language = '', info = '', indented = ''] = match
    const body = indented.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
    const line = text.slice(0, match.index).split('\n').length
    const path = /^file=(\S+)$/.exec(info)?.[1]
    if (path !== undefined) steps.push({ do: 'write', line, path, text: body })
    else if (language === 'sh' && info === 'run') steps.push({ do: 'run', line, script: body })
    else if (language === 'sh' && info === 'start') steps.push({ do: 'start', line, script: body })
    else if (language === 'text' && info === 'shown') {
      steps.push({ do: 'see', line, lines: body.split('\n').filter((one) => one.trim() !== '') })
    } else if (language === 'sh' && info !== 'not-run') {
      throw new Error(`${file}:${line}: say “sh run”, “sh start” or “sh not-run”`)
    }
  }
  return steps
}

/** A line of a page as a pattern: white space is any white space, `…` is anything. */
export function patternOf(line: string): RegExp {
  const escaped = line
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\s+/g, '\\s+')
  return new RegExp(escaped.replaceAll('…', '.*'))
}
