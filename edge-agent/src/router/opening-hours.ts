import type { Handoff } from '@yizhan/intent'
import { primaryOf } from '../tenants/index.js'

type Hours = Pick<Handoff, 'hours' | 'timezone'>

/** Whether somebody is there at `wallMs`: by the clock on the wall of their zone, whatever summer time does to it. */
export function isOpen({ hours, timezone }: Hours, wallMs: number): boolean {
  if (!hours) return true
  const { day, time } = onTheWall(wallMs, timezone)
  return hours.some(({ days, from, to }) => days.includes(day) && time >= from && time < to)
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

function onTheWall(wallMs: number, timezone: string | undefined): { day: number; time: string } {
  const parts = new Map(
    clockOf(timezone)
      .formatToParts(wallMs)
      .map(({ type, value }) => [type, value]),
  )
  return {
    day: DAYS.indexOf(parts.get('weekday') ?? '') + 1,
    time: `${parts.get('hour')}:${parts.get('minute')}`,
  }
}

function clockOf(timeZone: string | undefined): Intl.DateTimeFormat {
  const options = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  try {
    return new Intl.DateTimeFormat('en-US', { ...options, ...(timeZone === undefined ? {} : { timeZone }) })
  } catch {
    // A zone that only a newer machine knows; that of this branch is the best guess.
    return new Intl.DateTimeFormat('en-US', options)
  }
}

/** The hours for a reader: `Mon-Fri 09:00-18:00`, `周一至周五 09:00-18:00`; with the zone if they name one. */
export function toldHours({ hours = [], timezone }: Hours, language: string): string {
  const chinese = primaryOf(language) === 'zh'
  const spans = hours.map(({ days, from, to }) => `${toldDays(days, language)} ${from}-${to}`)
  const zone = timezone === undefined ? '' : chinese ? `（${timezone}）` : ` (${timezone})`
  return spans.join(chinese ? '，' : ', ') + zone
}

function toldDays(days: readonly number[], language: string): string {
  const chinese = primaryOf(language) === 'zh'
  const runs: number[][] = []
  for (const day of [...days].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last?.at(-1) === day - 1) last.push(day)
    else runs.push([day])
  }
  const name = (day: number | undefined) => dayName(day ?? 1, language)
  return runs
    .map((run) =>
      run.length === 1 ? name(run[0]) : `${name(run[0])}${chinese ? '至' : '-'}${name(run.at(-1))}`,
    )
    .join(chinese ? '、' : ', ')
}

function dayName(day: number, language: string): string {
  // 1 January 2024 was a Monday.
  const date = new Date(Date.UTC(2024, 0, day))
  return new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' }).format(date)
}
