import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Changes, linesOf, read } from './directory.js'

/** A line as it is told, in English and in Chinese. */
export type Line = readonly [en: string, zh: string]

/** A directory and everything that is told of it. */
export interface Entry {
  readonly what: string
  readonly files: Changes
  /** None: it is taken. */
  readonly problems?: readonly Line[]
  /** Looked at if they are given, or if there are no problems. */
  readonly warnings?: readonly Line[]
}

/** With three questions, so that nothing is told of it. */
const INTENT =
  'it.vpn:\n  ask: |\n    怎么连 VPN\n    VPN 连不上\n    How do I connect?\n  reply: {zh: 好, en: OK}\n'

/** What the reader tells of an entry. */
export async function toldOf({ files }: Pick<Entry, 'files'>) {
  const result = await read({ 'intents/it.yaml': INTENT, ...files })
  const lines = (problems: Parameters<typeof linesOf>[0]): Line[] => {
    const zh = linesOf(problems, 'zh')
    return linesOf(problems, 'en').map((en, i): Line => [en, zh[i] ?? ''])
  }
  return {
    problems: 'problems' in result ? lines(result.problems) : [],
    warnings: lines(result.warnings),
  }
}

export function testCorpus(entries: readonly Entry[]): void {
  for (const entry of entries) {
    test(entry.what, async () => {
      const told = await toldOf(entry)
      const { problems = [], warnings } = entry
      assert.deepEqual(told.problems, problems)
      if (warnings !== undefined || problems.length === 0) assert.deepEqual(told.warnings, warnings ?? [])
    })
  }
}
