import { CHINESE_NUMERAL, chineseNumber, englishNumber } from './numerals.js'
import { wallClockIn } from './zoned.js'

/** A moment that is reckoned from now; the day and the time of day of its zone. */
export interface Moment {
  readonly date: Date
  readonly from: number
  readonly to: number
}

const COUNT = `\\d{1,4}(?:\\.\\d)?|[${CHINESE_NUMERAL}]{1,4}`
// 两小时后, 半个小时后, 一个半小时后, 三刻钟之后
const CHINESE = new RegExp(
  `(?:(?<half>半)个?|(?<count>${COUNT})个?(?<more>半)?)(?<unit>小时|钟头|分钟|刻钟)(?:之后|以后|后)(?!天)`,
  'gu',
)
const WORDS = '\\d{1,4}(?:\\.\\d)?|an?|half an?|[a-z]+(?:-[a-z]+)?'
const UNITS = 'hours?|minutes?|mins?'
const IN = new RegExp(`\\bin (?<count>${WORDS}) (?<unit>${UNITS})(?<more> and a half)?\\b`, 'gu')
const LATER = new RegExp(
  `\\b(?<count>${WORDS}) (?<unit>${UNITS})(?<more> and a half)? (?:later|from now)\\b`,
  'gu',
)
const MINUTES: Readonly<Record<string, number>> = { 小时: 60, 钟头: 60, 分钟: 1, 刻钟: 15 }
const MAX_MINUTES = 60 * 24 * 366

/** 两小时后, "in half an hour": every moment of a normalised text that is so much later than now. */
export function momentsLater(
  text: string,
  { wallMs, timezone }: { readonly wallMs: number; readonly timezone?: string | undefined },
): Moment[] {
  return [CHINESE, IN, LATER].flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const minutes = minutesOf(match.groups ?? {})
      if (minutes === undefined || minutes > MAX_MINUTES) return []
      const date = wallClockIn(wallMs + minutes * 60_000, timezone)
      return [{ date, from: match.index, to: match.index + match[0].length }]
    }),
  )
}

function minutesOf({ half, count, more, unit = '' }: Readonly<Record<string, string>>): number | undefined {
  const amount = half === undefined ? numberOf(count ?? '') : 0.5
  if (amount === undefined || amount === 0) return undefined
  const size = MINUTES[unit] ?? (unit.startsWith('hour') ? 60 : 1)
  return Math.round((amount + (more === undefined ? 0 : 0.5)) * size)
}

function numberOf(text: string): number | undefined {
  if (/^\d/.test(text)) return Number(text)
  if (/^half/.test(text)) return 0.5
  return /^an?$/.test(text) ? 1 : (chineseNumber(text) ?? englishNumber(text))
}
