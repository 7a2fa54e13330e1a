import { canonicalJson, sha256Hex, YizhanError } from '@yizhan/kernel'
import { OOS } from './decide.js'
import type { LabelledText } from './evaluator.js'
import { exactKey, normalise, UNSPACED_CLASS } from './normalise.js'

/** Examples after checking: normalised, without repetitions, in an order that does not depend on the caller's. */
export interface Corpus {
  /** Intents in code-unit order, then `oos`. */
  readonly labels: readonly string[]
  readonly examples: readonly { readonly text: string; readonly label: number }[]
  readonly exact: readonly (readonly string[])[]
  readonly digest: string
  readonly warnings: readonly string[]
}

const MAX_INTENTS = 2000
const MAX_EXAMPLES = 200_000
const FEW = 3
const MAX_WARNINGS = 200
const HAS_UNSPACED = new RegExp(`[${UNSPACED_CLASS}]`, 'u')

/** Whether a text is written in a script without spaces, at least in part. */
export function isUnspaced(text: string): boolean {
  return HAS_UNSPACED.test(text)
}

/** Checks examples and brings them into one form; throws `tenant_invalid` if no intent is left to train. */
export function prepareCorpus(
  rows: readonly LabelledText[],
  languages: readonly string[],
  maxChars: number,
): Corpus {
  if (rows.length > MAX_EXAMPLES) throw refuse(`more than ${MAX_EXAMPLES} examples`)
  const warnings: string[] = []
  const seen = new Map<string, LabelledText>()
  for (const row of rows) {
    if (row.intent === '' || row.intent.length > 200)
      throw refuse('an intent name is empty or over 200 characters')
    const text = normalise(row.text.slice(0, maxChars))
    if (exactKey(text) === undefined) warnings.push(`${row.intent}: an example holds no word`)
    else seen.set(`${row.intent}\n${text}`, { text, intent: row.intent })
  }
  const unique = [...seen.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
  const intents = [...new Set(unique.map((row) => row.intent))].filter((intent) => intent !== OOS).sort()
  if (intents.length === 0) throw refuse('there is no intent with an example')
  if (intents.length > MAX_INTENTS) throw refuse(`more than ${MAX_INTENTS} intents`)
  const labels = [...intents, OOS]
  const indexOf = new Map(labels.map((label, index) => [label, index]))
  const examples = unique.map((row) => ({ text: row.text, label: indexOf.get(row.intent) ?? 0 }))
  const exact = exactTable(labels, examples, warnings)
  warnings.push(...thinIntents(labels, examples, languages))
  return {
    labels,
    examples,
    exact,
    digest: sha256Hex(canonicalJson(unique.map((row) => [row.intent, row.text]))),
    warnings: warnings.slice(0, MAX_WARNINGS),
  }
}

/** Keys per label; a text of two intents belongs to none and is reported. */
function exactTable(labels: readonly string[], examples: Corpus['examples'], warnings: string[]): string[][] {
  const owners = new Map<string, { text: string; labels: Set<number> }>()
  for (const { text, label } of examples) {
    const key = exactKey(text)
    if (key === undefined) continue
    const owner = owners.get(key)
    if (owner) owner.labels.add(label)
    else owners.set(key, { text, labels: new Set([label]) })
  }
  const table: string[][] = labels.map(() => [])
  for (const [key, owner] of owners) {
    const [label] = owner.labels
    if (owner.labels.size === 1 && label !== undefined) table[label]?.push(key)
    else {
      const intents = [...owner.labels].map((index) => labels[index] ?? OOS)
      warnings.push(
        `“${owner.text}” is an example of ${intents.join(' and ')}: the model cannot tell them apart by it`,
      )
    }
  }
  return table.map((keys) => keys.sort())
}

function thinIntents(
  labels: readonly string[],
  examples: Corpus['examples'],
  languages: readonly string[],
): string[] {
  const counts = labels.map(() => ({ all: 0, unspaced: 0 }))
  for (const { text, label } of examples) {
    const count = counts[label]
    if (!count) continue
    count.all++
    if (isUnspaced(text)) count.unspaced++
  }
  const warnings: string[] = []
  for (const [label, intent] of labels.entries()) {
    const count = counts[label]
    if (!count || intent === OOS) continue
    if (count.all < FEW)
      warnings.push(`${intent}: ${count.all} example(s); from ${FEW} on it is recognised more surely`)
    // Scripts tell Chinese from English; other languages are not told apart.
    if (languages.includes('zh') && count.unspaced === 0) {
      warnings.push(`${intent}: no example in Chinese`)
    }
    if (languages.includes('en') && count.unspaced === count.all) {
      warnings.push(`${intent}: no example in a language with spaces, such as English`)
    }
  }
  return warnings
}

function refuse(why: string): YizhanError {
  return new YizhanError('tenant_invalid', `the examples cannot be trained: ${why}`)
}
