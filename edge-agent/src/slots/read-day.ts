import type { ParsedComponents, ParsedResult } from 'chrono-node'
import * as english from 'chrono-node/en'
import * as chinese from 'chrono-node/zh/hans'
import { chineseDays } from './chinese-days.js'
import { blanked, type Reading } from './reading.js'
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
export function readDays(text: string, today: Today): Reading[] {
  const own = HAN.test(text) ? chineseDays(text, wallClockIn(today.wallMs, today.timezone)) : []
  const days = text.replace(PART_OF_DAY, (part) => ' '.repeat(part.length))
  const rest = own.reduce((left, { from, to }) => blanked(left, from, to), days)
  const named = own.flatMap(({ date, from, to }) => {
    if (!date) return []
    const value = written(date.getFullYear(), date.getMonth() + 1, date.getDate())
    return value === undefined ? [] : [{ value, from, to }]
  })
  return [...named, ...readings(results(rest, today), dayOf)].sort((a, b) => a.from - b.from)
}

/** Every time of day of a normalised text as HH:MM, in order. */
export function readTimes(text: string, today: Today): Reading[] {
  const found = readings(results(text, today), timeOf)
  const noon = NOON.exec(text)
  if (found.length > 0 || !noon) return found
  return [{ value: '12:00', from: noon.index, to: noon.index + noon[0].length }]
}

/** The one day and the one time of a normalised text as `2026-12-01T15:30+08:00`; none if there are more or fewer. */
export function readDateTimes(text: string, today: Today): Reading[] {
  const [days, times] = [readDays(text, today), readTimes(text, today)]
  const [day, time] = [days[0], times[0]]
  const single = (all: readonly Reading[]) => new Set(all.map(({ value }) => value)).size === 1
  if (!day || !time || !single(days) || !single(times)) return []
  const value = `${day.value}T${time.value}${offsetAt(day.value, time.value, today.timezone)}`
  return [{ value, from: Math.min(day.from, time.from), to: Math.max(day.to, time.to) }]
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

function timeOf(components: ParsedComponents): string | undefined {
  if (!components.isCertain('hour')) return undefined
  return `${pad(components.get('hour'))}:${pad(components.get('minute'))}`
}

function pad(value: number | null): string {
  return String(value ?? 0).padStart(2, '0')
}
