import type { ParsedComponents, ParsedResult } from 'chrono-node'
import * as english from 'chrono-node/en'
import * as chinese from 'chrono-node/zh/hans'
import { chineseDays } from './chinese-days.js'
import { blanked, type Reading } from './reading.js'
import { momentsLater } from './relative.js'
import { offsetAt, wallClockIn } from './zoned.js'

/** What a day is reckoned from. */
export interface Today {
  /** Wall clock in milliseconds. */
  readonly wallMs: number
  /** IANA name of the zone whose days and times are meant; default: this machine's. */
  readonly timezone?: string | undefined
  /** The platform's, to tell 3/12 (en-GB) from 12/3; may be empty. */
  readonly locale: string
}

const HAN = /\p{sc=Han}/u
const DAY_FIRST = /^en-(GB|IE|AU|NZ|IN|ZA)\b/i
/** "Next week" is no day, "2 days" is how long something takes. */
const VAGUE =
  /^(?!in |within ).*(?:minute|hour|day|week|month|year|quarter)s?$(?<!(?:sun|mon|tues|wednes|thurs|fri|satur|to)day)/u
const NOON = /中午|正午/u
/** Beside a day the library takes these for a day of their own: 周三下午 is today to it. */
const PART_OF_DAY = /[上下中]午|早[上晨]|[晚夜]里|晚[上间]|傍晚|凌晨|半夜/gu
const FIRST_YEAR = 1900
const LAST_YEAR = 2200

/** Every day of a normalised text as YYYY-MM-DD, in order; both ends of a range. */
export function readDays(whole: string, today: Today): Reading[] {
  const later = momentsLater(whole, today)
  const text = without(whole, later)
  const own = HAN.test(text) ? chineseDays(text, wallClockIn(today.wallMs, today.timezone)) : []
  const days = text.replace(PART_OF_DAY, (part) => ' '.repeat(part.length))
  const rest = without(days, own)
  const named = own.flatMap(({ date, from, to }) => {
    if (!date) return []
    const value = written(date.getFullYear(), date.getMonth() + 1, date.getDate())
    return value === undefined ? [] : [{ value, from, to }]
  })
  const reckoned = later.map(({ date, from, to }) => ({ value: dayIn(date), from, to }))
  return [...named, ...reckoned, ...readings(results(rest, today), dayOf)].sort((a, b) => a.from - b.from)
}

/** Every time of day of a normalised text as HH:MM, in order. */
export function readTimes(whole: string, today: Today): Reading[] {
  const later = momentsLater(whole, today)
  const text = without(whole, later)
  const reckoned = later.map(({ date, from, to }) => ({ value: timeIn(date), from, to }))
  const found = [...reckoned, ...results(text, today).flatMap(timesOf)].sort((a, b) => a.from - b.from)
  const noon = NOON.exec(text)
  if (found.length > 0 || !noon) return found
  return [{ value: '12:00', from: noon.index, to: noon.index + noon[0].length }]
}

/**
 * The one day and time of a normalised text as `2026-12-01T15:30+08:00`, or both ends of a range of times: 后天三点到五点,
 * "from 3pm tomorrow to 5pm on Monday". None if there is more, or nobody can tell which belong together.
 */
export function readDateTimes(text: string, today: Today): Reading[] {
  const [days, times] = [readDays(text, today), readTimes(text, today)]
  const [day, time, end] = [days[0], times[0], times[1]]
  if (!day || !time) return []
  const from = Math.min(day.from, time.from)
  const to = Math.max(day.to, time.to)
  const at = (date: string, { value }: Reading) => {
    return { value: `${date}T${value}${offsetAt(date, value, today.timezone)}`, from, to }
  }
  const dates = new Set(days.map(({ value }) => value))
  if (new Set(times.map(({ value }) => value)).size === 1)
    return dates.size === 1 ? [at(day.value, time)] : []
  // Found as one: a range.
  const isRange = times.length === 2 && end?.from === time.from && end.to === time.to
  if (!isRange || dates.size > 2) return []
  const [first = '', last] = [...dates]
  return [at(first, time), at(last ?? (end.value > time.value ? first : dayAfter(first)), end)]
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
}

/** The text without what was read, every other character where it was. */
function without(text: string, read: readonly { readonly from: number; readonly to: number }[]): string {
  return read.reduce((left, { from, to }) => blanked(left, from, to), text)
}

function results(text: string, { wallMs, locale, timezone }: Today): ParsedResult[] {
  const instant = wallClockIn(wallMs, timezone)
  const en = DAY_FIRST.test(locale) ? english.GB : english.casual
  const options = { forwardDate: true }
  const inChinese = HAN.test(text) ? chinese.casual.parse(text, instant, options) : []
  const found = inChinese.length > 0 ? inChinese : en.parse(text, instant, options)
  return found.filter((result) => !VAGUE.test(result.text))
}

function readings(
  found: readonly ParsedResult[],
  read: (components: ParsedComponents) => string | undefined,
): Reading[] {
  return found.flatMap(({ index, text, start, end }) =>
    [start, end].flatMap((one) => {
      const value = one ? read(one) : undefined
      return value === undefined ? [] : [{ value, from: index, to: index + text.length }]
    }),
  )
}

function dayOf(components: ParsedComponents): string | undefined {
  if (!components.isCertain('day') && !components.isCertain('weekday')) return undefined
  return written(components.get('year'), components.get('month'), components.get('day'))
}

function written(year: number | null, month: number | null, day: number | null): string | undefined {
  if (year === null || year < FIRST_YEAR || year > LAST_YEAR) return undefined
  return `${year}-${pad(month)}-${pad(day)}`
}

/** Both ends of a range; 下午三点到五点 ends in the afternoon as well. */
function timesOf({ index, text, start, end }: ParsedResult): Reading[] {
  const [first, last] = [start.get('hour') ?? 0, end?.get('hour') ?? 0]
  const isCarried = first >= 12 && last < 12 && last + 12 > first && end?.isCertain('meridiem') === false
  return [start, end].flatMap((one) => {
    if (!one?.isCertain('hour')) return []
    const hour = (one.get('hour') ?? 0) + (one === end && isCarried ? 12 : 0)
    return [{ value: `${pad(hour)}:${pad(one.get('minute'))}`, from: index, to: index + text.length }]
  })
}

function dayIn(date: Date): string {
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
}

function timeIn(date: Date): string {
  return `${pad(date.getHours())}:${pad(date.getMinutes())}`
}

function pad(value: number | null): string {
  return String(value ?? 0).padStart(2, '0')
}
