import { CHINESE_NUMERAL, chineseNumber } from './numerals.js'

/** What looks like a day; without a date it is none, such as 32号. */
export interface ChineseDay {
  readonly date: Date | undefined
  readonly from: number
  readonly to: number
}

const NUMBER = `\\d{1,4}|[${CHINESE_NUMERAL}]{1,4}`
// 5号 (the next one to come), 下个月5号; but neither 12月5号 nor 5号楼.
const DAY_OF_MONTH = new RegExp(
  `(?<![月\\d${CHINESE_NUMERAL}])(?<month>下个?月|本月|这个?月)?(?<day>${NUMBER})[号日](?![码楼线店厅院])`,
  'gu',
)
const WEEK_AFTER_NEXT = /下下(?:周|星期|礼拜)(?<weekday>[一二三四五六日天])/gu
/** The last day of a month or a year. */
const MONTH_END = new RegExp(`(?<month>下个?|本|这个?|${NUMBER})?月[底末]`, 'gu')
const YEAR_END = /(?:[今本]年?|(?<next>明)年?)?年[底末]/gu
const WEEKS_LATER = new RegExp(`(?<weeks>${NUMBER})个?(?:周|星期|礼拜)(?:之后|以后|后)`, 'gu')

/** Two days in one word: neither is the one that is meant. */
const TWO_DAYS = /[今明]明?后天|今明两?天|[一二三四五六][、和到至][一二三四五六日天]/gu

/** Ways to name a day in Chinese that the library does not know, in a normalised text. */
export function chineseDays(text: string, now: Date): ChineseDay[] {
  const [year, month, today] = [now.getFullYear(), now.getMonth(), now.getDate()]
  const all = (pattern: RegExp, dateOf: (groups: Readonly<Record<string, string>>) => Date | undefined) =>
    [...text.matchAll(pattern)].map((match) => ({
      date: dateOf(match.groups ?? {}),
      from: match.index,
      to: match.index + match[0].length,
    }))
  return [
    ...all(TWO_DAYS, () => undefined),
    ...all(DAY_OF_MONTH, ({ month: named, day: said = '' }) => {
      const day = numberOf(said)
      const later = named?.startsWith('下') || (named === undefined && day < today) ? 1 : 0
      const date = new Date(year, month + later, day)
      return date.getDate() === day ? date : undefined
    }),
    ...all(WEEK_AFTER_NEXT, ({ weekday = '' }) => {
      const monday = today - ((now.getDay() + 6) % 7)
      return new Date(year, month, monday + 14 + '一二三四五六日'.indexOf(weekday.replace('天', '日')))
    }),
    ...all(MONTH_END, ({ month: named = '' }) => {
      const said = numberOf(named)
      // 12月底 is that of the next December to come.
      if (said > 0) return said > 12 ? undefined : new Date(year + (said <= month ? 1 : 0), said, 0)
      return new Date(year, month + (named.startsWith('下') ? 2 : 1), 0)
    }),
    ...all(YEAR_END, ({ next }) => new Date(year + (next === undefined ? 0 : 1), 11, 31)),
    ...all(WEEKS_LATER, ({ weeks = '' }) => new Date(year, month, today + 7 * numberOf(weeks))),
  ]
}

function numberOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : (chineseNumber(text) ?? 0)
}
