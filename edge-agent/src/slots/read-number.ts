import { CHINESE_NUMERAL, chineseNumber, englishNumber } from './numerals.js'
import type { Reading } from './reading.js'

const SIGN = '(?<sign>[-−负])?\\s*'
const DIGITS = '(?<![\\d.,])(?<digits>\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|\\d+(?:\\.\\d+)?)(?![\\d.,]*\\d)'
const CHINESE = `(?<chinese>[${CHINESE_NUMERAL}]+)`
const ENGLISH = '\\b(?<english>[a-z]+(?:-[a-z]+)?)\\b'
const HALF = '(?<half>半|\\bhalf\\b)'
/** 1.5万, 2亿. */
const SCALE = '(?<scale>[百千万亿])?'
const NUMBER = new RegExp(`${SIGN}(?:${DIGITS}\\s?${SCALE}|${CHINESE}|${ENGLISH}|${HALF})`, 'gu')
/** Past this a number is no longer told apart from its neighbours. */
const MAX_DIGITS = 15

/** A Chinese "one" that counts something, not 一下 or 一起. */
const COUNTED = /^[天日周晚位人件台份张间年]/u

/** Numbers that somebody mentions without being asked: "one" and 一 mostly mean something else there. */
export function mentionedNumbers(text: string): Reading[] {
  return readNumbers(text).filter(({ from, to }) => {
    const written = text.slice(from, to).trim()
    if (written === 'one' || written === '千万') return false
    return written !== '一' || COUNTED.test(text.slice(to))
  })
}

/** Every number of a normalised text, in order. A half that follows one belongs to it: 三天半 is 3.5. */
export function readNumbers(text: string): Reading[] {
  const found: Reading[] = []
  for (const match of text.matchAll(NUMBER)) {
    const { sign, digits, scale, chinese, english, half } = match.groups ?? {}
    const from = match.index
    const to = from + match[0].length
    const last = found.at(-1)
    if (half === '半' && last && to - last.to <= 2) {
      found[found.length - 1] = { ...last, value: String(Number(last.value) + 0.5), to }
      continue
    }
    const said = sizeOf(digits, chinese, english, half)
    const size = said === undefined ? undefined : scaled(said, scale)
    if (size === undefined || !Number.isFinite(size)) continue
    found.push({ value: String(sign === undefined || size === 0 ? size : -size), from, to })
  }
  return found
}

const SCALES: ReadonlyMap<string, number> = new Map([
  ['百', 100],
  ['千', 1_000],
  ['万', 10_000],
  ['亿', 100_000_000],
])

/** Without the noise of binary fractions: 1.1 × 100 is 110. */
function scaled(size: number, scale: string | undefined): number {
  return scale === undefined ? size : Number((size * (SCALES.get(scale) ?? 1)).toPrecision(MAX_DIGITS))
}

/** 百分之三十, 30 %, thirty percent, 三成. */
const BEFORE = /百分之\s*$/u
const BEHIND = /^\s*(?:%|％|‰|percent\b|per cent\b|个?百分点)/u
const TENTHS = /^\s*成(?!为|功|本|立|员)/u

/** Percentages that somebody mentions: numbers that say that they are some. */
export function mentionedPercents(text: string): Reading[] {
  return readNumbers(text).flatMap((number) => {
    const before = BEFORE.exec(text.slice(0, number.from))
    const behind = BEHIND.exec(text.slice(number.to))
    const tenths = TENTHS.exec(text.slice(number.to))
    if (before) return [{ ...number, from: before.index }]
    if (behind) return [{ ...number, to: number.to + behind[0].length }]
    if (!tenths) return []
    return [{ value: String(Number(number.value) * 10), from: number.from, to: number.to + tenths[0].length }]
  })
}

/** Percentages of an answer, where a number alone is one too: `30`. */
export function readPercents(text: string): Reading[] {
  const marked = mentionedPercents(text)
  return marked.length > 0 ? marked : readNumbers(text)
}

function sizeOf(digits?: string, chinese?: string, english?: string, half?: string): number | undefined {
  if (digits !== undefined) {
    const plain = digits.replaceAll(',', '')
    return plain.length > MAX_DIGITS ? undefined : Number(plain)
  }
  if (chinese !== undefined) return chineseNumber(chinese)
  if (english === 'half') return 0.5
  if (english !== undefined) return englishNumber(english)
  return half === undefined ? undefined : 0.5
}
