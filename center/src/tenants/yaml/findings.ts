import { isForbiddenKey } from '@yizhan/kernel'
import { type Document, isScalar, type Pair, Scalar, visit } from 'yaml'
import { hiddenCharacter } from '../hidden.js'
import type { Wording } from '../problem.js'
import { joinWordings, lookalike } from './lookalike.js'
import type { TextLines } from './text-lines.js'

/** A comment without a space after its sign. */
const COMMENT = /[ \t]+(#[^\s#][^\n]*)/y

export interface Finding {
  readonly offset: number
  readonly message: Wording
}

/** What YAML allows and a tenant's files do not: keys twice, keys that reach a prototype, lines lost in a text. */
export function findingsIn(document: Document, lines: TextLines): Finding[] {
  const found: Finding[] = []
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<string>()
      for (const pair of map.items) {
        const key = keyOf(pair)
        const offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0
        if (isForbiddenKey(key)) found.push({ offset, message: FORBIDDEN })
        const hidden = /^[\u00a0\u3000]/.test(key) ? WIDE_INDENT : hiddenCharacter(key)
        if (hidden) found.push({ offset, message: hidden })
        if (seen.has(key)) found.push({ offset, message: twice(key) })
        seen.add(key)
      }
    },
    Scalar: (_, scalar) => {
      const [start, end] = scalar.range ?? [0, 0]
      if (typeof scalar.value === 'string' && /\p{Surrogate}/u.test(scalar.value)) {
        found.push({ offset: start, message: HALF_CHARACTER })
      }
      if (scalar.type !== Scalar.PLAIN) return
      found.push(...swallowedLines(lines, start, end))
      const rest = lines.matchAt(end, COMMENT)?.[1]
      if (rest !== undefined) found.push({ offset: end, message: eaten(rest.trimEnd()) })
    },
  })
  return found
}

/** Lines that look like entries of their own and that YAML joins to the text above them. */
function swallowedLines(lines: TextLines, start: number, end: number): Finding[] {
  const found: Finding[] = []
  const first = lines.placeOf(start).line
  const last = lines.placeOf(end).line
  for (let line = first + 1; line <= last; line++) {
    const text = lines.lineAt(line)
    const offset = lines.startOf(line) + text.search(/\S|$/)
    const hint = offset < end ? lookalike(text) : undefined
    if (hint) found.push({ offset, message: joinWordings(SWALLOWED, hint) })
  }
  return found
}

export function keyOf(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key)
}

const LONGEST_SHOWN_KEY = 60

/** A mistyped line may have become a key as a whole. */
export function shownKey(key: string | number): string {
  const text = String(key)
  return text.length > LONGEST_SHOWN_KEY ? `${text.slice(0, LONGEST_SHOWN_KEY)}…` : text
}

/** A comment after a space is one, as in “balanced # or careful”; “#619” is what was meant to be said. */
function eaten(rest: string): Wording {
  const text = shownKey(rest)
  return {
    en: `YAML takes “${text}” for a comment; put the whole text in quotes, or write “# ” if it is one`,
    zh: `YAML 会把“${text}”当作注释；请给整段文本加引号，若确为注释请写“# ”`,
  }
}

function twice(key: string): Wording {
  const name = shownKey(key)
  return { en: `“${name}” stands here twice`, zh: `“${name}”在这里出现了两次` }
}

const WIDE_INDENT: Wording = {
  en: 'a full-width space cannot indent; use spaces',
  zh: '不能用全角空格缩进，请用半角空格',
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
