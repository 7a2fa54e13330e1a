import { isForbiddenKey } from '@yizhan/kernel'
import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  Parser,
  Scalar,
  visit,
  type YAMLMap,
} from 'yaml'
import { lookalike, lookalikeAt } from './lookalike.js'
import type { Problem, Wording } from './problem.js'
import { beyondBounds } from './yaml-bounds.js'
import { yamlWording } from './yaml-wording.js'

export type Path = readonly (string | number)[]

/** What one alias bomb may cost; see `toJS`. */
const MAX_ALIAS_COUNT = 100
const MAX_SYNTAX_PROBLEMS = 20
const LONGEST_SHOWN_KEY = 60

/** A parsed YAML file, with the way back from a path in it to line and column. */
export class YamlDocument {
  /** Plain data; no key stands twice and none reaches a prototype. */
  readonly value: unknown
  readonly #file: string
  readonly #text: string
  readonly #lines: LineCounter
  readonly #document: Document
  readonly #keys = new WeakMap<YAMLMap, Map<string, Pair>>()

  constructor(file: string, text: string, lines: LineCounter, document: Document, value: unknown) {
    this.#file = file
    this.#text = text
    this.#lines = lines
    this.#document = document
    this.value = value
  }

  /** A problem at `path` (keys from the root): at its key or list item, or at the nearest parent that exists. */
  at(path: Path, message: Wording): Problem {
    const place = placeOf(this.#lines, this.#nodeAt(path).offset)
    return { file: this.#file, path: path.map(shownKey).join('.'), ...place, message }
  }

  /** As `at`, and says what the line looks like if YAML took it in another way than a person would. */
  misread(path: Path, message: Wording): Problem {
    const problem = this.at(path, message)
    return { ...problem, message: joined(message, lookalikeAt(lineOf(this.#text, problem.line ?? 1))) }
  }

  /** Whether the text at `path` stands on several lines that YAML joins into one. */
  isJoined(path: Path): boolean {
    const { node } = this.#nodeAt(path)
    if (!isScalar(node) || node.type === Scalar.BLOCK_LITERAL || !node.range) return false
    return this.#text.slice(node.range[0], node.range[1]).trimEnd().includes('\n')
  }

  #nodeAt(path: Path): { readonly node: unknown; readonly offset: number } {
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
    const known = this.#keys.get(map)
    if (known) return known
    const pairs = new Map(map.items.map((pair) => [keyOf(pair), pair]))
    this.#keys.set(map, pairs)
    return pairs
  }
}

/** Parses one file; on anything wrong with its YAML adds the problems and returns undefined. */
export function parseYaml(file: string, text: string, problems: Problem[]): YamlDocument | undefined {
  const lines = new LineCounter()
  const refuse = (offset: number, message: Wording) => {
    const place = placeOf(lines, offset)
    const hint = lookalikeAt(lineOf(text, place.line))
    problems.push({ file, path: '', ...place, message: joined(message, hint) })
  }
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  const beyond = beyondBounds(tokens)
  if (beyond) {
    refuse(beyond.offset, beyond.message)
    return undefined
  }
  // uniqueKeys compares each key with every other: at 200 KB that took four seconds. `findings` sees them in one pass.
  const options = { prettyErrors: false, uniqueKeys: false, stringKeys: true, schema: 'core' } as const
  const [document, second] = [...new Composer(options).compose(tokens, true, text.length)]
  if (!document) return undefined
  const errors = [...document.errors, ...document.warnings]
  for (const error of errors.slice(0, MAX_SYNTAX_PROBLEMS)) refuse(error.pos[0], yamlWording(error.code))
  if (second) refuse(second.range[0], yamlWording('MULTIPLE_DOCS'))
  if (errors.length > 0 || second) return undefined
  const found = findings(document, text)
  for (const { offset, message } of found.slice(0, MAX_SYNTAX_PROBLEMS)) {
    problems.push({ file, path: '', ...placeOf(lines, offset), message })
  }
  if (found.length > 0) return undefined
  try {
    return new YamlDocument(file, text, lines, document, document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }))
  } catch {
    problems.push({ file, path: '', message: BAD_ALIASES })
    return undefined
  }
}

interface Finding {
  readonly offset: number
  readonly message: Wording
}

/** What YAML allows and a tenant's files do not. */
function findings(document: Document, text: string): Finding[] {
  const found: Finding[] = []
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<string>()
      for (const pair of map.items) {
        const key = keyOf(pair)
        const offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0
        if (isForbiddenKey(key)) found.push({ offset, message: FORBIDDEN })
        if (seen.has(key)) found.push({ offset, message: twice(key) })
        seen.add(key)
      }
    },
    Scalar: (_, scalar) => {
      const [start, end] = scalar.range ?? [0, 0]
      if (typeof scalar.value === 'string' && /\p{Surrogate}/u.test(scalar.value)) {
        found.push({ offset: start, message: HALF_CHARACTER })
      }
      if (scalar.type === Scalar.PLAIN) found.push(...swallowedLines(text, start, end))
    },
  })
  return found
}

/** Lines that look like entries of their own and that YAML joined to the text above them. */
function swallowedLines(text: string, start: number, end: number): Finding[] {
  const found: Finding[] = []
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) {
    const line = lineOf(text.slice(at + 1, end), 1)
    const hint = lookalike(line)
    if (hint) found.push({ offset: at + 1 + line.search(/\S/), message: joined(SWALLOWED, hint) })
  }
  return found
}

function keyOf(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key)
}

/** A mistyped line may have become a key as a whole. */
function shownKey(key: string | number): string {
  const text = String(key)
  return text.length > LONGEST_SHOWN_KEY ? `${text.slice(0, LONGEST_SHOWN_KEY)}…` : text
}

function placeOf(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset)
  // An empty file has no line that the counter knows.
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

function lineOf(text: string, line: number): string {
  let start = 0
  for (let n = 1; n < line; n++) {
    const end = text.indexOf('\n', start)
    if (end === -1) return ''
    start = end + 1
  }
  const end = text.indexOf('\n', start)
  return text.slice(start, end === -1 ? undefined : end)
}

function joined(message: Wording, hint: Wording | undefined): Wording {
  return hint ? { en: `${message.en}; ${hint.en}`, zh: `${message.zh}；${hint.zh}` } : message
}

function twice(key: string): Wording {
  const name = shownKey(key)
  return { en: `“${name}” stands here twice`, zh: `“${name}”在这里出现了两次` }
}

const FORBIDDEN: Wording = { en: 'this name cannot be a key', zh: '此名称不能用作键' }
const HALF_CHARACTER: Wording = {
  en: 'the text holds half a character (\\ud800 to \\udfff)',
  zh: '文本含有半个字符（\\ud800 到 \\udfff）',
}
const SWALLOWED: Wording = {
  en: 'YAML joins this line to the text above it',
  zh: 'YAML 会把这一行并入上面的文本',
}
const BAD_ALIASES: Wording = {
  en: 'its aliases (*) are unknown, or unfold to too much',
  zh: '别名（*）无法识别，或展开后过大',
}
