import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Pair,
  Parser,
  Scalar,
  type YAMLMap,
} from 'yaml'
import type { Problem, Wording } from '../problem.js'
import { beyondBounds } from './bounds.js'
import { findingsIn, keyOf, shownKey } from './findings.js'
import { joinWordings, lookalikeAt } from './lookalike.js'
import { TextLines } from './text-lines.js'
import { yamlWording } from './wording.js'

/** Keys and list indexes from the root. */
export type Path = readonly (string | number)[]

/** What one alias bomb may cost; see `toJS`. */
const MAX_ALIAS_COUNT = 100
const MAX_SYNTAX_PROBLEMS = 20
const MAX_SHOWN = 40
/** uniqueKeys compares each key with every other: at 200 KB that took four seconds. `findingsIn` needs one pass. */
const OPTIONS = { prettyErrors: false, uniqueKeys: false, stringKeys: true, schema: 'core' } as const

/** A parsed YAML file, with the way back from a path in it to line and column. */
export class YamlDocument {
  /** Plain data; no key stands twice and none reaches a prototype. */
  readonly value: unknown
  readonly #file: string
  readonly #lines: TextLines
  readonly #document: Document
  readonly #pairs = new WeakMap<YAMLMap, Map<string, Pair>>()

  constructor(file: string, lines: TextLines, document: Document, value: unknown) {
    this.#file = file
    this.#lines = lines
    this.#document = document
    this.value = value
  }

  /** A problem at `path`: at its key or list item, or at the nearest parent that exists. */
  at(path: Path, message: Wording): Problem {
    const place = this.#lines.placeOf(this.#find(path).offset)
    return { file: this.#file, path: path.map(shownKey).join('.'), ...place, message }
  }

  /** As `at`, and says what the line looks like if YAML took it in another way than a person would. */
  misread(path: Path, message: Wording): Problem {
    const problem = this.at(path, message)
    const line = this.#lines.lineAt(problem.line ?? 1)
    return { ...problem, message: joinWordings(message, lookalikeAt(line)) }
  }

  /** Whether the text at `path` stands on several lines that YAML joins into one. */
  isJoined(path: Path): boolean {
    const { node } = this.#find(path)
    if (!isScalar(node) || node.type === Scalar.BLOCK_LITERAL || !node.range) return false
    return this.#lines.text.slice(node.range[0], node.range[1]).trimEnd().includes('\n')
  }

  /** How the single value at `path` is written, if that is short; empty for maps, lists and what is not there. */
  sourceOf(path: Path): string {
    const { node } = this.#find(path)
    if (!isScalar(node) || !node.range) return ''
    const written = this.#lines.text.slice(node.range[0], node.range[1]).trim()
    return written.length > MAX_SHOWN || written.includes('\n') ? '' : written
  }

  /** A problem at the nth line (from 0) of the text at `path`. */
  atLine(path: Path, nth: number, message: Wording): Problem {
    const { node } = this.#find(path)
    const problem = this.at(path, message)
    if (!isScalar(node) || node.type !== Scalar.BLOCK_LITERAL || !node.range) return problem
    const line = this.#lines.placeOf(node.range[0]).line + 1 + nth
    return { ...problem, line, column: this.#lines.lineAt(line).search(/\S|$/) + 1 }
  }

  #find(path: Path): { readonly node: unknown; readonly offset: number } {
    let node: unknown = this.#document.contents
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
    for (const part of path) {
      if (isAlias(node)) node = node.resolve(this.#document)
      if (isMap(node)) {
        const pair = this.#pairsOf(node).get(String(part))
        if (!pair) return { node: undefined, offset }
        if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset
        node = pair.value
      } else {
        const item = isSeq(node) ? node.items[Number(part)] : undefined
        if (!isNode(item)) return { node: undefined, offset }
        offset = item.range?.[0] ?? offset
        node = item
      }
    }
    return { node, offset }
  }

  #pairsOf(map: YAMLMap): Map<string, Pair> {
    const known = this.#pairs.get(map)
    if (known) return known
    const pairs = new Map(map.items.map((pair) => [keyOf(pair), pair]))
    this.#pairs.set(map, pairs)
    return pairs
  }
}

/** Parses one file; on anything wrong with its YAML adds the problems and returns undefined. */
export function parseYaml(file: string, text: string, problems: Problem[]): YamlDocument | undefined {
  const lines = new TextLines(text)
  const refuse = (offset: number, message: Wording) => {
    problems.push({ file, path: '', ...lines.placeOf(offset), message })
    return undefined
  }
  const seen = new Set<number>()
  const refuseSyntax = (offset: number, message: Wording) => {
    const { line } = lines.placeOf(offset)
    // What follows on a line that was not understood is a consequence.
    if (seen.has(line) || seen.size === MAX_SYNTAX_PROBLEMS) return
    seen.add(line)
    // A bracket that is not closed shows on the next line.
    const hint =
      lookalikeAt(lines.lineAt(line)) ?? (line > 1 ? lookalikeAt(lines.lineAt(line - 1)) : undefined)
    refuse(offset, joinWordings(message, hint))
  }

  const tokens = [...new Parser(lines.addLine).parse(text)]
  const beyond = beyondBounds(tokens)
  if (beyond) return refuse(beyond.offset, beyond.message)
  const [document, second] = [...new Composer(OPTIONS).compose(tokens, true, text.length)]
  if (!document) return refuse(0, yamlWording('IMPOSSIBLE'))
  const errors = [...document.errors, ...document.warnings]
  for (const { pos, code } of errors) refuseSyntax(pos[0], yamlWording(code))
  if (second) refuse(second.range[0], yamlWording('MULTIPLE_DOCS'))
  if (errors.length > 0 || second) return undefined
  const findings = findingsIn(document, lines)
  for (const { offset, message } of findings.slice(0, MAX_SYNTAX_PROBLEMS)) refuse(offset, message)
  if (findings.length > 0) return undefined
  try {
    return new YamlDocument(file, lines, document, document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }))
  } catch {
    return refuse(0, BAD_ALIASES)
  }
}

const BAD_ALIASES: Wording = {
  en: 'its aliases (*) are unknown, or unfold to too much',
  zh: '别名（*）无法识别，或展开后过大',
}
