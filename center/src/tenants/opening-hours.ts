import type { Handoff } from '@yizhan/intent'
import type { Wording } from './problem.js'

export type OpeningHours = NonNullable<Handoff['hours']>

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const CHINESE_DAYS = '一二三四五六日'
const TO = '[-–至到]'
const TIME = new RegExp(`(\\d{1,2}):(\\d{2})\\s*${TO}\\s*(\\d{1,2}):(\\d{2})$`)

/**
 * Reads “Mon-Fri 09:00-18:00, Sat 10:00-12:00” or “周一至周五 09:00-18:00”. Days without a time belong to the next time,
 * a time without days to the days before it.
 */
export function readHours(text: string): { readonly hours: OpeningHours } | { readonly wrong: Wording } {
  const plain = text.replace(/：/g, ':').replace(/[－～~—]/g, '-')
  if (plain !== text) return { wrong: fullWidth(plain) }
  const hours: OpeningHours = []
  let days: number[] = []
  let isOpen = false
  for (const part of text.split(/[,;，；、]/)) {
    const bare = part.trim().toLowerCase()
    const time = TIME.exec(bare)
    const named = daysOf(bare.slice(0, time?.index ?? bare.length).trim())
    if (!named) return { wrong: notUnderstood(part.trim()) }
    if (named.length > 0) days = isOpen ? named : [...days, ...named]
    isOpen = time !== null
    if (!time) {
      if (named.length === 0) return { wrong: notUnderstood(part.trim()) }
      continue
    }
    const [, h1 = '', m1 = '', h2 = '', m2 = ''] = time
    const from = `${h1.padStart(2, '0')}:${m1}`
    const to = `${h2.padStart(2, '0')}:${m2}`
    const isTime = from < '24:00' && to <= '24:00' && m1 < '60' && m2 < '60'
    if (!isTime || days.length === 0) return { wrong: notUnderstood(part.trim()) }
    if (to <= from) return { wrong: ends(from, to) }
    hours.push({ days: [...new Set(days)].sort(), from, to })
  }
  return isOpen ? { hours } : { wrong: notUnderstood(text) }
}

/** Empty for no text; undefined if it names no days. */
function daysOf(text: string): number[] | undefined {
  if (text === '') return []
  if (/^(daily|every day|每天|每日)$/.test(text)) return [1, 2, 3, 4, 5, 6, 7]
  if (/^(weekdays|工作日)$/.test(text)) return [1, 2, 3, 4, 5]
  const [first = '', last, more] = text.split(new RegExp(`\\s*${TO}\\s*`))
  const from = dayOf(first)
  if (from === undefined || more !== undefined) return undefined
  if (last === undefined) return [from]
  const to = dayOf(last)
  if (to === undefined) return undefined
  // Fri-Mon goes round the end of the week.
  const count = ((to - from + 7) % 7) + 1
  return Array.from({ length: count }, (_, i) => ((from - 1 + i) % 7) + 1)
}

const ENGLISH = /^(mon|tue|wed|thu|fri|sat|sun)(s|nes|rs|ur)?(day)?s?$/
const CHINESE = /^(?:周|星期|礼拜)?([一二三四五六日天])$/

function dayOf(text: string): number | undefined {
  const english = ENGLISH.exec(text)?.[1]
  if (english !== undefined) return DAYS.indexOf(english) + 1
  const chinese = CHINESE.exec(text)?.[1]?.replace('天', '日')
  return chinese === undefined ? undefined : CHINESE_DAYS.indexOf(chinese) + 1
}

/** Whether `name` is a time zone that this runtime knows. */
export function isTimezone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

export const NO_TIMEZONE: Wording = {
  en: 'is no time zone; write one such as Asia/Shanghai or Europe/Berlin',
  zh: '不是有效的时区；请写 Asia/Shanghai、Europe/Berlin 之类的名称',
}

function fullWidth(plain: string): Wording {
  return { en: `has full-width signs; write “${plain}”`, zh: `含有全角符号，请写成“${plain}”` }
}

function notUnderstood(part: string): Wording {
  return {
    en: `“${part}” is not understood; write “Mon-Fri 09:00-18:00, Sat 10:00-12:00”`,
    zh: `无法识别“${part}”；请写成“周一至周五 09:00-18:00，周六 10:00-12:00”`,
  }
}

function ends(from: string, to: string): Wording {
  return {
    en: `${from}-${to} ends before it begins; over midnight write two: ${from}-24:00 and 00:00-${to}`,
    zh: `${from}-${to} 的结束早于开始；跨午夜请分两段写：${from}-24:00 和 00:00-${to}`,
  }
}
