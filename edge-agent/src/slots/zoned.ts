/** The wall clock of a time zone as a date whose parts in this machine's zone are those; without a zone, the machine's own. */
export function wallClockIn(instantMs: number, timezone: string | undefined): Date {
  const { year, month, day, hour, minute, second } = partsIn(instantMs, timezone)
  return new Date(year, month - 1, day, hour, minute, second)
}

/** `+08:00`: what a zone is ahead of UTC on a day (`2026-12-01`) at a time of day (`15:30`). */
export function offsetAt(day: string, time: string, timezone: string | undefined): string {
  const wall = Date.parse(`${day}T${time}:00Z`)
  // The offset at the moment that UTC would say, then at the moment that this offset says.
  const first = aheadMs(wall, timezone)
  const ahead = aheadMs(wall - first, timezone)
  const minutes = Math.abs(Math.round(ahead / 60_000))
  const two = (value: number) => String(value).padStart(2, '0')
  return `${ahead < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

function aheadMs(instantMs: number, timezone: string | undefined): number {
  const { year, month, day, hour, minute, second } = partsIn(instantMs, timezone)
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1000) * 1000
}

function partsIn(instantMs: number, timezone: string | undefined) {
  const parts = clockOf(timezone).formatToParts(instantMs)
  const value = (type: Intl.DateTimeFormatPartTypes) =>
    Number(parts.find((part) => part.type === type)?.value ?? 0)
  return {
    year: value('year'),
    month: value('month'),
    day: value('day'),
    hour: value('hour'),
    minute: value('minute'),
    second: value('second'),
  }
}

const OPTIONS = {
  calendar: 'gregory',
  numberingSystem: 'latn',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
} as const

/** A zone that this machine does not know counts as its own. */
function clockOf(timezone: string | undefined): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      ...OPTIONS,
      ...(timezone === undefined ? {} : { timeZone: timezone }),
    })
  } catch {
    return new Intl.DateTimeFormat('en-US', OPTIONS)
  }
}
