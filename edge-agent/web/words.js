import { preference, setPreference } from './storage.js'
import { EN } from './words/en.js'
import { ZH } from './words/zh.js'

/** Every sentence of the page in the reader's language; a live binding. */
export let words = pick(preference('language') ?? fromBrowser())

const listeners = new Set()

/** The first of the browser's languages that is here, else English. */
function fromBrowser() {
  return (navigator.languages ?? [navigator.language]).find((tag) => /^(zh|en)/i.test(tag)) ?? 'en'
}

function pick(tag) {
  return /^zh/i.test(tag) ? ZH : EN
}

/** Switches to the other language, and remembers it. */
export function switchLanguage() {
  words = words === ZH ? EN : ZH
  setPreference('language', words.lang)
  for (const fn of listeners) fn()
}

export function onLanguage(fn) {
  listeners.add(fn)
}

/** The reader's language out of `{zh, en, …}`, else the first that is there. */
export function local(text) {
  if (typeof text === 'string') return text
  const tags = Object.keys(text ?? {})
  const own = tags.find((tag) => tag.toLowerCase().startsWith(words.lang.slice(0, 2)))
  return text?.[own ?? tags[0]] ?? ''
}

/** A time of today as `14:02`, an older one with its day. */
export function clockTime(at) {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return ''
  const time = { hour: '2-digit', minute: '2-digit', hour12: false }
  const today = date.toDateString() === new Date().toDateString()
  return date.toLocaleString(words.lang, today ? time : { month: 'short', day: 'numeric', ...time })
}

/** `1.2 KB`. */
export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), 3)
  return `${(bytes / 1024 ** power).toFixed(1)} ${['B', 'KB', 'MB', 'GB'][power]}`
}
