import type { Wording } from './problem.js'

const UNITS_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  min: 60_000,
  分钟: 60_000,
  h: 3_600_000,
  小时: 3_600_000,
  d: 86_400_000,
  天: 86_400_000,
  日: 86_400_000,
  w: 7 * 86_400_000,
  周: 7 * 86_400_000,
  // Retention is meant to the day, not to the calendar: 31 and 366 keep a month and a year whole.
  mo: 31 * 86_400_000,
  个月: 31 * 86_400_000,
  y: 366 * 86_400_000,
  年: 366 * 86_400_000,
}
const DURATION = /^(\d{1,6})\s*([a-z]{1,3}|分钟|小时|天|日|周|个月|年)$/

/** Milliseconds; undefined if it is not understood. `30d`, `24h`, `90 天`, `3年`. */
export function readDuration(text: string): number | undefined {
  const [, count, unit = ''] = DURATION.exec(text.trim()) ?? []
  const unitMs = Object.hasOwn(UNITS_MS, unit) ? UNITS_MS[unit] : undefined
  if (count === undefined || unitMs === undefined) return undefined
  return Number(count) * unitMs
}

export function notADuration(text: string): Wording {
  return {
    en: `“${text}” is no duration; write 24h, 30d, 6mo or 3y`,
    zh: `“${text}”不是时长；请写 24h、30d、6mo、3y，或 24小时、30天、6个月、3年`,
  }
}
